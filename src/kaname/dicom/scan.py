"""Where each element of a data set begins and ends (PS3.5 section 7), without making objects of the values.

An element is a tuple ``(head, start, value, end)``: ``head`` is the tag's four bytes followed, where the VR is
explicit, by its two letters; the rest are offsets into the buffer. A data set is scanned one level at a time;
:func:`items` opens a sequence. Little endian only: see :mod:`kaname.dicom.endian` for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from kaname.dicom.part10 import DEFLATED, EXPLICIT_BIG, IMPLICIT_LITTLE, Buffer, read_meta
from kaname.errors import NotYet, Refused

Element = tuple[bytes, int, int, int]

MAX_DEPTH = 9
MAX_ELEMENTS = 1 << 16
"""In one data set. The dictionary has 5,000; more are a flood, and each costs memory many times its size."""
UNDEFINED = 0xFFFFFFFF
LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
SHORT_VRS = frozenset((b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO")) | frozenset(
    (b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US")
)
ITEM = b"\xfe\xff\x00\xe0"
ITEM_END = b"\xfe\xff\x0d\xe0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0"
PIXELS = (b"\xe0\x7f\x10\x00", b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00")
"""Pixel Data, Float Pixel Data, Double Float Pixel Data."""

_HEADS_REMEMBERED = 1 << 16
_explicit_heads: dict[bytes, tuple[bytes, int]] = {}


@lru_cache(maxsize=1 << 14)
def tag_of(head: bytes) -> int:
    """The tag as one number, group in the upper half."""
    return head[1] << 24 | head[0] << 16 | head[3] << 8 | head[2]


def elements(buffer: Buffer, start: int, end: int, *, implicit: bool, depth: int = 0) -> list[Element]:
    """The elements of ``buffer[start:end]`` in their order, one level deep.

    Raises:
        Refused: ``truncated``, ``trailing-bytes``, ``malformed-dicom`` or ``nesting-too-deep``.
    """
    found, stop = _walk(buffer, start, end, depth, implicit=implicit, delimited=False)
    if stop != end:
        raise Refused("malformed-dicom")
    return found


def items(buffer: Buffer, element: Element, *, implicit: bool, depth: int) -> list[list[Element]]:
    """The items of a sequence element, each as its list of elements.

    ``implicit`` is the encoding *inside* the sequence: always true below a VR of UN (PS3.5 section 6.2.2 note 2).
    """
    _, _, position, end = element
    if depth > MAX_DEPTH:
        raise Refused("nesting-too-deep")
    if buffer[position - 4 : position] == b"\xff\xff\xff\xff":
        end -= len(SEQUENCE_END) + 4
    found: list[list[Element]] = []
    while position < end:
        head = buffer[position : position + 8]
        if head[:4] != ITEM or len(head) < 8:  # noqa: PLR2004
            raise Refused("malformed-dicom")
        length = int.from_bytes(head[4:], "little")
        position += 8
        if length == UNDEFINED:
            inside, position = _walk(buffer, position, end, depth, implicit=implicit, delimited=True)
        else:
            if position + length > end:
                raise Refused("truncated")
            inside, _ = _walk(buffer, position, position + length, depth, implicit=implicit, delimited=False)
            position += length
        found.append(inside)
    return found


def _walk(
    buffer: Buffer, position: int, end: int, depth: int, *, implicit: bool, delimited: bool
) -> tuple[list[Element], int]:
    """Elements up to ``end`` or, in an item of undefined length, up to and over its delimiter."""
    found: list[Element] = []
    add, known = found.append, _explicit_heads.get
    while position < end:
        head8 = buffer[position : position + 8]
        if implicit:
            head, size = head8[:4], -1
            if len(head8) < 8:  # noqa: PLR2004
                raise Refused("trailing-bytes")
        else:
            head, size = known(head8) or _learn(head8)
        if head[:2] == b"\xfe\xff":
            if delimited and head8[:4] == ITEM_END:
                return found, position + 8
            raise Refused("malformed-dicom")
        if size > 0:
            value, stop = position + 8, position + size
        else:
            value, stop = _long(buffer, position, end, head, depth, implicit=implicit)
        if stop > end:
            raise Refused("truncated")
        add((head, position, value, stop))
        position = stop
        if len(found) > MAX_ELEMENTS:
            raise Refused("malformed-dicom")
    if delimited:
        raise Refused("truncated")
    return found, position


def _learn(head8: bytes) -> tuple[bytes, int]:
    """Tag with VR, and the whole element's size where the header tells it (0 where a 32-bit length follows)."""
    if len(head8) < 8:  # noqa: PLR2004
        raise Refused("trailing-bytes")
    vr = head8[4:6]
    if vr in SHORT_VRS:
        plan = head8[:6], 8 + int.from_bytes(head8[6:], "little")
    elif vr in LONG_VRS or head8[:2] == b"\xfe\xff":
        plan = head8[:6], 0
    elif head8 == b"\0" * 8:
        raise Refused("trailing-bytes")
    else:
        raise Refused("malformed-dicom", tag=f"{tag_of(head8):08X}")
    if len(_explicit_heads) < _HEADS_REMEMBERED:
        _explicit_heads[head8] = plan
    return plan


