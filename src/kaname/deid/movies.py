"""MP4 files as video of DICOM (PS3.5 section 8.2): whether one holds anything besides one stream of pictures.

Everything is looked at by what may stand there (ISO/IEC 14496-12 for the boxes, 14496-10 for the stream inside):
a box, a field or a unit that is not known to carry pictures counts as writing. Nothing is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

MP4 = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (102, 103, 104, 105, 106))
"""H.264 in MP4 or a transport stream; the latter is not looked through here."""

_INSIDE: Mapping[bytes, frozenset[bytes]] = {
    b"": frozenset((b"ftyp", b"moov", b"mdat", b"free")),
    b"moov": frozenset((b"mvhd", b"trak", b"udta")),
    b"trak": frozenset((b"tkhd", b"edts", b"mdia")),
    b"edts": frozenset((b"elst",)),
    b"mdia": frozenset((b"mdhd", b"hdlr", b"minf")),
    b"minf": frozenset((b"vmhd", b"dinf", b"stbl")),
    b"dinf": frozenset((b"dref",)),
    b"dref": frozenset((b"url ",)),
    b"stbl": frozenset((b"stsd", b"stts", b"stss", b"ctts", b"cslg", b"stsc", b"stsz", b"stco", b"co64")),
    b"stsd": frozenset((b"avc1",)),
    b"avc1": frozenset((b"avcC", b"btrt", b"pasp", b"colr")),
}
_BEFORE_CHILDREN: Mapping[bytes, int] = {b"dref": 8, b"stsd": 8, b"avc1": 78}
"""Bytes of fields in front of the boxes inside."""
_ONCE = (b"moov", b"mdat", b"trak", b"avc1", b"avcC", b"hdlr", b"mvhd", b"tkhd", b"mdhd")
_SHAPES: Mapping[bytes, re.Pattern[bytes]] = {
    kind: re.compile(pattern, re.DOTALL)
    for kind, pattern in {
        b"ftyp": rb"(?:iso[m2-9]|avc1|mp4[12]|M4V |qt  |dash).{4}(?:iso[m2-9]|avc1|mp4[12]|M4V |qt  |dash){0,8}",
        b"free": rb"\0*",
        b"mvhd": rb"\0{12}.{14}\0{10}.{36}\0{24}.{4}",
        b"tkhd": rb"\0.{3}\0{8}.{4}\0{4}.{4}\0{8}.{52}",
        b"mdhd": rb"\0{12}.{12}",
        b"hdlr": rb"\0{8}vide\0{12}(?:VideoHandler)?\0{0,16}",
        b"vmhd": rb".{12}",
        b"url ": rb"\0{3}\x01",
        b"udta": rb"\0\0\0\x35meta\0{4}\0\0\0\x21hdlr\0{8}mdirappl\0{9}\0\0\0\x08ilst",
        b"avcC": rb".{7,1024}",
        b"btrt": rb".{12}",
        b"pasp": rb".{8}",
        b"colr": rb"ncl(?:x.{7}|c.{6})",
        b"cslg": rb"\0{4}.{20}",
    }.items()
}
"""What stands in a box without boxes inside. Times are zero: a true one would be the day of the examination."""
_ROWS: Mapping[bytes, tuple[int, int]] = {
    b"elst": (4, 12), b"stts": (4, 8), b"stss": (4, 4), b"ctts": (4, 8), b"stsc": (4, 12), b"stsz": (8, 4),
    b"stco": (4, 4), b"co64": (4, 8),
}  # fmt: skip
"""Where a table says how many rows it has, and the bytes of a row."""
_COMPRESSOR_AT, _COMPRESSOR = slice(42, 74), re.compile(rb"\x0cLavc libx264\0{19}|\0{32}")
_PICTURES, _SEI = frozenset((1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13)), 6
_TYPE_BITS, _LENGTH_AT, _LENGTH_BITS = 0x1F, 4, 3
_NUMBERS = frozenset((0, 1, 2, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 45, 47, 137, 144, 147))
"""Messages that have fields of numbers alone (ISO/IEC 14496-10 Annex D). The users' own data are 4 and 5."""
_LARGE_SIZE, _MORE = 1, b"\xff"


