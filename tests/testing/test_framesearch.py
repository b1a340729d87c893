from __future__ import annotations

import random
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.registries import load
from kaname.testing.framesearch import UNREADABLE, find_drawn
from kaname.testing.hospital import invent_visit
from kaname.testing.objects import ct_slice, to_bytes
from kaname.testing.personas import personas, site
from kaname.testing.ultrasound import Scene, Ultrasound, ultrasound


@pytest.fixture(scope="module")
def clip() -> Ultrasound:
    """A short clip with its banner."""
    rng = random.Random("frame search")  # noqa: S311 - the same every time
    return ultrasound(invent_visit(rng, personas(1, 2)[1], site(1)), rng, Scene(frames=2, encoding="JPEG"))


def test_a_planted_picture_is_found(tmp_path: Path, clip: Ultrasound) -> None:
    """A clip that still shows its banner, inside a pack, is a hit for nearly every string that was burned in."""
    with tarfile.open(tmp_path / "pack", "w", format=tarfile.USTAR_FORMAT) as pack:
        member = tarfile.TarInfo("1.2.3.dcm")
        member.size = len(clip.data)
        pack.addfile(member, BytesIO(clip.data))
    found = find_drawn(tmp_path, clip.burned)
    shown = {clip.burned[hit.form_index] for hit in found.hits}
    assert found.instances == 1
    assert found.pictures == 2
    assert {hit.member for hit in found.hits} == {"1.2.3.dcm"}
    assert {clip.visit.persona.patient_id, clip.visit.site.name} <= shown


def test_a_clean_picture_is_not(tmp_path: Path, clip: Ultrasound) -> None:
    """What the crossing made of the same clip shows none of them."""
    key = MasterKey(b"0123456789abcdef0123456789abcdef").for_registry("jsum")
    Engine(load("jsum"), key, "gw-1").cross(Identified(clip.data), tmp_path)
    found = find_drawn(tmp_path, clip.burned)
    assert found.hits == ()
    assert found.instances == 1


def test_what_cannot_be_rendered_is_a_hit(tmp_path: Path) -> None:
    """Pixels that no decoder here can read are reported; what has no pixels is none, and 16 bits are read too."""
    (tmp_path / "a.dcm").write_bytes(to_bytes(ct_slice(Rows=900)))
    (tmp_path / "b.dcm").write_bytes(to_bytes(ct_slice(PixelData=None)))
    (tmp_path / "c.dcm").write_bytes(to_bytes(ct_slice()))
    (tmp_path / "d.txt").write_text("HAYASHI")
    found = find_drawn(tmp_path, ["HAYASHI"])
    assert [(str(hit.path), hit.form_index) for hit in found.hits] == [("a.dcm", UNREADABLE)]
    assert (found.instances, found.pictures) == (2, 1)
