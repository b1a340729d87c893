"""What a process remembers of sessions and tokens, so that a request for a frame asks the index nothing about people.

Every change of who may do what counts up one number in the index, in the transaction of the change. This process looks
at that number once a second and forgets everything when it is another one; a change made by this process itself it
forgets at once. So whoever leaves is out within :data:`LOOK_SECONDS`, on every replica.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, insert, select, update

from kaname.access.index import GENERATION
from kaname.database import reading, writing

LOOK_SECONDS = 1.0
KNOWN_MOST = 10_000
"""Sessions and tokens that are remembered; beyond, all are forgotten and read anew."""
UNKNOWN = -1
T = TypeVar("T")


@dataclass(slots=True)
class _Memory:
    number: int = UNKNOWN
    looked_at: float = float("-inf")
    known: dict[object, tuple[int, object]] = field(default_factory=dict[object, tuple[int, object]])


_memories: WeakKeyDictionary[Engine, _Memory] = WeakKeyDictionary()
_lock = Lock()


def recall(index: Engine, key: object, kind: type[T], read: Callable[[Connection], T | None]) -> T | None:
    """What ``read`` finds in the index, or found a moment ago.

    Args:
        index: The node's index.
        key: Of what is looked for; the digest of a secret.
        kind: Of what ``read`` returns.
        read: Reads it. ``None``, for what is not there, is never remembered.
    """
    number, found = _known(index, key)
    if isinstance(found, kind):
        return found
    with reading(index) as connection:
        fresh = read(connection)
    if fresh is not None:
        with _lock:
            memory = _memories.setdefault(index, _Memory())
            if len(memory.known) >= KNOWN_MOST:
                memory.known.clear()
            memory.known[key] = number, fresh
    return fresh


@contextmanager
def changing(index: Engine) -> Generator[Connection]:
    """A transaction that changes who may do what: remembered answers count no longer once it stands."""
    with writing(index) as connection:
        if not connection.execute(update(GENERATION).values(number=GENERATION.c.number + 1)).rowcount:
            connection.execute(insert(GENERATION).values(id=1, number=1))
        yield connection
    with _lock:
        for memory in _memories.values():  # a process may hold several engines of one index
            memory.number, memory.looked_at = UNKNOWN, float("-inf")
            memory.known.clear()


def _known(index: Engine, key: object) -> tuple[int, object]:
    """The number that counts now, and what was remembered under it."""
    now = monotonic()
    with _lock:
        memory = _memories.setdefault(index, _Memory())
        if now - memory.looked_at < LOOK_SECONDS:
            number, found = memory.known.get(key, (UNKNOWN, None))
            return memory.number, found if number == memory.number else None
    with reading(index) as connection:
        number = connection.scalar(select(GENERATION.c.number)) or 0
    with _lock:
        if number != memory.number:
            memory.known.clear()
        memory.number, memory.looked_at = number, now
        kept, found = memory.known.get(key, (UNKNOWN, None))
        return number, found if kept == number else None
