from __future__ import annotations

import random
import tarfile
from io import BytesIO
from pathlib import Path
from shutil import which

import pytest
from PIL import Image

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.dicomize.clip import clip as clip_of
from kaname.dicomize.header import Examination
from kaname.dicomize.photo import photo
from kaname.dicomize.slide import slide as dicomized_slide
from kaname.registries import load
from kaname.testing.clip import made as made_video
from kaname.testing.framesearch import UNREADABLE, find_drawn
from kaname.testing.hospital import invent_visit
from kaname.testing.objects import ct_slice, to_bytes
from kaname.testing.personas import personas, site
from kaname.testing.photo import written_on
from kaname.testing.scenery import mucosa
from kaname.testing.slides import Scan, slide
from kaname.testing.ultrasound import Scene, Ultrasound, ultrasound

VISIBLE_LIGHT = "1.2.840.10008.5.1.4.1.1.77.1"


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


@pytest.fixture(scope="module")
def name() -> str:
    """The name of an invented patient."""
    return "".join(personas(1, 2)[1].name.kanji)


def test_slides_are_read(tmp_path: Path, name: str) -> None:
    """A name written over the tissue is found on a slide's levels, each put together from its tiles."""
    rng = random.Random("frame search")  # noqa: S311 - the same every time
    made = slide(invent_visit(rng, personas(1, 2)[1], site(1)), rng, Scan("OME", "YCbCr", 1024, written_on=True))
    for number, level in enumerate(dicomized_slide(made.data, Examination("1"), f"{VISIBLE_LIGHT}.6")):
        (tmp_path / f"{number}.dcm").write_bytes(level)
    found = find_drawn(tmp_path, [name])
    assert {"0.dcm", "1.dcm"} <= {str(hit.path) for hit in found.hits}
    assert (found.instances, found.pictures) == (3, 3 + 1 + 1)


@pytest.mark.skipif(not which("ffmpeg"), reason="ffmpeg is not installed")
def test_photographs_and_videos_are_read(tmp_path: Path, name: str) -> None:
    """A name in a photograph and in a video is found; a video that is broken is a hit."""
    picture = written_on(mucosa(7, 192, 256), [name], (8, 8), 24)
    still = BytesIO()
    Image.fromarray(picture).save(still, "JPEG", quality=90)
    video = made_video([picture], 30)
    (tmp_path / "still.dcm").write_bytes(photo(still.getvalue(), Examination("1"), f"{VISIBLE_LIGHT}.1", 1))
    (tmp_path / "video.dcm").write_bytes(clip_of(video, Examination("1"), f"{VISIBLE_LIGHT}.1.1", 2))
    found = find_drawn(tmp_path, [name])
    assert [(str(hit.path), hit.form_index) for hit in found.hits] == [("still.dcm", 0), ("video.dcm", 0)]
    assert find_drawn(tmp_path, [name], "OP").instances == 0
    (tmp_path / "video.dcm").write_bytes((tmp_path / "video.dcm").read_bytes().replace(b"moov", b"moof"))
    assert ("video.dcm", UNREADABLE) in [(str(h.path), h.form_index) for h in find_drawn(tmp_path, [name]).hits]


def test_what_cannot_be_rendered_is_a_hit(tmp_path: Path) -> None:
    """Pixels that no decoder here can read are reported; what has no pixels is none, and 16 bits are read too."""
    (tmp_path / "a.dcm").write_bytes(to_bytes(ct_slice(Rows=900)))
    (tmp_path / "b.dcm").write_bytes(to_bytes(ct_slice(PixelData=None)))
    (tmp_path / "c.dcm").write_bytes(to_bytes(ct_slice()))
    (tmp_path / "d.txt").write_text("HAYASHI")
    found = find_drawn(tmp_path, ["HAYASHI"])
    assert [(str(hit.path), hit.form_index) for hit in found.hits] == [("a.dcm", UNREADABLE)]
    assert (found.instances, found.pictures) == (2, 1)
