"""Reading protocol buffers without knowing their messages: numbers, wire types, bytes (protobuf.dev, "Encoding")."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
VARINT_BYTES = 10


class Malformed(ValueError):
    """The bytes are no message."""


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message: an ``int``, or the bytes of a text, a message or packed numbers.

    Raises:
        Malformed: when the message does not end where the data do, or uses groups.
    """
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == BYTES:
            length, place = _varint(data, place)
        elif wire in {FIXED64, FIXED32}:
            length = 8 if wire == FIXED64 else 4
        else:
            raise Malformed
        if length > len(data) - place:
            raise Malformed
        piece = data[place : place + length]
        place += length
        yield number, piece if wire == BYTES else int.from_bytes(piece, "little")


def varints(data: memoryview) -> Iterator[int]:
    """Packed numbers.

    Raises:
        Malformed: when the last one is cut.
    """
    place = 0
    while place < len(data):
        value, place = _varint(data, place)
        yield value


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(VARINT_BYTES):
        if place >= len(data):
            raise Malformed
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:  # noqa: PLR2004 -- the highest bit says that more follow
            return value, place
    raise Malformed
