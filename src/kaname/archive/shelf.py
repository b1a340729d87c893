"""Series indexes: made from packs, kept in the store, and the last used ones in memory."""

from __future__ import annotations

import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kaname.errors import Refused
from kaname.node import Node
from kaname.pack import SeriesIndex, index_pack, pack_key
from kaname.store import Store, digest_bytes
from kaname.store.whole import whole_file

MEMORY_BYTES = 8 << 20
"""Compressed size of the indexes kept in memory; read, they take some twenty times that."""


def index_key(pack: str) -> str:
    """Key of a pack's series index."""
    return f"series/{pack[:2]}/{pack}.idx"


def copy_folder(node: Node, pack: str) -> Path:
    """Where a pack, or a part of it, lies in this home while it is indexed."""
    return node.settings.home / "shelving" / pack


def derived_folder(node: Node, registry: str, subject: str) -> Path:
    """Where derived objects of a subject lie in this home while they are packed."""
    return node.settings.home / "shelving" / f"{registry}-{subject}"


class IndexMemory:
    """The indexes used last, bounded by their compressed size. Safe for many threads."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[SeriesIndex, int]] = OrderedDict()
        self._size = 0

    def get(self, pack: str) -> SeriesIndex | None:
        """The index of a pack, if it is kept here."""
        with self._lock:
            if pack not in self._kept:
                return None
            self._kept.move_to_end(pack)
            return self._kept[pack][0]

    def keep(self, index: SeriesIndex, size_bytes: int) -> None:
        """Keeps an index, and lets go of those not used for longest."""
        with self._lock:
            self._drop(index.pack)
            self._kept[index.pack] = (index, size_bytes)
            self._size += size_bytes
            while self._size > self._limit:
                self._drop(next(iter(self._kept)))

    def forget(self, packs: Iterable[str]) -> None:
        """Lets go of the indexes of these packs."""
        with self._lock:
            for pack in packs:
                self._drop(pack)

    def _drop(self, pack: str) -> None:
        _, size_bytes = self._kept.pop(pack, (None, 0))
        self._size -= size_bytes


@lru_cache(maxsize=8)
def memory(_store: Store) -> IndexMemory:
    """The memory of this process for one store."""
    return IndexMemory(MEMORY_BYTES)


def load_index(store: Store, pack: str) -> SeriesIndex:
    """The series index of a pack.

    Raises:
        Refused: ``object-missing``; ``object-damaged`` when it is of another pack or cannot be read.
        NotYet: ``storage-unreachable``.
    """
    kept = memory(store).get(pack)
    if kept is not None:
        return kept
    data = store.get(index_key(pack))
    index = SeriesIndex.from_bytes(data)
    if index.pack != pack:
        raise Refused("object-damaged", pack=pack)
    memory(store).keep(index, len(data))
    return index


@dataclass(frozen=True, slots=True)
class Indexed:
    """A pack with its series index, which is in the store."""

    index: SeriesIndex
    index_digest: str
    """SHA-256 of the index's bytes."""
    size_bytes: int
    """Of the pack."""


def make_index(node: Node, pack: str) -> Indexed:
    """Makes the index of a pack in the store and puts it there; a damaged one is replaced.

    Raises:
        Refused: ``object-missing``; ``object-damaged`` when the pack's bytes are not those of its digest.
        NotYet: ``storage-full``, ``storage-unreachable``.
    """
    path = copy_folder(node, pack) / "pack.tar"
    try:
        with whole_file(path) as file:
            for piece in node.store.stream(pack_key(pack)):
                file.write(piece)
        size_bytes = path.stat().st_size
        index = index_pack(path)
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)
    if index.pack != pack:
        raise Refused("object-damaged", pack=pack)
    data = index.to_bytes()
    key = index_key(pack)
    if not node.store.put(key, data) and node.store.get(key) != data:
        node.store.delete(key)
        node.store.put(key, data)
    return Indexed(index, digest_bytes(data), size_bytes)
