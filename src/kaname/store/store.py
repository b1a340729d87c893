"""One store over a folder or a bucket: put once, read anywhere, delete for good."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore, S3Store

from kaname.errors import NotYet, Refused
from kaname.store.folder import STAGING, Folder

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import RetryConfig

KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
"""A key: segments of plain characters joined by ``/``; none begins with a dot."""
SINGLE_PUT_BYTES = 8 << 20
"""Up to this size an object goes to a bucket in one conditional request; above it, in parts."""

RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
"""What the client of a bucket bridges by itself. Whoever asked can wait longer, and knows better for how long."""
PIECE_BYTES = 1 << 20
"""At least so much, but for the last, comes in one piece of a stream."""


class Store:
    """Immutable objects by key. A key names its content (it carries a digest), so writing twice is writing once.

    On a folder every write and deletion is on the disk, file and folders, before it returns.
    """

    def __init__(self, objects: ObjectStore, folder: Folder | None) -> None:
        self._objects = objects
        self._folder = folder

    @classmethod
    def open(cls, place: str) -> Store:
        """The store at ``place``: a folder (made when absent), or ``s3://bucket/prefix``.

        A bucket's address and credentials come from the standard ``AWS_…`` variables.

        Raises:
            NotYet: ``storage-full`` when the folder cannot be made for lack of room.
        """
        if place.startswith("s3://"):
            return cls(S3Store.from_url(place, retry_config=RETRIES), None)
        folder = Folder(Path(place).resolve())
        return cls(LocalStore(folder.root), folder)

    def put(self, key: str, data: bytes | Path) -> bool:
        """Stores bytes, or the content of a file (streamed), unless the key is taken. All of it, or nothing.

        Returns:
            Whether this call stored it; ``False`` when it was there already.

        Raises:
            ValueError: when ``key`` is malformed (a bug).
            NotYet: ``storage-full``, ``storage-unreachable``.
        """
        if not _is_key(key):
            raise ValueError(key)
        if self._folder is not None:
            return self._folder.put(key, data)
        with _told():
            return self._put_bucket(key, data)

    def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            Refused: ``object-missing``.
            NotYet: ``storage-unreachable``.
        """
        return b"".join(self.stream(key))

    def read(self, key: str, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``, in one ranged read.

        Raises:
            Refused: ``object-missing``; ``object-damaged`` when the object ends before.
            NotYet: ``storage-unreachable``.
        """
        return b"".join(self.stream(key, offset, length))

    def stream(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The object, or ``length`` bytes of it from ``offset``, in pieces.

        Raises:
            Refused: ``object-missing``; ``object-damaged`` when the object ends before.
            NotYet: ``storage-unreachable``.
        """
        result = self._open(key, offset, length)
        return iter(()) if result is None else _pieces(result)

    def size(self, key: str) -> int | None:
        """Size in bytes; ``None`` when there is no such object.

        Raises:
            NotYet: ``storage-unreachable``.
        """
        if not _is_key(key):
            return None
        try:
            with _told():
                return obstore.head(self._objects, key)["size"]
        except Refused:
            return None

    def delete(self, key: str) -> None:
        """Removes an object for good; an absent one is fine.

        Raises:
            NotYet: ``storage-unreachable``.
        """
        if self.size(key) is None:
            return
        if self._folder is not None:
            self._folder.delete(key)
            return
        with _told():
            obstore.delete(self._objects, key)

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys under a prefix of whole segments (``packs/`` or ``packs/ab``); ``""`` means all. In no order.

        Raises:
            NotYet: ``storage-unreachable``.
        """
        with _told():
            batches = obstore.list(self._objects, prefix.rstrip("/") or None)  # pyright: ignore[reportUnknownMemberType] # Arrow types
            for batch in batches:
                yield from (entry["path"] for entry in batch if not entry["path"].startswith(f"{STAGING}/"))

    def _put_bucket(self, key: str, data: bytes | Path) -> bool:
        size_bytes = data.stat().st_size if isinstance(data, Path) else len(data)
        if size_bytes <= SINGLE_PUT_BYTES:
            try:
                obstore.put(self._objects, key, data, mode="create")
            except AlreadyExistsError:
                return False
            return True
        # S3 takes no condition on parts. Two writers at once both write: the same bytes, since the key names them.
        if self.size(key) is not None:
            return False
        obstore.put(self._objects, key, data)
        return True

    def _open(self, key: str, offset: int, length: int | None) -> GetResult | None:
        """One ranged request; ``None`` for a range of no bytes, which no store answers."""
        if not _is_key(key):
            raise Refused("object-missing")
        if length != 0:
            try:
                with _told():
                    result = obstore.get(self._objects, key, options=_range(offset, length))
            except NotYet:
                if self._ends(key) > offset:
                    raise
            else:
                if length is None or result.range == (offset, offset + length):
                    return result
                raise Refused("object-damaged")
        if self._ends(key) < offset + (length or 0):
            raise Refused("object-damaged")
        return None

    def _ends(self, key: str) -> int:
        size_bytes = self.size(key)
        if size_bytes is None:
            raise Refused("object-missing")
        return size_bytes


def _range(offset: int, length: int | None) -> GetOptions:
    if length is not None:
        return {"range": (offset, offset + length)}
    return {"range": {"offset": offset}} if offset else {}


def _pieces(result: GetResult) -> Iterator[bytes]:
    with _told():
        for piece in result.stream(min_chunk_size=PIECE_BYTES):
            yield bytes(piece)


def _is_key(key: str) -> bool:
    return KEY.fullmatch(key) is not None


@contextmanager
def _told() -> Generator[None]:
    """Says what an error of the object store means for the caller."""
    try:
        yield
    except FileNotFoundError as error:
        raise Refused("object-missing") from error
    except (GenericError, PermissionDeniedError, UnauthenticatedError) as error:
        raise NotYet("storage-unreachable") from error
