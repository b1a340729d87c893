"""The invented echo room: what it plants, and what becomes of it at the crossing and in the second look."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.errors import NotYet
from kaname.gateway import crossing
from kaname.gateway.crossing import cross_checked
from kaname.registries import load
from kaname.residual import Finding, inspect_file
from kaname.testing.bytesearch import search_bytes
from kaname.testing.data import real_file
from kaname.testing.hospital import invent_visit
from kaname.testing.personas import personas, site
from kaname.testing.sonogram import WINDOW
from kaname.testing.ultrasound import Scene, Ultrasound, make_ultrasound, ultrasound
from kaname.testing.write import CHARSETS


def made(scene: Scene, number: int = 0) -> Ultrasound:
    """One file of an invented patient."""
    rng = random.Random(f"test {number}")  # noqa: S311 - the same every time
    visit = invent_visit(rng, personas(1, 3)[number], site(1))
    return ultrasound(visit, rng, scene, CHARSETS[number])


def engine() -> Engine:
    """An engine for ultrasound."""
    return Engine(load("jsum"), MasterKey(b"0123456789abcdef0123456789abcdef").for_registry("jsum"), "gw-1")


@pytest.mark.parametrize(
    ("scene", "number"),
    [(Scene(), 0), (Scene(encoding="grey"), 1), (Scene(frames=3, encoding="JPEG"), 2), (Scene(frames=3), 0)],
)
def test_it_crosses(tmp_path: Path, scene: Scene, number: int) -> None:
    """Stills and clips cross: no planted string in the bytes, nothing outside the region, no doubt in a second look."""
    file = made(scene, number)
    crossed = cross_checked(Identified(file.data), engine(), tmp_path)
    data = crossed.path.read_bytes()
    assert inspect_file(data, load("jsum").pixels.regions.keys()) == ()
    assert search_bytes(data, file.planted) == []
    left, top, right, bottom = WINDOW
    array = pydicom.dcmread(BytesIO(data)).pixel_array.reshape(scene.frames, 384, 512, -1)
    shown = array[:, top : bottom + 1, left : right + 1]
    assert shown.any()
    assert array.astype(int).sum() == shown.astype(int).sum()


@pytest.mark.parametrize("scene", [Scene(name_inside=True), Scene(regions=False)])
def test_it_is_held(tmp_path: Path, scene: Scene) -> None:
    """A name inside the region, or no region at all, holds the file with the reason that the scene names."""
    with pytest.raises(NotYet) as caught:
        cross_checked(Identified(made(scene).data), engine(), tmp_path)
    assert caught.value.code == scene.held_as
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    ("kind", "code"), [("text-in-pixels", "text-in-pixels"), ("outside-regions", "identity-residual")]
)
def test_a_second_look_at_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, code: str) -> None:
    """What the inspection at intake would find is held in the hospital already."""
    monkeypatch.setattr(crossing, "inspect_file", lambda *_: (Finding(kind, "PixelData"),))
    with pytest.raises(NotYet) as caught:
        crossing.cross_checked(Identified(made(Scene(encoding="grey")).data), engine(), tmp_path)
    assert caught.value.code == code
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_the_banner_is_burned_in() -> None:
    """The banner is drawn outside the window, in every frame, and says what is listed as burned in."""
    file = made(Scene(frames=2))
    array = pydicom.dcmread(BytesIO(file.data)).pixel_array
    assert (array[:, : WINDOW[1]].max(axis=(1, 2, 3)) == 255).all()
    assert {file.visit.persona.patient_id, file.visit.site.name} <= set(file.burned)
    assert not np.array_equal(array[0], array[1])


def test_an_echo_room(tmp_path: Path) -> None:
    """The same arguments give the same files; each patient has stills and a clip, two files must be held."""
    keys = make_ultrasound(tmp_path / "a", patients=2)
    again = make_ultrasound(tmp_path / "b", patients=2)
    assert [k.path for k in keys] == [k.path for k in again]
    assert all((tmp_path / "a" / k.path).read_bytes() == k.made.data for k in keys)
    assert [k.made.data for k in keys] == [k.made.data for k in again]
    assert [k.made.scene.frames for k in keys] == [1, 1, 8, 1, 1, 1, 8, 1]
    assert [k.made.scene.held_as for k in keys if k.made.scene.held_as] == ["text-in-pixels", "regions-missing"]
    assert {k.made.visit.persona.patient_id in k.made.planted for k in keys} == {True}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ExplVR_BigEnd.dcm", "regions-missing"),
        ("examples_jpeg2k.dcm", "regions-missing"),
        ("examples_rgb_color.dcm", "regions-missing"),
        ("examples_ybr_color.dcm", "regions-missing"),
        ("examples_palette.dcm", "pixels-may-identify"),
    ],
)
def test_real_ultrasound_is_held(tmp_path: Path, name: str, code: str) -> None:
    """The real ultrasound inside pydicom has no regions, regions of another size, or a palette: all of it is held."""
    with pytest.raises(NotYet) as caught:
        engine().cross(Identified(real_file(name).read_bytes()), tmp_path)
    assert caught.value.code == code