def _long(buffer: Buffer, position: int, end: int, head: bytes, depth: int, *, implicit: bool) -> tuple[int, int]:
    """Value offset and end of an element whose length has 32 bits."""
    value = position + (8 if implicit else 12)
    if value > end:
        raise Refused("truncated")
    if not implicit and buffer[position + 6 : position + 8] != b"\0\0":  # reserved, and copied with the element
        raise Refused("malformed-dicom", tag=f"{tag_of(head):08X}")
    length = int.from_bytes(buffer[value - 4 : value], "little")
    if length != UNDEFINED:
        return value, value + length
    if head[:4] in PIXELS:
        return value, _after_fragments(buffer, value, end)
    if implicit or head[4:] in (b"SQ", b"UN"):
        return value, _after_items(buffer, value, end, depth + 1, implicit=implicit or head[4:] == b"UN")
    raise Refused("malformed-dicom", tag=f"{tag_of(head):08X}")


def _after_fragments(buffer: Buffer, position: int, end: int) -> int:
    """The offset behind the Sequence Delimitation Item of encapsulated pixel data (PS3.5 section A.4)."""
    while (length := _item_length(buffer, position, end)) is not None:
        position += 8 + length
    return position + 8


def _after_items(buffer: Buffer, position: int, end: int, depth: int, *, implicit: bool) -> int:
    """The offset behind the delimiter of a sequence of undefined length."""
    if depth > MAX_DEPTH:
        raise Refused("nesting-too-deep")
    while (length := _item_length(buffer, position, end)) is not None:
        position += 8
        if length == UNDEFINED:
            _, position = _walk(buffer, position, end, depth, implicit=implicit, delimited=True)
        else:
            position += length
    return position + 8


def _item_length(buffer: Buffer, position: int, end: int) -> int | None:
    """The length that the item at ``position`` states, or ``None`` at the sequence's delimiter."""
    head = buffer[position : position + 8]
    if len(head) < 8 or position > end:  # noqa: PLR2004
        raise Refused("truncated")
    if head[:4] == SEQUENCE_END:
        return None
    if head[:4] != ITEM:
        raise Refused("malformed-dicom")
    return int.from_bytes(head[4:], "little")


@dataclass(frozen=True, slots=True)
class PixelLocation:
    """Where the pixel data of a file lie."""

    offset: int
    """Offset of the value: of the first item where encapsulated."""
    length: int
    """Bytes of the value, with all items and the delimiter where encapsulated."""
    encapsulated: bool
    vr: str


def locate_pixels(buffer: Buffer) -> PixelLocation | None:
    """The pixel data of a little-endian Part 10 file, or ``None`` where it has none.

    Raises:
        Refused: what :func:`elements` raises.
        NotYet: ``unsupported-transfer-syntax`` for big-endian and deflated files.
    """
    meta = read_meta(buffer)
    if meta.transfer_syntax_uid in (EXPLICIT_BIG, DEFLATED):
        raise NotYet("unsupported-transfer-syntax", uid=meta.transfer_syntax_uid)
    implicit = meta.transfer_syntax_uid == IMPLICIT_LITTLE
    for head, _, value, end in elements(buffer, meta.end, len(buffer), implicit=implicit):
        if head[:4] in PIXELS:
            encapsulated = buffer[value - 4 : value] == b"\xff\xff\xff\xff"
            return PixelLocation(value, end - value, encapsulated, "OW" if implicit else head[4:].decode())
    return None
