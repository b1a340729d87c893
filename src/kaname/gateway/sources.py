"""Files of the hospital, one by one: from folders of any depth and from zip archives.

Nothing is unpacked to disk: a member of an archive is read into memory, within limits. Links and devices are not
followed. What cannot be opened is still yielded, so that it is reported and not lost.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from kaname.deid.identified import Identified, open_identified
from kaname.dicom.part10 import PREAMBLE, PREFIX, START
from kaname.errors import NotYet, Refused

MEMBER_LIMIT_BYTES = 1 << 30
_RATIO_LIMIT, _RATIO_FREE_BYTES = 200, 16 << 20
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one member of a zip archive. Its names may hold identity: they stay in the gateway."""

    path: Path
    member: str = ""

    @property
    def label(self) -> str:
        """How the hospital knows it, for the report that stays there."""
        return f"{self.path}!{self.member}" if self.member else str(self.path)

    @contextmanager
    def open(self) -> Generator[Identified]:
        """The bytes, for as long as the context lasts.

        Raises:
            Refused: ``not-a-file``, ``empty-file``, ``archive-broken``, ``path-traversal`` or ``too-large``.
            NotYet: ``unreadable-file``.
        """
        if self.member:
            yield Identified(_read_member(self.path, self.member))
            return
        if not stat.S_ISREG(self.path.lstat().st_mode):
            raise Refused("not-a-file")
        with open_identified(self.path) as identified:
            yield identified


def walk(paths: Iterable[Path]) -> Iterator[Source]:
    """Every file below the paths, in the order of their names; archives as their members."""
    for path in paths:
        for file in _files(path):
            yield from _members(file) if _is_zip(file) else (Source(file),)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir() and not path.is_symlink():
        for child in sorted(path.iterdir()):
            yield from _files(child)
    else:
        yield path


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
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        names = ["?"]
    yield from (Source(path, name) for name in sorted(names))


def _read_member(path: Path, name: str) -> bytes:
    pure, windows = PurePosixPath(name), PureWindowsPath(name)
    if pure.is_absolute() or windows.is_absolute() or windows.drive or ".." in (*pure.parts, *windows.parts):
        raise Refused("path-traversal")
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(name)
            allowed = min(MEMBER_LIMIT_BYTES, max(_RATIO_FREE_BYTES, _RATIO_LIMIT * info.compress_size))
            if info.file_size > allowed:
                raise Refused("too-large", limit_bytes=allowed)
            with archive.open(info) as member:
                data = member.read()  # never more than file_size, which zipfile enforces
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise Refused("archive-broken") from error
    except OSError as error:
        raise NotYet("unreadable-file") from error
    if not data:
        raise Refused("empty-file")
    return data
