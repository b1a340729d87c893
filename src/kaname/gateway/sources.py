"""Files of the hospital, one by one: from folders of any depth and from zip archives.

Nothing is unpacked to disk: a member of an archive is read into memory, within limits. Links and devices are not
followed. What cannot be opened is still yielded, so that it is reported and not lost.
"""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

from kaname.deid.identified import Identified, open_identified
from kaname.dicom.part10 import PREAMBLE, PREFIX, START, Buffer
from kaname.errors import NotYet, Refused

MEMBER_LIMIT_BYTES = 1 << 30
_RATIO_LIMIT, _RATIO_FREE_BYTES = 200, 16 << 20
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
    LookupError, RuntimeError, NotImplementedError, EOFError, ValueError, struct.error,
)  # fmt: skip
"""What zipfile and its codecs raise on hostile archives."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one member of a zip archive. Its names may hold identity: they stay in the gateway."""

    path: Path
    member: str = ""
    nth: int = 0
    """Which of the members of that name: an archive may hold several."""

    @property
    def label(self) -> str:
        """How the hospital knows it, for the report that stays there; bytes that are no UTF-8 are escaped."""
        name = f"{self.path}!{self.member}" if self.member else str(self.path)
        return os.fsencode(name).decode("utf-8", "backslashreplace")

    @property
    def place(self) -> Path:
        """Where it lies; a member of an archive as if that were unpacked beside itself."""
        return self.path.parent / self.member if self.member else self.path

    @contextmanager
    def open(self) -> Generator[Identified]:
        """The bytes, for as long as the context lasts.

        Raises:
            Refused: ``not-a-file``, ``empty-file``, ``archive-broken``, ``path-traversal`` or ``too-large``.
            NotYet: ``unreadable-file``.
        """
        if self.member:
            yield Identified(_read_member(self.path, self.member, self.nth))
            return
        try:
            mode = self.path.lstat().st_mode
            if stat.S_ISDIR(mode):  # one that can be listed is not a source
                raise NotYet("unreadable-file")
        except OSError as error:
            raise NotYet("unreadable-file") from error
        if not stat.S_ISREG(mode):
            raise Refused("not-a-file")
        with open_identified(self.path) as identified:
            yield identified


class Original(Protocol):
    """Something that arrived and can be opened once it is looked at."""

    def open(self) -> AbstractContextManager[Identified]:
        """The bytes, for as long as the context lasts."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Arrived:
    """One object that came over the network, whole, in memory. Prints nothing."""

    buffer: Buffer

    @contextmanager
    def open(self) -> Generator[Identified]:
        """The bytes."""
        yield Identified(self.buffer)


def walk(paths: Iterable[Path]) -> Iterator[Source]:
    """Every file below the paths, in the order of their names; archives as their members."""
    for path in paths:
        for file in files_below(path):
            yield from _members(file) if _is_zip(file) else (Source(file),)


def files_below(path: Path) -> Iterator[Path]:
    """Files below a path, a folder that cannot be listed as itself; of any depth, so without recursion."""
    waiting = [path]
    while waiting:
        path = waiting.pop()
        try:
            below = sorted(path.iterdir(), reverse=True) if path.is_dir() and not path.is_symlink() else None
        except OSError:
            below = None
        if below is None:
            yield path
        else:
            waiting += below


def _is_zip(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(START)
    except OSError:
        return False
    return head.startswith((_ZIP, _EMPTY_ZIP)) and head[PREAMBLE:] != PREFIX


def _members(path: Path) -> Iterator[Source]:
    try:
        archive = _open_archive(path, _stamp(path))
        names = Counter(info.filename for info in archive.infolist() if not info.is_dir())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        names = {"?": 1}
    yield from (Source(path, name, nth) for name in sorted(names) for nth in range(names[name]))


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


@lru_cache(maxsize=2)
def _open_archive(path: Path, stamp: tuple[int, int]) -> zipfile.ZipFile:  # noqa: ARG001 - another stamp, another file
    """An archive whose list of members is read once, not once per member."""
    return zipfile.ZipFile(path)


@lru_cache(maxsize=2)
def _infos(archive: zipfile.ZipFile) -> Mapping[str, Sequence[zipfile.ZipInfo]]:
    found: dict[str, list[zipfile.ZipInfo]] = {}
    for info in archive.infolist():
        found.setdefault(info.filename, []).append(info)
    return found


def _read_member(path: Path, name: str, nth: int) -> bytes:
    pure, windows = PurePosixPath(name), PureWindowsPath(name)
    if pure.is_absolute() or windows.is_absolute() or windows.drive or ".." in (*pure.parts, *windows.parts):
        raise Refused("path-traversal")
    try:
        archive = _open_archive(path, _stamp(path))
        info = _infos(archive)[name][nth]
        allowed = min(MEMBER_LIMIT_BYTES, max(_RATIO_FREE_BYTES, _RATIO_LIMIT * info.compress_size))
        if info.file_size > allowed:
            raise Refused("too-large", limit_bytes=allowed)
        with archive.open(info) as member:
            data = member.read()  # never more than file_size, which zipfile enforces
    except _BROKEN as error:
        raise Refused("archive-broken") from error
    except OSError as error:
        if error.errno is None:  # what bz2 says of bad data
            raise Refused("archive-broken") from error
        raise NotYet("unreadable-file") from error
    if not data:
        raise Refused("empty-file")
    return data
