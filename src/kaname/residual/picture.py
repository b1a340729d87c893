"""Whether the pixels may be what they claim: computed by a device, grey, nothing drawn or hidden in them.

Of classes that show writing beside the image :mod:`kaname.residual.regions` looks at the pixels themselves, of those
whose whole picture is image :mod:`kaname.residual.writing`; both may have colours.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from kaname.residual.layout import Buffer, Layout, Span, attribute_name, value_text
from kaname.residual.model import Finding
from kaname.residual.regions import inspect_regions
from kaname.residual.tables import INSPECT
from kaname.residual.writing import inspect_writing

_SOP_CLASS, _CONVERSION, _IMAGE_TYPES = 0x00080016, 0x00080064, (0x00080008, 0x00089007)
_BURNED_IN, _SAMPLES, _PHOTOMETRIC = 0x00280301, 0x00280002, 0x00280004
_FRAMES, _ROWS, _COLUMNS, _ALLOCATED, _STORED, _HIGH, _SIGN = (
    0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103,
)  # fmt: skip
_PADDINGS = (0x00280120, 0x00280121)
_PIXEL_DATA: Final = 0x7FE00010
_WORDS = re.compile(r"[\\ _]+")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_SIXTEEN = 16


def inspect_picture(
    data: Buffer, layout: Layout, region_classes: Collection[str], writing_classes: Collection[str]
) -> Iterator[Finding]:
    """Findings about the class, what the header says of its pixels, and the shape of the pixel data."""
    sop_class = value_text(data, layout.spans, _SOP_CLASS)
    with_regions, whole = sop_class in region_classes, sop_class in writing_classes
    if with_regions:
        yield from inspect_regions(data, layout)
    elif whole and sop_class in INSPECT.writing.attributes:
        yield from inspect_writing(data, layout)
    elif sop_class not in INSPECT.sop_classes:
        yield Finding("sop-class", "SOPClassUID")
    for span in layout.spans:
        text = data[span.value : span.end].decode("latin-1").strip("\0 ").upper() if span.vr == "CS" else ""
        name = attribute_name((*span.path, span.tag))
        if span.tag in _IMAGE_TYPES and not INSPECT.screen_words.isdisjoint(_WORDS.split(text)):
            yield Finding("screen", name)
        elif span.tag == _BURNED_IN and text not in ("", "NO"):
            yield Finding("burned-in", name)
        elif span.tag == _CONVERSION and text:
            yield Finding("screen", name)
        elif not (with_regions or whole) and (
            (span.tag == _PHOTOMETRIC and text not in _GREY) or (span.tag == _SAMPLES and _value(data, span) != 1)
        ):
            yield Finding("colour", name)
    yield from _pixels(data, layout)


def _pixels(data: Buffer, layout: Layout) -> Iterator[Finding]:
    """Native pixel data: exactly as long as the header says, nothing in bits that hold no pixel."""
    pixels = layout.pixels
    if pixels is None:
        yield Finding("truncated", "PixelData")
        return
    if pixels.tag != _PIXEL_DATA or _is_encapsulated(data, pixels):
        return
    frames = value_text(data, layout.spans, _FRAMES)
    rows, columns, allocated, samples = (_number(data, layout, t) for t in (_ROWS, _COLUMNS, _ALLOCATED, _SAMPLES))
    bits = rows * columns * allocated * samples * (int(frames) if frames.isdecimal() else 1)
    length = (bits + 7) // 8
    if pixels.end - pixels.value != length + length % 2:
        yield Finding("pixel-length", "PixelData")
    elif allocated == _SIXTEEN and _has_hidden_bits(data[pixels.value : pixels.end], data, layout):
        yield Finding("overlay-bits", "PixelData")


def _is_encapsulated(data: Buffer, pixels: Span) -> bool:
    return data[pixels.value - 4 : pixels.value] == b"\xff\xff\xff\xff"


def _number(data: Buffer, layout: Layout, tag: int) -> int:
    """An unsigned value of the top level, 0 where absent."""
    return next((_value(data, s) for s in layout.spans if s.tag == tag and not s.path), 0)


def _value(data: Buffer, span: Span) -> int:
    return int.from_bytes(data[span.value : span.end], "little")


def _has_hidden_bits(pixels: bytes, data: Buffer, layout: Layout) -> bool:
    """Whether bits above the stored ones carry anything but sign or padding (retired overlay planes do)."""
    stored, high = _number(data, layout, _STORED), _number(data, layout, _HIGH)
    if not 8 <= stored < _SIXTEEN or high != stored - 1:  # noqa: PLR2004
        return stored < _SIXTEEN
    unused = 0xFF & ~((1 << (stored - 8)) - 1)
    allowed = {b for b in range(256) if not b & unused}
    if _number(data, layout, _SIGN):
        sign = 1 << (stored - 9) if stored > 8 else 0  # noqa: PLR2004
        allowed |= {b for b in range(256) if b & unused == unused and b & sign == sign}
    allowed |= {_number(data, layout, tag) >> 8 for tag in _PADDINGS}
    return bool(pixels[1::2].translate(None, bytes(sorted(allowed))))
