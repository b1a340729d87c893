"""One at a time for one subject: accepting, shelving and withdrawing never overlap, across threads and processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256

from kaname.node import Node


@contextmanager
def turn(node: Node, registry: str, subject: str) -> Generator[None]:
    """Waits for its turn with this subject and holds it. A killed process loses its turn at once.

    Without it a withdrawal could certify that everything is gone while a parcel of the same subject is being put into
    the store. There are 256 locks, so that their files do not grow with the catalogue; two subjects that share one
    merely wait for each other. It is not re-entrant.
    """
    stripe = sha256(f"{registry}/{subject}".encode()).hexdigest()[:2]
    folder = node.settings.home / "turns"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / stripe, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
