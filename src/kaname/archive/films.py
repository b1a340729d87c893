"""Films: the stream inside a video instance as ranges of its pack, and the time of each frame (PS3.5 section 8.2).

The frames of a stream cannot be cut out, so the index of a pack names none. A browser plays the stream itself, a range
at a time; the header says when each frame is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from kaname.archive.describe import number
from kaname.archive.model import Located
from kaname.dicom.part10 import read_meta
from kaname.dicom.scan import ITEM, SEQUENCE_END, elements
from kaname.errors import Refused
from kaname.node import Node

FILMS = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))
"""Transfer syntaxes of video: MPEG-2, H.264 and HEVC."""
_HEAD_BYTES = 1 << 16
_PIXELS = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + ITEM
_ITEM_HEAD = 8
_FRAGMENTS_MOST = 1 << 14
_FRAMES_MOST = 1 << 20
"""As many as the crossing takes (:mod:`kaname.decoder.video`): a header may claim thousands of millions."""


@dataclass(frozen=True, slots=True)
class Film:
    """The stream of a video instance."""

    object: str
    """Key in the store of the pack that holds it."""
    ranges: tuple[tuple[int, int], ...]
    """Offset in the pack and bytes of each fragment."""

    @property
    def length(self) -> int:
        """Bytes of the stream."""
        return sum(length for _, length in self.ranges)

    def between(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Offset in the pack and bytes of what lies from byte ``first`` of the stream up to byte ``end``."""
        start = 0
        for offset, length in self.ranges:
            low, high = max(first, start), min(end, start + length)
            if low < high:
                yield offset + low - start, high - low
            start += length


def film(node: Node, located: Located) -> Film:
    """Where the stream of a video instance lies.

    Raises:
        Refused: ``no-film`` for an instance that is none, or whose stream cannot be found; ``object-missing``.
        NotYet: ``storage-unreachable``.
    """
    if located.member.transfer_syntax_uid not in FILMS:
        raise Refused("no-film")
    size = _HEAD_BYTES
    while True:
        size = min(size, located.member.length)
        value = _value(node.store.read(located.object, located.member.offset, size))
        if value:
            return Film(located.object, _fragments(node, located, value))
        if size == located.member.length:
            raise Refused("no-film")
        size *= 16


def stream(node: Node, film: Film, first: int, end: int) -> Iterator[bytes]:
    """Bytes ``first`` up to ``end`` of a stream, in pieces, straight from the pack.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    for offset, length in film.between(first, end):
        yield from node.store.stream(film.object, offset, length)


def frame_times(located: Located) -> tuple[float, ...]:
    """When each frame of a film is shown, in milliseconds from its first one (PS3.3 sections C.7.6.5 and C.7.6.6).

    Raises:
        Refused: ``no-film`` for an instance that is none, or where the header has neither Frame Time (0018,1063) nor a
            Frame Time Vector (0018,1065) with one number for each frame.
    """
    if located.member.transfer_syntax_uid not in FILMS:
        raise Refused("no-film")
    metadata = located.member.metadata
    frames = number(metadata, "00280008") or 1
    if not 0 < frames <= _FRAMES_MOST:
        raise Refused("no-film", frames=frames)
    vector: list[Any] = metadata.get("00181065", {}).get("Value", [])
    step: Any = (metadata.get("00181063", {}).get("Value") or [None])[0]
    steps = [0.0, *vector[1:]] if vector else [0.0, *[step] * (frames - 1)]
    if len(steps) != frames or not all(isinstance(one, int | float) and one >= 0 for one in steps):
        raise Refused("no-film", frames=frames)
    return tuple(round(time, 3) for time in accumulate(steps))


def _value(head: bytes) -> int:
    """The offset behind the head of the pixel data, 0 where ``head`` does not reach so far.

    What looks like it counts only where the elements before it end exactly there.
    """
    start = read_meta(head).end
    found = head.find(_PIXELS, start)
    while found >= 0:
        try:
            elements(head, start, found, implicit=False)
        except Refused:
            found = head.find(_PIXELS, found + 1)
            continue
        return found + len(_PIXELS) - len(ITEM)
    return 0


def _fragments(node: Node, located: Located, value: int) -> tuple[tuple[int, int], ...]:
    """Offset in the pack and bytes of each fragment; the first item, the offset table, is none."""
    found: list[tuple[int, int]] = []
    while len(found) <= _FRAGMENTS_MOST and value + _ITEM_HEAD <= located.member.length:
        head = node.store.read(located.object, located.member.offset + value, _ITEM_HEAD)
        length = int.from_bytes(head[4:], "little")
        if head[:4] == SEQUENCE_END and found[1:]:
            return tuple(found[1:])
        if head[:4] != ITEM or value + _ITEM_HEAD + length > located.member.length:
            break
        found.append((located.member.offset + value + _ITEM_HEAD, length))
        value += _ITEM_HEAD + length
    raise Refused("no-film")
