"""Where each element of a Part 10 file lies: a walk over tags and lengths alone (PS3.5 section 7, PS3.10 section 7).

Little endian only, explicit and implicit VR. It exists because the checks need byte offsets, and must see what a
reading library skips or repairs: group lengths, trailing bytes, lengths that lead past the end.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.tag import Tag

Buffer = bytes | mmap.mmap
IMPLICIT, DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
PREAMBLE, BODY = 128, 132
PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DELIMITERS = 0xFFFE
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
_DEEPEST = 32
_HEAD, _LENGTH = struct.Struct("<HH2sH"), struct.Struct("<I")
_SHORTEST = 8
_VRS = {
    v.encode(): v
    for v in (
        *(
            "AE",
            "AS",
            "AT",
            "CS",
            "DA",
            "DS",
            "DT",
            "FD",
            "FL",
            "IS",
            "LO",
            "LT",
            "PN",
            "SH",
            "SL",
            "SS",
            "ST",
            "TM",
            "UI",
        ),
        *("UL", "US"),
        *_LONG_VRS,
    )
}
"""PS3.5 section 6.2, by the two bytes that stand in the file."""
_SHORT_HEADED = frozenset(letters for letters, vr in _VRS.items() if vr not in _LONG_VRS)


class LayoutError(Exception):
    """The bytes are no well-formed data set; the argument says how (``truncated``, ``vr``, ``trailing`` …)."""


class Span(NamedTuple):
    """One element: tags of the sequences around it, tag, VR, and offsets of its header, its value, its end.

    A sequence ends where its first item starts: its content is told by the spans that follow.
    """

    path: tuple[int, ...]
    tag: int
    vr: str
    start: int
    value: int
    end: int


@dataclass(slots=True)
class Layout:
    """The elements of one file in the order of their bytes."""

    syntax: str
    """Transfer Syntax UID, empty where file meta information names none."""
    meta: list[Span]
    """Group 0002."""
    spans: list[Span]
    pixels: Span | None
    """The pixel data of the top level."""


@dataclass(slots=True)
class _Walker:
    data: Buffer
    position: int
    spans: list[Span] = field(default_factory=list[Span])

    def elements(self, end: int, path: tuple[int, ...], *, explicit: bool, until: int = 0) -> None:
        """Walks elements up to ``end``, or up to and including the delimiter ``until``."""
        if len(path) > _DEEPEST:
            raise LayoutError("nesting")
        while self.position < end:
            if not self.element(end, path, explicit=explicit, until=until):
                return
        if until:
            raise LayoutError("truncated")

    def element(self, end: int, path: tuple[int, ...], *, explicit: bool, until: int = 0) -> bool:
        """Walks one element; ``False`` for the delimiter ``until``."""
        start = self.position
        if end - start < _SHORTEST:
            raise LayoutError("truncated")
        group, element, letters, short = _HEAD.unpack_from(self.data, start)
        tag = group << 16 | element
        if group == _DELIMITERS:
            if tag != until:
                raise LayoutError("items")
            self.position = start + 8
            return False
        vr, length = self.head(tag, letters, short, explicit=explicit)
        self._value(Span(path, tag, vr, start, self.position, 0), length, end, explicit=explicit)
        return True

    def head(self, tag: int, letters: bytes, short: int, *, explicit: bool) -> tuple[str, int]:
        """VR and length; leaves the position at the value."""
        if not explicit:
            self.position += 8
            return known_vr(tag), self._number(self.position - 4)
        vr = _VRS.get(letters)
        if vr is None:
            raise LayoutError("vr")
        if vr not in _LONG_VRS:
            self.position += 8
            return vr, short
        self.position += 12
        return vr, self._number(self.position - 4)

    def _number(self, offset: int) -> int:
        if offset + 4 > len(self.data):
            raise LayoutError("truncated")
        return _LENGTH.unpack_from(self.data, offset)[0]

    def _value(self, span: Span, length: int, end: int, *, explicit: bool) -> None:
        stop = span.value + length
        if length != _UNDEFINED and stop > end:
            raise LayoutError("truncated")
        if length == _UNDEFINED and span.vr in ("OB", "OW"):
            self._fragments(end)
        elif length == _UNDEFINED or span.vr == "SQ":
            self.spans.append(span._replace(end=span.value))
            # PS3.5 section 6.2.2: a sequence that somebody could not name (UN) is implicit VR inside
            self._items(span, end if length == _UNDEFINED else stop, length, explicit=explicit and span.vr != "UN")
            return
        else:
            self.position = stop
        self.spans.append(span._replace(end=self.position))

    def _items(self, sequence: Span, end: int, length: int, *, explicit: bool) -> None:
        path = (*sequence.path, sequence.tag)
        while self.position < end:
            tag, size = self._item_head(end)
            if tag == _SEQUENCE_END and length == _UNDEFINED:
                return
            if tag != _ITEM:
                raise LayoutError("items")
            if size == _UNDEFINED:
                self.elements(end, path, explicit=explicit, until=_ITEM_END)
            elif self.position + size > end:
                raise LayoutError("truncated")
            else:
                self.elements(self.position + size, path, explicit=explicit)
        if length == _UNDEFINED:
            raise LayoutError("truncated")

    def _fragments(self, end: int) -> None:
        """Skips encapsulated pixel data (PS3.5 section A.4)."""
        while True:
            tag, size = self._item_head(end)
            if tag == _SEQUENCE_END:
                return
            if tag != _ITEM:
                raise LayoutError("items")
            if self.position + size > end:
                raise LayoutError("truncated")
            self.position += size

    def _item_head(self, end: int) -> tuple[int, int]:
        if end - self.position < _SHORTEST:
            raise LayoutError("truncated")
        group, element = struct.unpack_from("<HH", self.data, self.position)
        self.position += 8
        return group << 16 | element, self._number(self.position - 4)


def read_layout(data: Buffer) -> Layout:
    """Walks a Part 10 file.

    Raises:
        LayoutError: the file is no Part 10 file in little endian, or is malformed.
    """
    meta, start, syntax = _opened(data)
    walker = _Walker(data, start)
    try:
        walker.elements(len(data), (), explicit=syntax != IMPLICIT)
    except LayoutError as error:
        if any(s.tag in PIXELS and not s.path for s in walker.spans):
            raise LayoutError("trailing") from error
        raise
    pixels = next((s for s in reversed(walker.spans) if s.tag in PIXELS and not s.path), None)
    return Layout(syntax, meta, walker.spans, pixels)


def find_pixels(data: Buffer) -> Span | None:
    """The first pixel data of the top level, found by stepping over what has a length; ``None`` where there is none.

    Raises:
        LayoutError: the file is no Part 10 file in little endian, or is malformed before its pixel data.
    """
    _, position, syntax = _opened(data)
    walker = _Walker(data, position)
    explicit, size = syntax != IMPLICIT, len(data)
    while position < size:
        letters = data[position + 4 : position + 6]
        if explicit and letters in _SHORT_HEADED:
            position += 8 + int.from_bytes(data[position + 6 : position + 8], "little")
            continue
        walker.position = position
        walker.element(size, (), explicit=explicit)
        span, position = walker.spans[-1], walker.position
        if span.tag in PIXELS and not span.path:
            return span
    if position > size:
        raise LayoutError("truncated")
    return None


def _opened(data: Buffer) -> tuple[list[Span], int, str]:
    """File meta information, where the data set starts, Transfer Syntax UID (empty where none is named)."""
    meta = read_meta(data)
    syntax = value_text(data, meta, 0x00020010)
    if syntax in (DEFLATED, BIG_ENDIAN):
        raise LayoutError("syntax")
    return meta, meta[-1].end if meta else BODY, syntax


def read_meta(data: Buffer) -> list[Span]:
    """The elements of file meta information, always explicit VR little endian (PS3.10 section 7.1).

    Raises:
        LayoutError: ``prefix`` where there is none, or it is malformed.
    """
    if data[PREAMBLE:BODY] != b"DICM":
        raise LayoutError("prefix")
    walker = _Walker(data, BODY)
    while data[walker.position : walker.position + 2] == b"\x02\x00":
        if len(data) - walker.position < _SHORTEST:
            raise LayoutError("truncated")
        start = walker.position
        group, element, letters, short = _HEAD.unpack_from(data, start)
        vr, length = walker.head(group << 16 | element, letters, short, explicit=True)
        walker.position += length
        if walker.position > len(data):
            raise LayoutError("truncated")
        walker.spans.append(Span((), group << 16 | element, vr, start, walker.position - length, walker.position))
    return walker.spans


def value_text(data: Buffer, spans: Sequence[Span], tag: int) -> str:
    """The value of a top-level element as ASCII without padding; empty where absent."""
    for span in spans:
        if span.tag == tag and not span.path:
            return data[span.value : span.end].decode("ascii", "replace").strip("\0 ")
    return ""


@lru_cache(maxsize=8192)
def known_vr(tag: int) -> str:
    """VR by pydicom's dictionary, the first where several are possible; ``UN`` where unknown or private."""
    if tag & 0xFFFF == 0:
        return "UL"
    if tag >> 16 & 1:
        return "UN"
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"


@lru_cache(maxsize=8192)
def attribute_name(path: tuple[int, ...]) -> str:
    """Keywords of nested tags joined by ``/``; numbers where the dictionary has none."""
    return "/".join(keyword_for_tag(tag) or str(Tag(tag)) for tag in path)