class _Box(NamedTuple):
    kind: bytes
    start: int
    """Of what is inside."""
    end: int


def holds_writing(data: bytes) -> bool:
    """Whether a video is no MP4 of one H.264 stream, or holds anything besides its pictures.

    Args:
        data: the bit stream of the pixel data, fragments joined, with its padding.
    """
    found: list[_Box] = []
    if not _walk(data, (0, len(data)), b"", found):
        return True
    kinds = [box.kind for box in found]
    if any(kinds.count(kind) != 1 for kind in _ONCE):
        return True
    by_kind = {box.kind: box for box in found}
    sample, configuration, media = by_kind[b"avc1"], by_kind[b"avcC"], by_kind[b"mdat"]
    if not _COMPRESSOR.fullmatch(data[sample.start : sample.end][_COMPRESSOR_AT]):
        return True
    width = (data[configuration.start + _LENGTH_AT] & _LENGTH_BITS) + 1
    return not _only_pictures(data, media, width)


def _walk(data: bytes, bounds: tuple[int, int], outer: bytes, found: list[_Box]) -> bool:
    """Collects the boxes inside a box; whether each may stand there and is built as it has to be."""
    position, end = bounds
    while position < end:
        if not outer and data[position:end] == b"\0":  # pixel data are padded to even length
            return True
        kind, start, stop = _head(data, position, end)
        if kind not in _INSIDE[outer] or not start <= stop <= end:
            return False
        found.append(_Box(kind, start, stop))
        if kind in _INSIDE:
            inside = start + _BEFORE_CHILDREN.get(kind, 0)
            if not _walk(data, (inside, stop), kind, found):
                return False
        elif not _is_well_built(kind, data[start:stop] if kind != b"mdat" else b""):
            return False
        position = stop
    return position == end


def _head(data: bytes, position: int, end: int) -> tuple[bytes, int, int]:
    """Kind of a box, where its content begins, where it ends."""
    size, kind = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
    start = position + 8
    if size == _LARGE_SIZE:
        size, start = int.from_bytes(data[start : start + 8]), start + 8
    return kind, start, (position + size if size else end)


def _is_well_built(kind: bytes, content: bytes) -> bool:
    """Whether a box holds its own fields and no more. A table has as many rows as it says."""
    if kind in _ROWS:
        at, row = _ROWS[kind]
        rows = int.from_bytes(content[at : at + 4]) if kind != b"stsz" or not any(content[4:8]) else 0
        return len(content) == at + 4 + rows * row
    return kind == b"mdat" or _SHAPES[kind].fullmatch(content) is not None


def _only_pictures(data: bytes, media: _Box, width: int) -> bool:
    """Whether the media data are nothing but units of the stream, one behind the other."""
    position = media.start
    while position < media.end:
        start = position + width
        position = start + int.from_bytes(data[start - width : start])
        if not start < position <= media.end:
            return False
        kind = data[start] & _TYPE_BITS
        if kind not in _PICTURES and not (kind == _SEI and _is_numbers(data[start + 1 : position])):
            return False
    return True


def _is_numbers(unit: bytes) -> bool:
    """Whether a unit of supplemental enhancement information has no message that may be text."""
    messages = unit.replace(b"\0\0\3", b"\0\0")  # undo what keeps start codes apart
    position = 0
    while messages[position:] not in (b"\x80", b""):
        kind, position = _sum(messages, position)
        size, position = _sum(messages, position)
        position += size
        if kind not in _NUMBERS or position > len(messages):
            return False
    return True


def _sum(messages: bytes, position: int) -> tuple[int, int]:
    """A number written as bytes of 255 and a last one, and where it ends."""
    total = 0
    while messages[position : position + 1] == _MORE:
        total, position = total + 255, position + 1
    return total + int.from_bytes(messages[position : position + 1]), position + 1
