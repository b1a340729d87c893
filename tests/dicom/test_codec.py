from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.pixels.utils import pixel_array

from kaname.dicom.codec import FrameShape, decode_frame, frame_shape
from kaname.dicom.frames import frame_bytes, frame_spans, native_frame_bytes
from kaname.dicom.json import instance_json
from kaname.dicom.rle import segments
from kaname.dicom.scan import locate_pixels
from kaname.errors import Refused

NATIVE, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"
JPEG, EXTENDED, J2K, J2K_ANY = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 90, 91))
GREY = FrameShape(8, 10, 1, 8, 8, signed=False, photometric="MONOCHROME2", planar=False)
COLOUR = FrameShape(8, 10, 3, 8, 8, signed=False, photometric="RGB", planar=False)


def changed(shape: FrameShape, **changes: Any) -> FrameShape:
    """The shape with other values."""
    fields = {name: getattr(shape, name) for name in FrameShape.__slots__}
    return FrameShape(**{**fields, **changes})


def first_frame(name: str) -> tuple[bytes, FrameShape, str]:
    """The bytes of the first frame of a file of pydicom's, its shape and its syntax."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    with open(path, "rb") as file:  # noqa: PTH123
        data = file.read()
    metadata = instance_json(data)
    shape, location = frame_shape(metadata), locate_pixels(data)
    assert location is not None
    size = native_frame_bytes(shape.rows, shape.columns, shape.samples, shape.bits_allocated, shape.photometric)
    frames = int(metadata.get("00280008", {}).get("Value", [1])[0])
    span = frame_spans(data, location, frames, size)[0]
    syntax = str(pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
    return frame_bytes(data[span.offset : span.offset + span.length], span), shape, syntax


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "693_J2KI.dcm",
        "J2K_pixelrep_mismatch.dcm", "JPEG2000.dcm", "rtdose_rle.dcm", "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_2frame.dcm",
        "SC_rgb_small_odd.dcm", "SC_rgb_small_odd_jpeg.dcm", "SC_ybr_full_422_uncompressed.dcm",
        "SC_jpeg_no_color_transform.dcm", "SC_jpeg_no_color_transform_2.dcm", "SC_rgb_jpeg_app14_dcmd.dcm",
        "SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_gdcm_KY.dcm", "examples_jpeg2k.dcm", "examples_palette.dcm",
        "examples_rgb_color.dcm", "examples_ybr_color.dcm", "examples_overlay.dcm", "liver_1frame.dcm",
        "SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm",
    ],
)  # fmt: skip
def test_real_frames(name: str) -> None:
    """Every real frame comes out exactly as another decoder makes it, in the colour space of its header."""
    data, shape, syntax = first_frame(name)
    path = get_testdata_file(name, download=False)
    expected = pixel_array(str(path), raw=True, index=0)
    found = decode_frame(data, shape, syntax)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


@given(st.binary(min_size=160, max_size=160), st.booleans(), st.integers(9, 16))
def test_native_and_rle_are_one(data: bytes, signed: bool, stored: int) -> None:  # noqa: FBT001
    """Native and run-length encoded samples come out the same, of stored bits alone."""
    shape = changed(GREY, bits_allocated=16, bits_stored=stored, signed=signed)
    raw = np.frombuffer(data, "<u2").reshape(8, 10)
    low, high = (-(1 << (stored - 1)), 1 << (stored - 1)) if signed else (0, 1 << stored)
    found = decode_frame(data, shape, NATIVE)
    assert ((found >= low) & (found < high)).all()
    assert np.array_equal(found.astype("i8") & ((1 << stored) - 1), raw & ((1 << stored) - 1))
    encoder = RLELosslessEncoder.encode(
        raw, rows=8, columns=10, samples_per_pixel=1, bits_allocated=16, bits_stored=16, pixel_representation=0,
        number_of_frames=1, photometric_interpretation="MONOCHROME2",
    )  # fmt: skip
    assert np.array_equal(decode_frame(encoder, shape, RLE), found)


def test_planes() -> None:
    """Colour by plane is colour by pixel."""
    array = np.arange(240, dtype="u1").reshape(8, 10, 3)
    planes = array.transpose(2, 0, 1).tobytes()
    assert np.array_equal(decode_frame(planes, changed(COLOUR, planar=True), NATIVE), array)
    assert np.array_equal(decode_frame(array.tobytes(), COLOUR, NATIVE), array)


def encoded(kind: str, shape: tuple[int, ...] = (8, 10), **ways: Any) -> bytes:
    """A picture as Pillow writes it."""
    out = BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(out, kind, **ways)
    return out.getvalue()


def test_adobe_without_transform() -> None:
    """A stream that marks its colours as RGB is read as such, whatever the header calls them."""
    data = encoded("JPEG", (8, 10, 3), keep_rgb=True)
    assert np.array_equal(decode_frame(data, COLOUR, JPEG), np.zeros((8, 10, 3)))
    black = decode_frame(data, changed(COLOUR, photometric="YBR_FULL"), JPEG)
    assert black[0, 0].tolist() == [0, 128, 128]


J2K_BYTES = encoded("JPEG2000", no_jp2=True)


@pytest.mark.parametrize(
    ("data", "shape", "syntax"),
    [
        (b"\0" * 79, GREY, NATIVE),
        (b"\0" * 82, GREY, NATIVE),
        (b"\0" * 81, changed(GREY, rows=9, columns=9, photometric="YBR_FULL_422"), NATIVE),
        (b"\0" * 160, changed(COLOUR, rows=16, columns=5, photometric="YBR_FULL_422"), NATIVE),
        (b"\0" * 80, changed(GREY, rows=60000, columns=60000), NATIVE),
        (b"\0" * 80, GREY, "1.2.840.10008.1.2.4.80"),
        (b"\0" * 10, changed(GREY, bits_allocated=1, bits_stored=1), RLE),
        (b"\0" * 63, GREY, RLE),
        (b"\2" + b"\0" * 99, GREY, RLE),
        (b"\1\0\0\0\x41" + b"\0" * 99, GREY, RLE),
        (b"\1\0\0\0\x40" + b"\0" * 59 + b"\x80\x80\xff\1", GREY, RLE),
        (b"", GREY, JPEG),
        (b"\xff\xd8\xff\xe0", GREY, JPEG),
        (encoded("JPEG")[:150], GREY, JPEG),
        (encoded("JPEG", (9, 10)), GREY, JPEG),
        (encoded("JPEG"), COLOUR, EXTENDED),
        (encoded("PNG"), GREY, JPEG),
        (b"", GREY, J2K),
        (J2K_BYTES[:60], GREY, J2K),
        (J2K_BYTES, changed(GREY, rows=9), J2K),
        (J2K_BYTES, COLOUR, J2K),
        (J2K_BYTES, changed(GREY, bits_allocated=1, bits_stored=1), J2K_ANY),
        (J2K_BYTES[:-20], GREY, J2K),
    ],
)
def test_bad_frames(data: bytes, shape: FrameShape, syntax: str) -> None:
    """Frames of another size, syntax or kind than the header says, and broken ones, are refused as undecodable."""
    with pytest.raises(Refused, match="pixels-undecodable"):
        decode_frame(data, shape, syntax)


def test_file_in_place_of_a_codestream() -> None:
    """A JP2 file around the codestream is looked through."""
    data = encoded("JPEG2000")
    assert data[4:8] == b"jP  "
    assert not decode_frame(data, GREY, J2K).any()


HEADER = {
    "00280002": 1, "00280004": "monochrome2 ", "00280010": 8, "00280011": 10, "00280100": 8, "00280101": 8,
    "00280102": 7, "00280103": 0,
}  # fmt: skip


def metadata(**changes: Any) -> dict[str, Any]:
    """A header as DICOM JSON; ``t00280010=None`` takes an attribute away."""
    values = {**HEADER, **{tag[1:]: value for tag, value in changes.items()}}
    return {tag: {"vr": "US", "Value": [value]} for tag, value in values.items() if value is not None}


def test_shape() -> None:
    """The header tells the shape; what it may leave out has its usual value."""
    assert frame_shape(metadata()) == GREY
    assert frame_shape(metadata(t00280102=None, t00280103=None)) == GREY
    assert frame_shape(metadata(t00280103=1, t00280006=1)).signed


@pytest.mark.parametrize(
    "changes",
    [
        {"t00280010": None}, {"t00280010": 0}, {"t00280010": "8"}, {"t00280010": 1.5}, {"t00280010": True},
        {"t00280002": 2}, {"t00280100": 12}, {"t00280101": 0}, {"t00280101": 9}, {"t00280102": 3},
        {"t00280010": 65535, "t00280011": 65535},
    ],
)  # fmt: skip
def test_bad_shapes(changes: dict[str, Any]) -> None:
    """A header that describes no frame of the Standard, or a monstrous one, is refused."""
    with pytest.raises(Refused, match="pixels-undecodable"):
        frame_shape(metadata(**changes))


@given(st.binary(max_size=200))
def test_any_bytes_as_run_lengths(data: bytes) -> None:
    """Whatever stands in a run-length encoded frame, it gives exactly the bytes wanted or is refused."""
    try:
        found = segments(b"\1\0\0\0\x40\0\0\0" + b"\0" * 56 + data, 1, 64)
    except Refused:
        return
    assert [len(s) for s in found] == [64]
