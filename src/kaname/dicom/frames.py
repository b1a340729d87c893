"""Where each frame of an image lies in its file, so that one ranged read fetches it (PS3.5 sections 8 and A.4)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kaname.dicom.part10 import Buffer
from kaname.dicom.scan import ITEM, SEQUENCE_END, UNDEFINED, PixelLocation
from kaname.errors import Refused

_ITEM_HEAD = 8
_BITS_PER_BYTE = 8


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of one frame."""

    offset: int
    """Offset in the buffer: of the first fragment's item header where encapsulated."""
    length: int
    """Bytes, with all item headers where encapsulated."""
    fragments: int
    """Number of fragments; 0 where the pixels are native."""


def frame_spans(
    buffer: Buffer, pixel: PixelLocation, number_of_frames: int, frame_size_bytes: int | None
) -> tuple[Span, ...]:
    """Where the frames of an image lie, in their order.

    Encapsulated frames are told apart by the number of fragments where there is one for each frame, or one frame
    only, else by the Basic Offset Table. The Extended Offset Table is never needed: it may stand only where each
    frame is one fragment (PS3.3 section C.7.6.3.1.8).

    Args:
        buffer: the whole Part 10 file.
        pixel: where its pixel data lie.
        number_of_frames: Number of Frames (0028,0008), 1 where the file has none.
        frame_size_bytes: bytes of a native frame (:func:`native_frame_bytes`); ``None`` where frames do not begin on
            a byte, and then only a single frame can be told.

    Raises:
        Refused: ``no-frames`` when the frames cannot be told apart.
    """
    if number_of_frames < 1:
        raise Refused("no-frames", frames=number_of_frames)
    if pixel.encapsulated:
        return _encapsulated(buffer, pixel, number_of_frames)
    return _native(pixel, number_of_frames, frame_size_bytes)


def native_frame_bytes(rows: int, columns: int, samples: int, bits_allocated: int, photometric: str) -> int | None:
    """Bytes of one native frame, or ``None`` where a frame is no whole number of bytes (PS3.5 section 8.1.1).

    Args:
        rows: Rows (0028,0010), pixels.
        columns: Columns (0028,0011), pixels.
        samples: Samples per Pixel (0028,0002).
        bits_allocated: Bits Allocated (0028,0100).
        photometric: Photometric Interpretation (0028,0004): ``YBR_FULL_422`` has one pair of colour samples for two
            pixels (PS3.3 section C.7.6.3.1.2).
    """
    bits = rows * columns * samples * bits_allocated
    if photometric == "YBR_FULL_422":
        bits = bits // 3 * 2
    return None if bits % _BITS_PER_BYTE else bits // _BITS_PER_BYTE


def frame_bytes(data: bytes, span: Span) -> bytes:
    """The frame itself: fragments joined, their item headers taken off.

    Args:
        data: the bytes of ``span``, as read from the file.
        span: where they were.

    Raises:
        Refused: ``no-frames`` when ``data`` are not the bytes of ``span``.
    """
    if len(data) != span.length:
        raise Refused("no-frames")
    if not span.fragments:
        return data
    parts: list[bytes] = []
    position = 0
    while position < len(data):
        start, position = _item(data, position, len(data))
        parts.append(data[start:position])
    if len(parts) != span.fragments:
        raise Refused("no-frames", fragments=len(parts))
    return b"".join(parts)


def _native(pixel: PixelLocation, number_of_frames: int, size: int | None) -> tuple[Span, ...]:
    if size is None and number_of_frames == 1:
        return (Span(pixel.offset, pixel.length, 0),)
    if not size:
        raise Refused("no-frames")
    whole = size * number_of_frames
    if pixel.length not in (whole, whole + whole % 2):  # an odd value is padded to an even one
        raise Refused("no-frames", frames=number_of_frames, expected=whole, found=pixel.length)
    return tuple(Span(pixel.offset + n * size, size, 0) for n in range(number_of_frames))


def _encapsulated(buffer: Buffer, pixel: PixelLocation, number_of_frames: int) -> tuple[Span, ...]:
    fragments, table = _fragments(buffer, pixel)
    if len(fragments) == number_of_frames:
        firsts: Sequence[int] = range(number_of_frames)
    elif number_of_frames == 1:
        firsts = (0,)
    else:
        firsts = _first_fragments(table, fragments, number_of_frames)
    spans: list[Span] = []
    for first, after in zip(firsts, [*firsts[1:], len(fragments)], strict=True):
        start, end = fragments[first][0], fragments[after - 1][1]
        spans.append(Span(start, end - start, after - first))
    return tuple(spans)


def _fragments(buffer: Buffer, pixel: PixelLocation) -> tuple[list[tuple[int, int]], bytes]:
    """Begin and end of each fragment with its header, and the Basic Offset Table."""
    position, end = pixel.offset, pixel.offset + pixel.length
    start, position = _item(buffer, position, end)
    table = bytes(buffer[start:position])
    found: list[tuple[int, int]] = []
    while buffer[position : position + len(SEQUENCE_END)] != SEQUENCE_END:
        _, after = _item(buffer, position, end)
        found.append((position, after))
        position = after
    if not found:
        raise Refused("no-frames", fragments=0)
    return found, table


def _item(buffer: Buffer, position: int, end: int) -> tuple[int, int]:
    """Begin and end of an item's value."""
    head = buffer[position : position + _ITEM_HEAD]
    length = int.from_bytes(head[4:], "little")
    start = position + _ITEM_HEAD
    if head[:4] != ITEM or length == UNDEFINED or start + length > end:
        raise Refused("no-frames")
    return start, start + length


def _first_fragments(table: bytes, fragments: Sequence[tuple[int, int]], number_of_frames: int) -> list[int]:
    """The number of each frame's first fragment, by the Basic Offset Table (PS3.5 section A.4)."""
    if len(table) != 4 * number_of_frames:
        raise Refused("no-frames", frames=number_of_frames, fragments=len(fragments))
    base = fragments[0][0]
    by_offset = {start - base: n for n, (start, _) in enumerate(fragments)}
    firsts = [by_offset.get(offset, -1) for (offset,) in struct.iter_unpack("<I", table)]
    if firsts[0] != 0 or any(a >= b for a, b in pairwise(firsts)):
        raise Refused("no-frames", frames=number_of_frames, fragments=len(fragments))
    return firsts
