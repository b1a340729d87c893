"""One process per node does the work: two would run the same flows side by side."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from sqlalchemy import URL, create_engine, text

from kaname.errors import NotYet


@contextmanager
def sole_worker(url: URL, name: str) -> Generator[None]:
    """Holds the right to work; it falls to the next one the moment this process ends, however it ends.

    Raises:
        NotYet: ``work-elsewhere`` when another process has it.
    """
    if url.get_backend_name() == "postgresql":
        with _postgres_lock(url, name):
            yield
    else:
        with _file_lock(Path(f"{url.database}.{name}.lock")):
            yield


@contextmanager
def _file_lock(path: Path) -> Generator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotYet("work-elsewhere") from error
        yield


@contextmanager
def _postgres_lock(url: URL, name: str) -> Generator[None]:
    key = int.from_bytes(sha256(f"kaname work {name}".encode()).digest()[:8], signed=True)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
                raise NotYet("work-elsewhere")
            yield
    finally:
        engine.dispose()
