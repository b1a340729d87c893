"""Compressed streams have places for writing: whether one holds more than the name of the software that made it.

JPEG and JPEG-LS (ISO/IEC 10918-1, 14495-1): comments, application data, bytes behind the end of the image. JPEG 2000
(ISO/IEC 15444-1): comments of the main and tile-part headers, files (JP2) in place of codestreams. Nothing is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kaname.dicom.part10 import Buffer
from kaname.dicom.scan import ITEM

_JPEG = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81))
_JPEG_2000 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 92, 93, 201, 202, 203))
_WRITING = re.compile(rb"\xff[\xe0-\xef\xfe]")
"""In compressed data a byte of FF is never followed by one of these: they are markers wherever they stand."""
_KNOWN = re.compile(
    rb"\xff\xe0\0\x10JFIF\0.{7}\0\0|\xff\xee\0[\x0c-\x0e]Adobe|\xff\xe8\0\x20SPIFF\0|\xff\xe8\0\x08\0\0\0\x01\xff\xd8",
    re.DOTALL,
)
_MAKER = re.compile(
    rb"\0\x01(?:Kakadu-v?[\d.]+[a-z]?|Created by (?:GDCM/)?OpenJPEG version [\d.]+|Creator: JasPer Version [\d.]+)\0*"
)
_END, _CODESTREAM, _COMMENT, _TILE, _DATA = b"\xff\xd9", b"\xff\x4f", b"\xff\x64", b"\xff\x90", b"\xff\x93"


def holds_writing(body: Buffer, start: int, end: int, transfer_syntax_uid: str) -> bool:
    """Whether the encapsulated pixel data between ``start`` and ``end`` hold writing of unknown meaning."""
    if transfer_syntax_uid in _JPEG:
        return any(_jpeg(body, first, last) for first, last in _fragments(body, start, end))
    if transfer_syntax_uid in _JPEG_2000:
        return any(_jpeg_2000(body, first, last) for first, last in _fragments(body, start, end))
    return False


def _fragments(body: Buffer, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Bounds of each fragment; the first item, a table of offsets, is none."""
    position = start
    while body[position : position + 4] == ITEM:
        value = position + 8
        position = value + int.from_bytes(body[position + 4 : value], "little")
        if value > start + 8:
            yield value, min(position, end)


def _jpeg(body: Buffer, start: int, end: int) -> bool:
    if any(not _KNOWN.match(body, found.start(), end) for found in _WRITING.finditer(body, start, end)):
        return True
    last = body.rfind(_END, start, end)
    return last >= 0 and bool(body[last + 2 : end].strip(b"\0\xff"))


def _jpeg_2000(body: Buffer, start: int, end: int) -> bool:
    """A fragment that begins no codestream goes on with the one before, whose headers were read there."""
    if body[start : start + 2] != _CODESTREAM:
        return b"jP" in body[start : start + 8]
    position, tile_end = start + 2, end
    while position + 4 <= end:
        marker = body[position : position + 2]
        if marker == _DATA:
            position = tile_end
            continue
        length = int.from_bytes(body[position + 2 : position + 4], "big")
        if marker == _COMMENT and not _MAKER.fullmatch(body[position + 4 : position + 2 + length]):
            return True
        if marker == _TILE:
            tile = int.from_bytes(body[position + 6 : position + 10], "big")
            tile_end = position + tile if tile > _SHORTEST_TILE else end
        position += 2 + max(length, 2)
    return False


_SHORTEST_TILE = 13
"""Bytes of a tile-part of headers alone: anything shorter is no length, and would not lead on."""
