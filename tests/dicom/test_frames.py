from __future__ import annotations

import struct
import warnings
from itertools import accumulate
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from kaname.dicom.frames import Span, frame_bytes, frame_spans, native_frame_bytes
from kaname.dicom.scan import PixelLocation, locate_pixels
from kaname.errors import KanameError, Refused
from kaname.settings import test_data_from_environment as data_folder

END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def item(value: bytes) -> bytes:
    """An item of encapsulated pixel data."""
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value


def encapsulated(value: bytes, before: bytes = b"before") -> tuple[bytes, PixelLocation]:
    """A buffer with an encapsulated value somewhere inside."""
    return before + value + b"behind", PixelLocation(len(before), len(value), True, "OB")  # noqa: FBT003


def cut(buffer: bytes, spans: tuple[Span, ...]) -> list[bytes]:
    """The frames that the spans name."""
    return [frame_bytes(buffer[s.offset : s.offset + s.length], s) for s in spans]


FRAMES = st.lists(st.lists(st.binary(max_size=6).map(lambda b: b + b"\0" * (len(b) % 2)), min_size=1), min_size=1)


@given(FRAMES)
def test_basic_offset_table(frames: list[list[bytes]]) -> None:
    """With an offset table, frames of any number of fragments come out as they went in."""
    sizes = [sum(8 + len(f) for f in fragments) for fragments in frames]
    table = struct.pack(f"<{len(frames)}I", *list(accumulate(sizes, initial=0))[:-1])
    buffer, pixel = encapsulated(item(table) + b"".join(item(f) for frame in frames for f in frame) + END)
    spans = frame_spans(buffer, pixel, len(frames), None)
    assert cut(buffer, spans) == [b"".join(fragments) for fragments in frames]
    assert [s.fragments for s in spans] == [len(fragments) for fragments in frames]


@given(st.lists(st.binary(max_size=6).map(lambda b: b * 2), min_size=1))
def test_one_fragment_for_each_frame(frames: list[bytes]) -> None:
    """Without an offset table, a fragment is a frame where there are as many of them."""
    buffer, pixel = encapsulated(item(b"") + b"".join(map(item, frames)) + END)
    assert cut(buffer, frame_spans(buffer, pixel, len(frames), None)) == frames


def test_single_frame_of_fragments() -> None:
    """Without an offset table, a single frame takes all fragments."""
    buffer, pixel = encapsulated(item(b"") + item(b"ab") + item(b"cd") + item(b"ef") + END)
    (span,) = frame_spans(buffer, pixel, 1, None)
    assert (span.fragments, cut(buffer, (span,))) == (3, [b"abcdef"])


def test_extended_offset_table() -> None:
    """Pixel data with an Extended Offset Table have one fragment for each frame, so the table is not needed."""
    frames = [b"a" * 10, b"b" * 200, b"c" * 6]
    value, _, _ = encapsulate_extended(frames)
    buffer, pixel = encapsulated(value + END)
    assert cut(buffer, frame_spans(buffer, pixel, 3, None)) == frames


TWO_OF_THREE = item(b"ab") + item(b"cd") + item(b"ef") + END


@pytest.mark.parametrize(
    "value",
    [
        item(b"") + TWO_OF_THREE,
        item(struct.pack("<I", 0)) + TWO_OF_THREE,
        item(struct.pack("<II", 0, 11)) + TWO_OF_THREE,
        item(struct.pack("<II", 10, 20)) + TWO_OF_THREE,
        item(struct.pack("<II", 0, 0)) + TWO_OF_THREE,
        item(b"") + END,
        item(b"") + item(b"ab") + b"stray" + END,
        item(b"") + item(b"ab"),
        item(b"") + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + END,
        item(b"") + b"\xfe\xff\x00\xe0\xff\0\0\0" + END,
        END,
    ],
    ids=[
        "three fragments of two frames",
        "short table",
        "offset into a fragment",
        "table beginning late",
        "table standing still",
        "no fragment",
        "stray bytes",
        "no delimiter",
        "fragment of undefined length",
        "fragment beyond the end",
        "no table",
    ],
)
def test_frames_that_cannot_be_told(value: bytes) -> None:
    """Fragments that do not say which frame they belong to are refused, not guessed."""
    buffer, pixel = encapsulated(value)
    with pytest.raises(Refused) as refused:
        frame_spans(buffer, pixel, 2, None)
    assert refused.value.code == "no-frames"


