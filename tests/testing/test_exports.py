"""A day of four departments: what is planted, what the table says, and what must be held."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaname.errors import reasons
from kaname.gateway.tables import read_table
from kaname.inference import find_text, read_text
from kaname.registries import load
from kaname.testing.badexport import REGISTRY, make_bad_exports
from kaname.testing.badinput import PASSES
from kaname.testing.department import MAPPING, TABLE
from kaname.testing.dermatology import make_dermatology
from kaname.testing.endoscopy import make_endoscopy
from kaname.testing.export import ExportKey
from kaname.testing.eye import make_eye
from kaname.testing.scenery import anterior_segment, fundus, mucosa, retina, skin
from kaname.testing.surgery import make_surgery

Make = Callable[..., ExportKey]
DAYS: dict[str, Make] = {"jed": make_endoscopy, "joi": make_eye, "nsdd": make_dermatology, "s-access": make_surgery}
EVERY = pytest.mark.parametrize("registry", DAYS)


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@EVERY
def test_the_same_day_again(tmp_path: Path, registry: str) -> None:
    """The same arguments give the same bytes and the same key; another seed gives other people."""
    first, second = (DAYS[registry](tmp_path / name, patients=2) for name in ("1", "2"))
    assert first == second
    assert content(tmp_path / "1") == content(tmp_path / "2")
    assert not {row.patient_id for row in first.rows} & {r.patient_id for r in DAYS[registry](tmp_path, seed=5).rows}


@EVERY
def test_what_is_planted_is_there(tmp_path: Path, registry: str) -> None:
    """Every identifying string of the key stands in the table, in a file's name or in its bytes."""
    key = DAYS[registry](tmp_path, patients=3)
    found = content(tmp_path)
    table = found.pop(TABLE).decode("cp932")
    everything = b"\n".join([*found.values(), *(name.encode() for name in found), table.encode()])
    assert len(key.planted) > 20
    for planted in key.planted:
        assert planted.encode() in everything or planted.encode("utf-16-le") in everything


@EVERY
def test_everything_that_may_travel_is_known_to_the_registry(tmp_path: Path, registry: str) -> None:
    """The mapping speaks of items of the registry, each row's items are its codes and numbers, and rows are all."""
    key = DAYS[registry](tmp_path)
    items = load(registry).items
    assert tomllib.loads((tmp_path / MAPPING).read_text(encoding="utf-8"))["items"].keys() <= items.keys()
    assert [row["受付番号"] for row in read_table(tmp_path / TABLE).rows()] == [row.accession for row in key.rows]
    for row in key.rows:
        for name, value in row.items.items():
            assert value in items[name].values if items[name].type == "code" else isinstance(value, float)


@EVERY
def test_every_file_has_a_source(tmp_path: Path, registry: str) -> None:
    """Each kind of file that the department exports is one that the registry takes."""
    kinds = {".jpg": "photo", ".png": "photo", ".mp4": "video", ".tif": "volume"}
    sources = load(registry).sources
    key = DAYS[registry](tmp_path)
    assert key.files
    assert {kinds[Path(file.path).suffix] for file in key.files} == sources.keys()
    assert {file.held_as for file in key.files} - {""} <= set(reasons())


def test_what_is_burned_in_can_be_read(tmp_path: Path) -> None:
    """The patient's number stands in the pixels of a still, where a person reads it."""
    key = make_endoscopy(tmp_path, patients=1, stills=1)
    shown = np.asarray(Image.open(BytesIO((tmp_path / key.files[0].path).read_bytes())))
    assert key.rows[0].patient_id in key.burned
    assert key.rows[0].patient_id in "".join(read_text(shown)).replace(" ", "")


def test_nothing_that_is_drawn_looks_like_writing() -> None:
    """In none of the invented scenes does the detector see writing before somebody writes into it."""
    grey = np.repeat(retina(1, 1, 160, 256)[0][..., np.newaxis], 3, axis=2)
    for shown in (mucosa(1, 192, 256), fundus(1, 192, 256), anterior_segment(1, 192, 256), skin(1, 192, 256), grey):
        assert not list(find_text(shown))


def test_a_face_and_an_overlay_must_be_held(tmp_path: Path) -> None:
    """One photograph shows a face, one video has the name in its pictures: the keys say so."""
    assert "face-may-identify" in {file.held_as for file in make_dermatology(tmp_path / "skin").files}
    assert "text-in-pixels" in {file.held_as for file in make_endoscopy(tmp_path / "gut").files}


def test_bad_exports(tmp_path: Path) -> None:
    """Each bad file has a row that names it and codes that exist; the same call gives the same bytes."""
    bad = make_bad_exports(tmp_path / "1")
    assert {code for one in bad.values() for code in one.reasons} - {PASSES} <= set(reasons())
    named = {row["ファイル"] for row in read_table(tmp_path / "1" / TABLE).rows()}
    assert named == {str(one.path.relative_to(tmp_path / "1")) for one in bad.values()}
    assert load(REGISTRY).sources.keys() == {"photo", "video"}
    make_bad_exports(tmp_path / "2")
    assert content(tmp_path / "1") == content(tmp_path / "2")
