"""What a TIFF says of each of its pictures (TIFF 6.0, BigTIFF): its tags, each read within bounds, none decoded.

A file of a few bytes may claim a million pictures, tags that lie behind its end, or a chain that leads in a circle.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Buffer = bytes | mmap.mmap

MOST_DIRECTORIES = 4096
_MOST_ENTRIES = 512
_MOST_VALUES = 1 << 24
"""Of one tag: the tiles of a slide of four million by four million pixels."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_RATIONALS = {5: "II", 10: "ii"}
_ORDERS = {b"II": "<", b"MM": ">"}
_CLASSIC, _BIG = 42, 43
_SUB_DIRECTORIES = 330


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tag's values lie."""

    kind: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True, repr=False)
class Directory:
    """The tags of one picture. Prints nothing."""

    data: Buffer
    order: str
    big: bool
    position: int
    after: int
    """Where the offset of the next directory stands."""
    _places: Mapping[int, _Place] = field(default_factory=dict[int, _Place])

    def __contains__(self, tag: int) -> bool:
        return tag in self._places

    def count(self, tag: int) -> int:
        """How many values a tag has by its own word; 0 where it is absent."""
        place = self._places.get(tag)
        return 0 if place is None else place.count

    def numbers(self, tag: int, most: int = _MOST_VALUES) -> tuple[int, ...]:
        """The values of a tag of whole numbers, the first ``most`` of them.

        Empty where it is absent, of another type, or not all in the file.
        """
        place = self._places.get(tag)
        if place is None or place.kind not in _WHOLE or not self._there(place):
            return ()
        shape = f"{self.order}{min(most, place.count)}{_WHOLE[place.kind]}"
        return struct.unpack_from(shape, self.data, place.offset)

    def first(self, tag: int, absent: int) -> int:
        """The first value of a tag of whole numbers."""
        values = self.numbers(tag, 1)
        return values[0] if values else absent

    def ratio(self, tag: int) -> float:
        """The first value of a tag of ratios; 0 where it is none."""
        place = self._places.get(tag)
        if place is None or place.kind not in _RATIONALS or not place.count or not self._there(place):
            return 0.0
        above, below = struct.unpack_from(self.order + _RATIONALS[place.kind], self.data, place.offset)
        return above / below if below else 0.0

    def raw(self, tag: int, most: int) -> bytes:
        """The bytes of a tag, at most so many; empty where it is absent or not all in the file."""
        place = self._places.get(tag)
        if place is None or not self._there(place):
            return b""
        return bytes(self.data[place.offset : place.offset + min(most, place.count * _SIZES[place.kind])])

    def below(self) -> Iterator[Directory]:
        """The directories that hang below this one (SubIFDs)."""
        for position in self.numbers(_SUB_DIRECTORIES, MOST_DIRECTORIES):
            found = _read(self.data, position, self.order, big=self.big)
            if found is not None:
                yield found

    def _there(self, place: _Place) -> bool:
        size = place.count * _SIZES.get(place.kind, 0)
        return place.kind in _SIZES and place.count <= _MOST_VALUES and place.offset + size <= len(self.data)


def is_tiff(head: Buffer) -> bool:
    """Whether the file begins as a TIFF or a BigTIFF."""
    order = _ORDERS.get(head[:2])
    return order is not None and head[2:4] in (struct.pack(order + "H", n) for n in (_CLASSIC, _BIG))


def directories(data: Buffer) -> Iterator[Directory]:
    """The directories of the main chain, in their order, as far as the file reaches and at most 4,096.

    Args:
        data: a file that begins as a TIFF (:func:`is_tiff`).
    """
    order = _ORDERS[data[:2]]
    big = struct.unpack_from(order + "H", data, 2)[0] == _BIG
    seen: set[int] = set()
    position = _offset(data, 8 if big else 4, order, big=big)
    while position and position not in seen and len(seen) < MOST_DIRECTORIES:
        seen.add(position)
        found = _read(data, position, order, big=big)
        if found is None:
            return
        yield found
        position = _offset(data, found.after, order, big=big)


def _offset(data: Buffer, position: int, order: str, *, big: bool) -> int:
    """An offset; 0 where the file ends before."""
    width = 8 if big else 4
    raw = data[position : position + width]
    return int(struct.unpack(order + ("Q" if big else "I"), raw)[0]) if len(raw) == width else 0


def _read(data: Buffer, position: int, order: str, *, big: bool) -> Directory | None:
    head, entry, inline = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    start = position + struct.calcsize(order + head)
    if start > len(data):
        return None
    count = struct.unpack_from(order + head, data, position)[0]
    length = struct.calcsize(order + entry) + inline
    if count > _MOST_ENTRIES or start + count * length > len(data):
        return None
    places: dict[int, _Place] = {}
    for number in range(count):
        at = start + number * length
        tag, kind, values = struct.unpack_from(order + entry, data, at)
        value = at + length - inline
        if _SIZES.get(kind, 0) * values > inline:
            value = _offset(data, value, order, big=big)
        places.setdefault(tag, _Place(kind, values, value))
    return Directory(data, order, big, position, start + count * length, places)
