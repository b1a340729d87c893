"""RLE lossless frames (PS3.5 Annex G): bytes run-length encoded, one segment for each byte of each sample."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Final

from kaname.errors import Refused

RLE: Final = "1.2.840.10008.1.2.5"
_HEADER_BYTES, _MOST_SEGMENTS = 64, 15
_NOTHING = 128


def segments(frame: bytes, count: int, size: int) -> list[bytes]:
    """The decoded segments of one frame.

    Args:
        frame: the encoded frame, header included.
        count: how many segments it must have.
        size: bytes of each segment when decoded.

    Raises:
        Refused: ``pixels-undecodable``.
    """
    if len(frame) < _HEADER_BYTES:
        raise Refused("pixels-undecodable", sign="run lengths")
    stated, *offsets = struct.unpack_from(f"<{1 + _MOST_SEGMENTS}I", frame)
    if stated != count or not 0 < count <= _MOST_SEGMENTS:
        raise Refused("pixels-undecodable", sign="run lengths")
    bounds = [*offsets[:count], len(frame)]
    if bounds[0] != _HEADER_BYTES or any(a > b for a, b in pairwise(bounds)):
        raise Refused("pixels-undecodable", sign="run lengths")
    return [_segment(frame[a:b], size) for a, b in pairwise(bounds)]


def _segment(data: bytes, size: int) -> bytes:
    """Never more than ``size`` and one run of 128 bytes are held (PS3.5 section G.3.2)."""
    out = bytearray()
    position, end = 0, len(data)
    while len(out) < size and position < end:
        head = data[position]
        position += 1
        if head < _NOTHING:
            out += data[position : position + head + 1]
            position += head + 1
        elif head > _NOTHING:
            out += data[position : position + 1] * (257 - head)
            position += 1
    if len(out) < size:
        raise Refused("pixels-undecodable", sign="run lengths")
    return bytes(out[:size])
