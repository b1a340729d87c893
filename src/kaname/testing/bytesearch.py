"""Searches every byte below a folder for planted identities, inside whatever they were packed into.

What cannot be opened is itself a hit: a search that fails open proves nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kaname.testing.containers import Limits, Unsearchable, parts
from kaname.testing.needles import Finder

UNSEARCHABLE = -1
DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a planted string stands. Never shows the string."""

    path: Path
    """Below the root of the search."""
    where: str
    """The way in, e.g. ``tar[3] > zstd: utf-8 at 120``; what went wrong where the place could not be searched."""
    form_index: int
    """Position of the string among those given; :data:`UNSEARCHABLE` where nobody knows what stands there."""


def find_planted(root: Path, strings: Sequence[str], *, limits: Limits = DEFAULT) -> list[Hit]:
    """Searches file names, raw bytes and everything inside zstd, gzip, bzip2, xz, tar, zip, Parquet and SQLite.

    The strings are looked for exactly as given, in UTF-8, ISO-2022-JP, CP932, EUC-JP and UTF-16 of both orders, and as
    JSON, URLs and base64 write them. Links are not followed; their targets are read as names.

    Args:
        root: a folder, or one file.
        strings: what must not be there; each at least four bytes long in every encoding.
        limits: how deep and how far to unpack; beyond it the place is reported as unsearchable.

    Returns:
        At most one hit per place, string and encoding, in the order of the paths; empty when the tree is clean.

    Raises:
        ValueError: a string is too short to be searched for.
        ImportError: a Parquet file was met and pyarrow is not installed.
        FileNotFoundError: ``root`` is not there.
    """
    finder = Finder(strings)
    root.lstat()
    return [hit for path in _walk(root) for hit in _search_file(root, path, finder, limits)]


def search_bytes(data: bytes, strings: Sequence[str], *, limits: Limits = DEFAULT) -> list[Hit]:
    """The same search over bytes in memory; the hits carry an empty path."""
    budget = [limits.total_bytes]
    return [Hit(Path(), where, index) for where, index in _search(data, "", Finder(strings), limits, budget)]


def _walk(root: Path) -> Iterator[Path]:
    yield root
    if root.is_dir() and not root.is_symlink():
        for child in sorted(root.iterdir()):
            yield from _walk(child)


def _search_file(root: Path, path: Path, finder: Finder, limits: Limits) -> Iterator[Hit]:
    place = path.relative_to(root)
    if path != root:
        name = os.fsencode(path.name)
        yield from (Hit(place, f"name: {f.encoding} at {f.offset}", f.index) for f in finder.search(name))
    if path.is_symlink():
        target = os.fsencode(path.readlink())
        yield from (Hit(place, f"link: {f.encoding} at {f.offset}", f.index) for f in finder.search(target))
        return
    if not stat.S_ISREG(path.lstat().st_mode):
        return
    try:
        data = path.read_bytes()
        log = _log_of(path, data)
    except OSError as error:
        yield Hit(place, f"unreadable: {type(error).__name__}", UNSEARCHABLE)
        return
    for where, index in _search(data, "", finder, limits, [limits.total_bytes], log):
        yield Hit(place, where, index)


def _log_of(path: Path, data: bytes) -> bytes:
    """The write-ahead log beside an SQLite database."""
    log = path.with_name(f"{path.name}-wal")
    return log.read_bytes() if data.startswith(b"SQLite format 3\0") and log.is_file() else b""


def _search(
    data: bytes, way: str, finder: Finder, limits: Limits, budget: list[int], log: bytes = b""
) -> Iterator[tuple[str, int]]:
    """Hits in these bytes and in everything inside; ``budget`` holds what the file may still expand to."""
    for found in finder.search(data):
        yield f"{way}: {found.encoding} at {found.offset}".removeprefix(": "), found.index
    inside: Iterable[tuple[str, bytes]] = parts(data, limits, log=log)
    depth = way.count(" > ") + 1 if way else 0
    try:
        for label, content in inside:
            budget[0] -= len(content)
            if budget[0] < 0 or depth >= limits.depth:
                yield f"{way} > {label}: beyond the limit".removeprefix(" > "), UNSEARCHABLE
                return
            yield from _search(content, f"{way} > {label}".removeprefix(" > "), finder, limits, budget)
    except Unsearchable as error:
        yield f"{way}: not to be opened ({error})".removeprefix(": "), UNSEARCHABLE
