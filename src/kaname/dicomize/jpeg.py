"""A JPEG stream (ISO/IEC 10918-1) without anything but the picture, read segment by segment, not decoded.

Application data and comments hold what names people and places: EXIF with its positions and thumbnails, XMP, makers'
notes. Two kinds say how the colours are meant (JFIF; Adobe, 10918-6): those are written anew. Behind the end of the
picture telephones put films and further pictures: nothing of that is kept.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from kaname.errors import Refused

Colours = Literal["grey", "YBR", "RGB", "other"]

_START, _END, _SCAN = b"\xff\xd8", 0xD9, 0xDA
_BASELINE = 0xC0
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset((0xC4, 0xDB, 0xDD))
"""Huffman tables, quantisation tables, restart interval: all that a baseline picture needs."""
_JFIF, _ADOBE, _APPLICATION, _COMMENT = 0xE0, 0xEE, range(0xE0, 0xF0), 0xFE
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends a scan: in compressed data a byte of FF is followed by 0, or by the number of a restart."""
_PLAIN_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_PLAIN_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
_EIGHT, _THREE = 8, 3
_FRAME_HEAD = struct.Struct(">BHHB")


@dataclass(frozen=True, slots=True)
class Jpeg:
    """What a stream is."""

    stream: bytes
    """The stream without words."""
    rows: int
    columns: int
    components: int
    baseline: bool
    """Sequential, Huffman coded, 8 bits: what transfer syntax 1.2.840.10008.1.2.4.50 means."""
    colours: Colours
    subsampled: bool
    """Colour has fewer samples than brightness."""

    @property
    def photometric(self) -> str:
        """Photometric Interpretation (PS3.5 section 8.2.1); empty for colours that DICOM does not name."""
        colour = "YBR_FULL_422" if self.subsampled else "YBR_FULL"
        return {"grey": "MONOCHROME2", "RGB": "RGB", "YBR": colour, "other": ""}[self.colours]


def plain(data: bytes) -> Jpeg:
    """Reads a stream and leaves out its words.

    Raises:
        Refused: ``photo-broken`` where it is none, or does not come to its end.
    """
    if data[:2] != _START:
        raise Refused("photo-broken", sign="start")
    kept: list[bytes] = []
    frame, marker, jfif, adobe = b"", 0, False, -1
    kind, position = 0, 2
    while kind != _END:
        kind, body, after = _segment(data, position)
        if kind == _SCAN:
            found = _MARKER.search(data, after)
            if found is None or not frame:
                raise Refused("photo-broken", sign="cut short")
            kept.append(data[position : found.start()])
            after = found.start()
        elif kind in _FRAMES and not frame:
            frame, marker = body, kind
            kept.append(data[position:after])
        elif kind == _JFIF and body.startswith(b"JFIF\0"):
            jfif = True
        elif kind == _ADOBE and body.startswith(b"Adobe") and len(body) >= len(_PLAIN_ADOBE) - 3:
            adobe = body[11]
        elif kind in _TABLES or kind in _FRAMES:
            kept.append(data[position:after])
        elif kind not in _APPLICATION and kind not in (_COMMENT, _END):
            raise Refused("photo-broken", sign="marker")
        position = after
    return _jpeg(frame, marker, kept, jfif=jfif, adobe=adobe)


def _segment(data: bytes, position: int) -> tuple[int, bytes, int]:
    """Kind of the segment at this place, what is in it, and where the next one begins."""
    while data[position + 1 : position + 2] == b"\xff":  # filling
        position += 1
    kind = data[position + 1 : position + 2]
    if data[position : position + 1] != b"\xff" or not kind:
        raise Refused("photo-broken", sign="marker")
    if kind[0] == _END:
        return _END, b"", position + 2
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    after = position + 2 + length
    if length < 2 or after > len(data):  # noqa: PLR2004 - it counts its own two bytes
        raise Refused("photo-broken", sign="cut short")
    return kind[0], data[position + 4 : after], after


def _jpeg(frame: bytes, marker: int, kept: list[bytes], *, jfif: bool, adobe: int) -> Jpeg:
    if len(frame) < _FRAME_HEAD.size:
        raise Refused("photo-broken", sign="no frame")
    bits, rows, columns, count = _FRAME_HEAD.unpack_from(frame)
    components = [frame[at : at + 3] for at in range(_FRAME_HEAD.size, _FRAME_HEAD.size + 3 * count, 3)]
    if not (rows and columns and count) or any(len(component) != _THREE for component in components):
        raise Refused("photo-broken", sign="frame")
    marks = _PLAIN_JFIF * jfif + (_PLAIN_ADOBE + bytes((max(adobe, 0),))) * (adobe >= 0)
    return Jpeg(
        stream=b"".join((_START, marks, *kept, bytes((0xFF, _END)))),
        rows=rows,
        columns=columns,
        components=count,
        baseline=marker == _BASELINE and bits == _EIGHT,
        colours=_colours(bytes(component[0] for component in components), jfif=jfif, adobe=adobe),
        subsampled=len({component[1] for component in components}) > 1,
    )


def _colours(names: bytes, *, jfif: bool, adobe: int) -> Colours:
    """As decoders in use take them: a mark decides; without one, components that are called R, G and B."""
    if len(names) == 1:
        return "grey"
    if len(names) != _THREE:
        return "other"
    if jfif:
        return "YBR"
    if adobe >= 0:
        return "YBR" if adobe == 1 else "RGB"
    return "RGB" if names == b"RGB" else "YBR"
