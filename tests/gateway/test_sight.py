"""Pictures of what is held, made from the encrypted original each time."""

from __future__ import annotations

import shutil
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaname.database import reading
from kaname.errors import Refused
from kaname.gateway import held
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS
from kaname.gateway.ingest import Night, receive_all
from kaname.gateway.sight import FRAMES_MOST, after, before, frames
from kaname.testing.clip import shipped
from kaname.testing.endoscopy import make_endoscopy

from .hospitals import make_gateway


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """A gateway that takes endoscopy."""
    return make_gateway(tmp_path, registries=("jed",))


def pixels(png: bytes) -> np.ndarray[Any, Any]:
    """What a picture shows."""
    return np.asarray(Image.open(BytesIO(png)))


def waiting(hospital: Hospital, folder: Path, **files: bytes) -> list[held.Item]:
    """Files that no row names, the same as they were given; the names end behind the last underscore."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    list(receive_all(hospital, [folder], "jed", Night()))
    return list(held.items(hospital, ("jed",)))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the program ffmpeg is not there")
def test_moments_of_a_video(hospital: Hospital, tmp_path: Path) -> None:
    """Of a video the pictures that are looked through can be seen, first to last, and none behind."""
    (item,) = waiting(hospital, tmp_path / "in", clip_mp4=shipped())
    assert frames(hospital, item) == FRAMES_MOST
    shown = pixels(before(hospital, item, 1))
    assert shown.shape[2] == 3
    assert pixels(after(hospital, item, 1)).shape == shown.shape
    with pytest.raises(Refused, match="frame-out-of-range"):
        before(hospital, item, FRAMES_MOST)
    for frame in (0, FRAMES_MOST + 1):
        with pytest.raises(Refused, match="frame-out-of-range"):
            before(hospital, item, frame)


def test_what_is_no_picture(hospital: Hospital, tmp_path: Path) -> None:
    """A photograph that cannot be decoded says so; so does one page too many, and a document has none."""
    out = BytesIO()
    Image.new("RGB", (64, 48)).save(out, "JPEG")
    items = waiting(hospital, tmp_path / "in", a_jpg=out.getvalue()[:300], b_pdf=b"%PDF-1.4", c_jpg=out.getvalue())
    kinds: dict[str, str] = {}
    for item in items:
        try:
            before(hospital, item, 2 if frames(hospital, item) else 1)
        except Refused as error:
            kinds[item.id] = error.code
    assert sorted(kinds.values()) == ["frame-out-of-range", "no-frames", "pixels-undecodable"]
    row = held.Item("0" * 64, "jed", "row", "held", "record-late", "")
    assert frames(hospital, row) == 0
    assert held.words_of(hospital, row) == {}
    with pytest.raises(Refused, match="no-frames"):
        before(hospital, row)


def test_a_picture_that_breaks_while_it_is_read(hospital: Hospital, tmp_path: Path) -> None:
    """A PNG whose chunks end in nothing, a TIFF whose second page has no width: whatever Pillow says, a reason."""
    png, tiff = BytesIO(), BytesIO()
    Image.new("RGB", (64, 48)).save(png, "PNG")
    page = Image.new("L", (64, 48))
    page.save(tiff, "TIFF", save_all=True, append_images=[page])
    second = bytearray(tiff.getvalue())
    width = second.rindex(struct.pack("<HHI", 256, 4, 1))
    second[width] = 0xFF
    items = waiting(hospital, tmp_path / "in", a_png=png.getvalue().replace(b"IEND", b"\x99END"), b_tif=bytes(second))
    for item in items:
        with pytest.raises(Refused, match=r"pixels-undecodable|frame-out-of-range"):
            [before(hospital, item, frame) for frame in (1, 2)]


def test_writing_that_became_black(hospital: Hospital, tmp_path: Path) -> None:
    """A still with the patient's name in its side panel is shown as it came, and with the writing black."""
    make_endoscopy(tmp_path / "in", patients=1, stills=1)
    list(receive_all(hospital, [tmp_path / "in"], "jed", Night()))
    with reading(hospital.node.index) as connection:
        names = connection.scalars(select(OBJECTS.c.id)).all()
    items = [held.Item(name, "jed", "object", "held", "text-in-pixels", "") for name in names]
    (still,) = [item for item in items if frames(hospital, item) == 1]
    came, went = pixels(before(hospital, still)), pixels(after(hospital, still))
    assert came.shape == went.shape
    assert (went[came.max(axis=2) > 200].max(axis=1) == 0).any()
