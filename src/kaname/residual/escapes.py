"""ISO-2022-JP, whatever its escape sequences, as EUC-JP (PS3.3 section C.12.1.1.2, ISO/IEC 2022)."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

_ESCAPE = re.compile(rb"\x1b(?:\$[()*+]?[@-~]|[(-/][@-~])")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_HIGH = bytes(b | 0x80 if b > 0x20 else b for b in range(256))  # noqa: PLR2004
_TWO_BYTES, _KANA, _SUPPLEMENT = "two bytes", "kana", "supplement"


@dataclass(frozen=True, slots=True)
class Folded:
    """Bytes without escape sequences, and where each piece came from."""

    data: bytes
    starts: tuple[int, ...]
    """Where each piece starts in ``data``."""
    origins: tuple[int, ...]
    """Where it started in the original."""
    announced: tuple[bool, ...]
    """Whether an escape sequence announced a set other than ASCII for it."""

    def is_announced(self, start: int, end: int) -> bool:
        """Whether a stretch of ``data`` touches a piece that reads otherwise than in the original."""
        pieces = range(bisect_right(self.starts, start) - 1, bisect_right(self.starts, end - 1))
        return len(pieces) > 1 or any(self.announced[piece] for piece in pieces)

    def origin(self, offset: int) -> int:
        """The place in the original of an offset in ``data``; inside half-width kana the start of their piece."""
        piece = bisect_right(self.starts, offset) - 1
        return self.origins[piece] + min(offset - self.starts[piece], self._length(piece))

    def _length(self, piece: int) -> int:
        following = self.origins[piece + 1] if piece + 1 < len(self.origins) else self.origins[piece]
        return max(following - self.origins[piece] - 1, 0)


def fold(data: bytes) -> Folded | None:
    """ISO-2022-JP stretches as EUC-JP, everything else as it is; ``None`` where nothing is designated but ASCII.

    A designation ends at the next one and, as the Standard demands, at a control character.
    """
    marks = list(_ESCAPE.finditer(data))
    if not any(_designated(mark[0]) for mark in marks):
        return None
    pieces: list[bytes] = []
    starts: list[int] = []
    origins: list[int] = []
    announced: list[bool] = []
    size = 0

    def add(piece: bytes, origin: int, designated: str = "") -> None:
        nonlocal size
        if piece:
            announced.append(bool(designated))
            pieces.append(_as_euc(piece, designated))
            starts.append(size)
            origins.append(origin)
            size += len(pieces[-1])

    add(data[: marks[0].start()], 0)
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        end = following.start() if following else len(data)
        stop = _CONTROL.search(data, mark.end(), end)
        cut = stop.start() if stop else end
        add(data[mark.end() : cut], mark.end(), _designated(mark[0]))
        add(data[cut:end], cut)
    return Folded(b"".join(pieces), tuple(starts), tuple(origins), tuple(announced))


def _designated(escape: bytes) -> str:
    if escape == b"\x1b(I":
        return _KANA
    if escape[1:2] != b"$":
        return ""
    return _SUPPLEMENT if escape[-1:] in (b"D", b"P") else _TWO_BYTES


def _as_euc(piece: bytes, designated: str) -> bytes:
    if designated == _TWO_BYTES:
        return piece.translate(_HIGH)
    if designated == _KANA:
        return b"".join(bytes((0x8E, b | 0x80)) for b in piece)
    if designated == _SUPPLEMENT:
        high = piece.translate(_HIGH)
        return b"".join(b"\x8f" + high[n : n + 2] for n in range(0, len(high), 2))
    return piece