def test_native() -> None:
    """Native frames follow each other; an odd last byte is padded."""
    pixel = PixelLocation(100, 16, encapsulated=False, vr="OB")
    assert frame_spans(b"", pixel, 3, 5) == (Span(100, 5, 0), Span(105, 5, 0), Span(110, 5, 0))
    assert frame_spans(b"", pixel, 1, None) == (Span(100, 16, 0),)
    odd = PixelLocation(100, 15, encapsulated=False, vr="OB")
    assert len(frame_spans(b"", odd, 3, 5)) == 3


@pytest.mark.parametrize(("frames", "size"), [(0, 16), (-1, 16), (2, None), (2, 16), (1, 0), (1, 14), (16, 2)])
def test_native_that_does_not_fit(frames: int, size: int | None) -> None:
    """Native pixel data that are not exactly that many frames are refused."""
    with pytest.raises(Refused) as refused:
        frame_spans(b"", PixelLocation(0, 16, encapsulated=False, vr="OW"), frames, size)
    assert refused.value.code == "no-frames"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((512, 512, 1, 16, "MONOCHROME2"), 524288),
        ((10, 10, 3, 8, "RGB"), 300),
        ((10, 10, 3, 8, "YBR_FULL_422"), 200),
        ((8, 8, 1, 1, "MONOCHROME2"), 8),
        ((5, 5, 1, 1, "MONOCHROME2"), None),
    ],
)
def test_native_frame_bytes(shape: tuple[int, int, int, int, str], expected: int | None) -> None:
    """The size of a native frame follows from its shape; bit images may have none."""
    assert native_frame_bytes(*shape) == expected


@pytest.mark.parametrize(
    ("data", "span"),
    [
        (b"12", Span(0, 3, 0)),
        (item(b"ab") + item(b"cd"), Span(0, 20, 1)),
        (item(b"ab") + b"1234567890", Span(0, 20, 2)),
    ],
)
def test_other_bytes(data: bytes, span: Span) -> None:
    """Bytes that are not those of the span are refused."""
    with pytest.raises(Refused) as refused:
        frame_bytes(data, span)
    assert refused.value.code == "no-frames"


def agrees(path: Path) -> bool:
    """Whether the file's frames can be told, and then are those that pydicom finds."""
    data = path.read_bytes()
    try:
        pixel = locate_pixels(data)
        assert pixel is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = pydicom.dcmread(path)
            frames = int(ds.get("NumberOfFrames") or 1)
        shape = [ds.get(k, 0) for k in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")]
        size = native_frame_bytes(*shape, ds.get("PhotometricInterpretation", ""))
        found = cut(data, frame_spans(data, pixel, frames, size))
    except (AssertionError, KanameError, ValueError):
        return False
    expected = [data[pixel.offset : pixel.offset + pixel.length]]
    if pixel.encapsulated:
        expected = list(generate_frames(ds.PixelData, number_of_frames=frames))
    assert len(found) == frames, path.name
    assert b"".join(expected).startswith(b"".join(found)), path.name
    return True


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "JPEG2000-embedded-sequence-delimiter.dcm",
        "JPEGLSNearLossless_08.dcm",
        "MR_small_RLE.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_rle_16bit_2frame.dcm",
        "SC_rgb_rle_2frame.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_ybr_color.dcm",
        "liver_1frame.dcm",
        "rtdose.dcm",
        "rtdose_rle.dcm",
    ],
)
def test_real_files(name: str) -> None:
    """Frames of real files, native, RLE and JPEG, are those that pydicom finds."""
    assert agrees(Path(str(get_testdata_file(name, download=False))))


def test_public_collection() -> None:
    """Frames of the whole public collection, where they can be told apart, are those that pydicom finds."""
    folder = data_folder() / "dicom"
    if not folder.is_dir():
        pytest.skip("the public DICOM collection is not here: set KANAME_TEST_DATA")
    assert sum(agrees(path) for path in sorted(folder.rglob("*")) if path.is_file()) > 100


def test_fragments_of_many_frames() -> None:
    """What pydicom encapsulates with several fragments a frame is read back."""
    frames = [bytes([n]) * 40 for n in range(5)]
    buffer, pixel = encapsulated(encapsulate(frames, fragments_per_frame=4) + END)
    assert cut(buffer, frame_spans(buffer, pixel, 5, None)) == frames
