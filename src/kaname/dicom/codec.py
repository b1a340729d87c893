"""One frame's bytes as an array, and an array as values or as a picture (PS3.5 section 8, PS3.3 section C.7.6.3).

In: the bytes of one frame (:func:`kaname.dicom.frames.frame_bytes`) and what the header says of it. Native little
endian, RLE, JPEG of 8 bits and JPEG 2000; everything else, and whatever is not what the header says, is ``Refused``.
Sizes are compared with the header before anything is decoded.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from kaname.dicom import rle
from kaname.dicom.frames import native_frame_bytes
from kaname.dicom.part10 import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from kaname.dicom.values import display, first_value, modality_values
from kaname.errors import Refused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Pixels = NDArray[np.integer[Any]]

__all__ = ["DECODABLE", "FrameShape", "decode_frame", "display", "frame_shape", "modality_values"]

JPEG = frozenset(("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"))
JPEG_2000 = frozenset(("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"))
NATIVE = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED))
DECODABLE = NATIVE | JPEG | JPEG_2000 | {rle.RLE}
"""Transfer syntaxes whose frames :func:`decode_frame` reads."""
FRAME_LIMIT_BYTES: Final = 1 << 28
"""Of one decoded frame: 256 MiB, six times the largest mammogram."""
_EIGHT, _SIXTEEN = 8, 16
_COLOURS = 3
_HALVED = "YBR_FULL_422"
_SIZ_MARKER = b"\xff\x4f\xff\x51"
_SIZ_HEAD, _LONGEST_JP2_HEAD = 40, 4096
_ADOBE_UNCHANGED = 0
_BROKEN = (ArithmeticError, EOFError, LookupError, OSError, struct.error, SyntaxError, TypeError, ValueError, Warning)
"""What Pillow raises over streams that are not what they should be."""


@dataclass(frozen=True, slots=True)
class FrameShape:
    """What the header says of each frame of an image (PS3.3 section C.7.6.3.1)."""

    rows: int
    columns: int
    samples: int
    """Samples per Pixel: 1 or 3."""
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric: str
    planar: bool
    """Colour by plane, where the pixels are native."""

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the decoded frame."""
        return self.rows * self.columns * self.samples * max(1, self.bits_allocated // _EIGHT)


def frame_shape(metadata: Mapping[str, Any]) -> FrameShape:
    """The shape of the frames of an instance.

    Args:
        metadata: its data set as DICOM JSON (:func:`kaname.dicom.json.instance_json`).

    Raises:
        Refused: ``pixels-undecodable`` where an attribute is missing, is no shape of the Standard, or makes a frame of
            more than 256 MiB.
    """
    stored = _whole(metadata, "00280101")
    shape = FrameShape(
        rows=_whole(metadata, "00280010"),
        columns=_whole(metadata, "00280011"),
        samples=_whole(metadata, "00280002"),
        bits_allocated=_whole(metadata, "00280100"),
        bits_stored=stored,
        signed=_whole(metadata, "00280103", 0) == 1,
        photometric=str(first_value(metadata, "00280004") or "").strip().upper(),
        planar=_whole(metadata, "00280006", 0) == 1,
    )
    if (
        not (shape.rows > 0 and shape.columns > 0 and shape.samples in (1, _COLOURS))
        or shape.bits_allocated not in (1, _EIGHT, _SIXTEEN, 32)
        or not 0 < stored <= shape.bits_allocated
        or _whole(metadata, "00280102", stored - 1) != stored - 1
        or shape.decoded_bytes > FRAME_LIMIT_BYTES
    ):
        raise Refused("pixels-undecodable", sign="shape")
    return shape


def decode_frame(data: bytes, shape: FrameShape, transfer_syntax_uid: str) -> Pixels:
    """The samples of one frame in the colour space that its Photometric Interpretation names.

    JPEG 2000 undoes its own colour transforms: YBR_ICT and YBR_RCT come out as RGB. YBR_FULL_422 comes out with as
    many colour samples as pixels. Bits above Bits Stored, where old objects keep overlays, come out as zero or sign.

    Args:
        data: the bytes of the frame, fragments joined.
        shape: what the header says of it.
        transfer_syntax_uid: how it is encoded.

    Returns:
        (rows, columns), or (rows, columns, 3), of the narrowest integer type that holds Bits Allocated.

    Raises:
        Refused: ``pixels-undecodable``.
    """
    if shape.decoded_bytes > FRAME_LIMIT_BYTES:
        raise Refused("pixels-undecodable", sign="too large")
    if transfer_syntax_uid in NATIVE:
        return _stored_bits(_native(data, shape), shape)
    if transfer_syntax_uid == rle.RLE:
        return _stored_bits(_run_length(data, shape), shape)
    if transfer_syntax_uid in JPEG:
        return _jpeg(data, shape)
    if transfer_syntax_uid in JPEG_2000:
        return _jpeg_2000(data, shape)
    raise Refused("pixels-undecodable", transfer_syntax_uid=transfer_syntax_uid)


# ── native and run lengths ───────────────────────────────────────────────────────────────────────


def _native(data: bytes, shape: FrameShape) -> Pixels:
    import numpy as np

    rows, columns, samples = shape.rows, shape.columns, shape.samples
    if shape.bits_allocated == 1:
        expected = (rows * columns * samples + 7) // 8
    else:
        expected = native_frame_bytes(rows, columns, samples, shape.bits_allocated, shape.photometric)
    if expected is None or len(data) not in (expected, expected + expected % 2):
        raise Refused("pixels-undecodable", sign="length")
    data = data[:expected]
    if shape.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[: rows * columns * samples]
        return _arranged(bits, shape)
    flat = np.frombuffer(data, f"<u{shape.bits_allocated // _EIGHT}")
    if shape.photometric != _HALVED:
        return _arranged(flat, shape)
    if samples != _COLOURS or columns % 2:
        raise Refused("pixels-undecodable", sign="shape")
    pairs = flat.reshape(rows, columns // 2, 4)  # two pixels: Y1 Y2 Cb Cr
    full = np.empty((rows, columns, _COLOURS), flat.dtype)
    full[:, 0::2, 0], full[:, 1::2, 0] = pairs[:, :, 0], pairs[:, :, 1]
    full[:, 0::2, 1:] = full[:, 1::2, 1:] = pairs[:, :, 2:]
    return full


def _arranged(flat: Pixels, shape: FrameShape) -> Pixels:
    if shape.samples == 1:
        return flat.reshape(shape.rows, shape.columns)
    if shape.planar:
        return flat.reshape(shape.samples, shape.rows, shape.columns).transpose(1, 2, 0)
    return flat.reshape(shape.rows, shape.columns, shape.samples)


def _run_length(data: bytes, shape: FrameShape) -> Pixels:
    import numpy as np

    width = shape.bits_allocated // _EIGHT
    if not width:
        raise Refused("pixels-undecodable", sign="shape")
    pixels = shape.rows * shape.columns
    segments = rle.segments(data, shape.samples * width, pixels)
    bytes_of = np.frombuffer(b"".join(segments), np.uint8).reshape(shape.samples, width, pixels)
    little = np.ascontiguousarray(bytes_of[:, ::-1].transpose(2, 0, 1))  # segments go from the highest byte down
    flat = little.view(f"<u{width}")
    return flat.reshape((shape.rows, shape.columns) if shape.samples == 1 else (shape.rows, shape.columns, -1))


def _stored_bits(array: Pixels, shape: FrameShape) -> Pixels:
    """The values of Bits Stored alone: what stands above them is cut off, or is the sign."""
    if shape.bits_allocated == 1:
        return array
    unused = shape.bits_allocated - shape.bits_stored
    if not shape.signed:
        return array & array.dtype.type((1 << shape.bits_stored) - 1) if unused else array
    signed = array.astype(f"i{array.dtype.itemsize}")
    return (signed << unused) >> unused if unused else signed


# ── JPEG and JPEG 2000 ───────────────────────────────────────────────────────────────────────────


def _jpeg(data: bytes, shape: FrameShape) -> Pixels:
    """Eight bits, baseline or extended; the colour transform as the stream marks it (ISO/IEC 10918-6)."""
    with _opened(data, "JPEG", shape) as image:
        marks = image.info
        if shape.samples == _COLOURS:
            transformed = marks.get("adobe_transform", 1) != _ADOBE_UNCHANGED
            unmarked = "adobe_transform" not in marks and "jfif" not in marks
            if shape.photometric != "RGB" and not transformed:
                image = image.convert("YCbCr")  # noqa: PLW2901 - the same picture
            elif shape.photometric != "RGB" or unmarked:
                image.draft("YCbCr", image.size)  # the samples as they stand
        return _stored_bits(_array_of(image, shape), shape)


def _jpeg_2000(data: bytes, shape: FrameShape) -> Pixels:
    """Pillow widens samples to 8 or 16 bits and lifts signed ones over zero: both are undone."""
    start = data.find(_SIZ_MARKER, 0, _LONGEST_JP2_HEAD)
    size = data[start : start + _SIZ_HEAD + 5]
    if start < 0 or len(size) < _SIZ_HEAD + 5:
        raise Refused("pixels-undecodable", sign="codestream")
    precision, codestream_signed = (size[42] & 0x7F) + 1, size[42] > 0x7F  # noqa: PLR2004 - the top bit is the sign
    right, bottom, left, top, components = struct.unpack_from(">4I16xH", size, 8)
    container = _EIGHT if precision <= _EIGHT else _SIXTEEN
    if (
        components != shape.samples
        or (right - left, bottom - top) != (shape.columns, shape.rows)
        or precision > min(_SIXTEEN if components == 1 else _EIGHT, shape.bits_allocated)
    ):
        raise Refused("pixels-undecodable", sign="codestream")
    with _opened(data[start:], "JPEG2000", shape) as image:
        array = _array_of(image, shape).astype("i4") >> (container - precision)
    if codestream_signed:
        array -= 1 << (precision - 1)
    return _stored_bits(array.astype(f"u{shape.bits_allocated // _EIGHT}"), shape)


@contextmanager
def _opened(data: bytes, kind: str, shape: FrameShape) -> Generator[Image.Image]:
    """The stream as a picture of exactly the size that the header says, not decoded yet.

    Whatever Pillow raises over it is ``pixels-undecodable``.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(BytesIO(data), formats=(kind,)) as image:
                if image.size != (shape.columns, shape.rows) or len(image.getbands()) != shape.samples:
                    raise Refused("pixels-undecodable", sign="shape")
                yield image
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise Refused("pixels-undecodable", sign="stream") from error


def _array_of(image: Image.Image, shape: FrameShape) -> Pixels:
    import numpy as np

    array: Pixels = np.asarray(image)
    if array.shape != ((shape.rows, shape.columns) if shape.samples == 1 else (shape.rows, shape.columns, _COLOURS)):
        raise Refused("pixels-undecodable", sign="shape")
    return array.astype(f"u{max(array.dtype.itemsize, shape.bits_allocated // _EIGHT)}")


# ── header ───────────────────────────────────────────────────────────────────────────────────────


def _whole(metadata: Mapping[str, Any], tag: str, absent: int | None = None) -> int:
    value = first_value(metadata, tag)
    if value is None and absent is not None:
        return absent
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise Refused("pixels-undecodable", sign="shape")
    return int(value)
