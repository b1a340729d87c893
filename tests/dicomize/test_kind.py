from __future__ import annotations

import shutil
import struct
import subprocess
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kaname.dicomize import kind_of
from kaname.dicomize.model import Kind
from kaname.testing.data import test_data as find_test_data


def encoded(kind: str, pages: tuple[tuple[int, int], ...] = ((40, 30),), **how: object) -> bytes:
    """Black pictures of these sizes in one file."""
    first, *rest = [Image.fromarray(np.zeros((rows, columns), "u1")) for rows, columns in pages]
    file = BytesIO()
    first.save(file, kind, **({"save_all": True, "append_images": rest} if rest else {}), **how)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded("JPEG"), "photo"),
        (encoded("PNG"), "photo"),
        (encoded("TIFF"), "photo"),
        (encoded("TIFF", big_tiff=True), "photo"),
        (encoded("TIFF", ((40, 30), (40, 30), (40, 30))), "volume"),
        (encoded("TIFF", ((40, 30), (20, 15))), "photo"),
        (encoded("TIFF", tiffinfo={270: "Aperio Image Library"}), "slide"),
        (encoded("TIFF", tiffinfo={50706: b"\1\4\0\0"}), "vendor"),
        (encoded("GIF"), "video"),
        (b"\0\0\0\x18ftypisom", "video"),
        (b"\0\0\0\x18ftypqt  ", "video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"\0\0\1\xba\x44", "video"),
        (b"\x1aE\xdf\xa3\x9fB\x86", "video"),
        ((b"\x47" + b"\0" * 187) * 3, "video"),
        (b"\0\0\0\x18ftypheic", "vendor"),
        (b"\0\0\0\x1cftypavif", "vendor"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "vendor"),
        (b"CMDb\0\0", "vendor"),
        (b"HSF-OCT-103\0", "vendor"),
        (encoded("BMP"), "vendor"),
        (b"BMI,HbA1c,\n22.5,5.8\n", ""),
        (b"FOCTFDA\0", "vendor"),
        (b"%PDF-1.7\n", "document"),
        (b"\xef\xbb\xbf\n%PDF-1.4\n", "document"),
        (b"\0" * 128 + b"DICM\2\0\0\0", ""),
        ("患者番号,検査日\n".encode(), ""),
        (b"", ""),
    ],
)
def test_a_file_is_what_is_in_it(data: bytes, kind: Kind) -> None:
    """A suffix that says otherwise is not believed."""
    assert kind_of(data, "") == kind
    assert kind_of(data, "picture.jpg") == kind


def test_a_format_without_a_mark_is_known_by_its_suffix() -> None:
    """Raw volumes of an OCT device are numbers from the first byte on."""
    assert kind_of(b"\x12" * 200, "P00001_Macular Cube 512x128_1-2-2026_raw.IMG") == "vendor"
    assert kind_of(b"\x12" * 200, "notes.txt") == ""


def test_a_chain_of_pages_that_leads_in_a_circle_ends() -> None:
    """Two directories that name each other are two pages."""
    page = struct.pack("<HHHIIHHII", 2, 256, 3, 1, 30, 257, 3, 1, 40)
    first, second = 8, 8 + len(page) + 4
    data = b"II*\0" + struct.pack("<I", first) + page + struct.pack("<I", second) + page + struct.pack("<I", first)
    assert kind_of(data, "") == "volume"


@given(st.binary(max_size=300))
def test_no_file_breaks_the_look(data: bytes) -> None:
    """Whatever comes has a kind."""
    for head in (b"", b"II*\0\x08\0\0\0", b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10", b"RIFF\0\0\0\0", b"\0\0\0\x18ftyp"):
        assert kind_of(head + data, "a") in ("photo", "video", "slide", "volume", "document", "vendor", "")


def test_real_files_are_known() -> None:
    """Clips in five containers, slides, photographs; tables and DICOM are none of ours."""
    folder = find_test_data()
    if folder is None:
        pytest.skip("no public test data on this machine")
    kinds: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            kinds.setdefault(path.suffix, set()).add(kind_of(path.read_bytes(), path.name))
    assert {kinds[suffix].pop() for suffix in (".mp4", ".mov", ".avi", ".mpeg", ".gif")} == {"video"}
    assert kinds[".svs"] == {"slide"}
    assert kinds[".jpg"] == kinds[".png"] == {"photo"}
    assert kinds[".csv"] == kinds[".dcm"] == {""}


def test_containers_that_ffmpeg_writes_are_known(tmp_path: Path) -> None:
    """Also those that no real file here has."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    for suffix, codec in ((".ts", "mpeg2video"), (".mkv", "mpeg4"), (".m2v", "mpeg2video"), (".wmv", "wmv2")):
        file = tmp_path / f"clip{suffix}"
        made = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-c:v", codec, str(file))
        subprocess.run(["ffmpeg", "-v", "error", *made], check=True, stdin=subprocess.DEVNULL)
        assert kind_of(file.read_bytes(), "") == "video", suffix


def test_a_tag_that_claims_millions_of_values_is_not_read_whole() -> None:
    """Three hundred directories whose every tag is the same 16 million bytes are told apart in a moment."""
    values, tags, many = 1 << 24, (254, 256, 257, 258, 277), 300
    first, size = values + 16, 2 + 12 * len(tags) + 4
    chain = [
        struct.pack("<H", len(tags))
        + b"".join(struct.pack("<HHII", tag, 1, values, 8) for tag in tags)
        + struct.pack("<I", first + (number + 1) * size if number < many - 1 else 0)
        for number in range(many)
    ]
    began = time.process_time()
    assert kind_of(b"II*\0" + struct.pack("<I", first) + bytes(values + 8) + b"".join(chain), "") == "volume"
    assert time.process_time() - began < 5
