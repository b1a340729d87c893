"""Freed memory goes back to the system: a server that looked at one large picture does not stay large.

Both functions speak to glibc, and do nothing where another library manages memory.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

_ARENA_MAX, _ARENAS = -8, 2
"""``M_ARENA_MAX`` of malloc.h, and how many heaps the threads of a process then share."""


def share_heaps() -> None:
    """Lets the threads of this process share heaps: else each keeps one as large as the largest picture it ever saw."""
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Gives back what was freed. Otherwise the room of the largest picture is kept, 300 MB after a few of them.

    Measured on pictures of four sizes: 92 MB instead of 340 to 410 stay, for at most 7 % more time.
    """
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None)
