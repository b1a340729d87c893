"""Watched folders: what other systems put there is taken in once it stands still, and moved aside.

A file is still when its size and time of change are the same as at an earlier look. A department's export, the folder
of a table with everything below it, is taken when all of it is still. What was taken in goes to ``.done``, what was
held or refused to ``.held``, both in the watched folder itself: names may tell a patient, and stay where they are.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import stat
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

from sqlalchemy import delete, select

from kaname.database import reading, writing
from kaname.errors import NotYet, Refused
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import LOOKS
from kaname.gateway.mapping import FILE as MAPPING_FILE
from kaname.gateway.receive import Received
from kaname.gateway.reception import take_in
from kaname.gateway.records import is_table
from kaname.registries import load

DONE, HELD = ".done", ".held"
STILL_SECONDS = 2.0
"""How long a file must not have changed. Counted by this machine's clock alone: a share may have another."""
FILES_AT_ONCE = 2000
"""Files taken in one look, so that a full folder does not keep the worker from everything else."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One watched folder and the registry that its files are meant for."""

    registry: str
    folder: Path

    @property
    def usable(self) -> bool:
        """Whether it can be listed, and files in it moved."""
        return self.folder.is_dir() and os.access(self.folder, os.R_OK | os.W_OK | os.X_OK)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look saw of one file."""

    path: Path
    size_bytes: int
    changed_ns: int


def watched_folders(hospital: Hospital) -> tuple[Watched, ...]:
    """The folders of the settings, each written as ``registry=/absolute/path``.

    Raises:
        Refused: ``settings-invalid``, ``unknown-registry``.
    """
    found: list[Watched] = []
    for line in hospital.node.settings.watched:
        registry, _, place = line.partition("=")
        if not place or not Path(place).is_absolute():
            raise Refused("settings-invalid", line="watched")
        found.append(Watched(load(registry).id, Path(place)))
    return tuple(found)


def take_watched(hospital: Hospital, *, still_seconds: float = STILL_SECONDS) -> int:
    """Looks into every watched folder once and takes in what stands still; returns how many files were moved aside.

    One look at a time. Cut off anywhere it goes on: what was taken in but not moved is known at the next look. A folder
    that cannot be used is passed over, and told by ``gateway status``.

    Raises:
        Refused: ``settings-invalid``, ``unknown-registry``.
        NotYet: ``watched-unusable`` when something in a folder cannot be listed or moved; what taking in raises.
    """
    with _turn(hospital, wait=True):
        return sum(_take_folder(hospital, one, still_seconds) for one in watched_folders(hospital) if one.usable)


def watched_waiting(hospital: Hospital, *, still_seconds: float = STILL_SECONDS) -> tuple[str, ...]:
    """One id when anything in the watched folders is ready to be taken, by what is ready; looks once, takes nothing.

    While something is being taken nothing waits.

    Raises:
        Refused: ``settings-invalid``, ``unknown-registry``.
        NotYet: ``watched-unusable``, ``index-busy``.
    """
    stamps: list[str] = []
    with _turn(hospital, wait=False) as mine:
        for watched in watched_folders(hospital) if mine else ():
            if watched.usable:
                stamps += _ready(hospital, watched, still_seconds).values()
    return (hashlib.sha256("|".join(sorted(stamps)).encode()).hexdigest(),) if stamps else ()


@contextmanager
def _turn(hospital: Hospital, *, wait: bool) -> Generator[bool]:
    """One look at a time, across threads and processes; gives whether it is ours. A killed process loses its turn."""
    lock = os.open(hospital.node.settings.home / "watch.turn", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


def _take_folder(hospital: Hospital, watched: Watched, still_seconds: float) -> int:
    ready = _ready(hospital, watched, still_seconds)
    return _take(hospital, watched, sorted(ready)) if ready else 0


def _ready(hospital: Hospital, watched: Watched, still_seconds: float) -> dict[Path, str]:
    """Files to be taken, each with a keyed stamp of its name and state: so many at once, but exports whole."""
    looks = list(_files(watched.folder))
    still = _still(hospital, watched, looks, still_seconds)
    moving = [look.path for look in looks if look.path not in still]
    exports = {look.path.parent for look in looks if is_table(look.path)}
    growing = {export for export in exports if any(path.is_relative_to(export) for path in moving)}
    first = set(sorted(path for path in still if growing.isdisjoint(path.parents))[:FILES_AT_ONCE])
    begun = {export for export in exports - growing if any(path.is_relative_to(export) for path in first)}
    return {path: stamp for path, stamp in still.items() if path in first or not begun.isdisjoint(path.parents)}


def _files(folder: Path) -> Iterator[_Look]:
    """Every file below the folder but those moved aside and those that hide.

    Raises:
        NotYet: ``watched-unusable`` when a folder below it cannot be listed.
    """
    waiting = [folder]
    while waiting:
        try:
            names = sorted(waiting.pop().iterdir())
        except FileNotFoundError:  # gone since it was listed
            continue
        except OSError as error:
            raise NotYet("watched-unusable") from error
        for path in names:
            if path.name.startswith("."):
                continue
            try:
                state = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(state.st_mode):
                waiting.append(path)
            else:
                yield _Look(path, state.st_size, state.st_mtime_ns)


def _still(hospital: Hospital, watched: Watched, looks: Sequence[_Look], still_seconds: float) -> dict[Path, str]:
    """Files that look as they did before, stamped; the others, and those that are gone, are written down."""
    now = hospital.node.clock.now().astimezone(UTC)
    before = (now - timedelta(seconds=still_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    key = hospital.key.derive("watched", str(watched.folder))
    prefix = hmac.digest(key, b"folder", "sha256").hex()[:16]
    names = {prefix + hmac.digest(key, os.fsencode(look.path), "sha256").hex()[:48]: look for look in looks}
    with reading(hospital.node.index) as connection:
        rows = connection.execute(select(LOOKS).where(LOOKS.c.file.startswith(prefix))).all()
    known = {row.file: row for row in rows}
    same = {
        name
        for name, look in names.items()
        if name in known and (known[name].size_bytes, known[name].changed_ns) == (look.size_bytes, look.changed_ns)
    }
    gone, changed = known.keys() - same, names.keys() - same
    if gone or changed:
        with writing(hospital.node.index) as connection:
            for name in gone | changed:
                connection.execute(delete(LOOKS).where(LOOKS.c.file == name))
            since = now.strftime("%Y-%m-%dT%H:%M:%SZ")
            for name in changed:
                row = {"file": name, "size_bytes": names[name].size_bytes, "changed_ns": names[name].changed_ns}
                connection.execute(LOOKS.insert().values(**row, since=since))
    return {
        names[name].path: f"{name}:{names[name].size_bytes}:{names[name].changed_ns}:{known[name].since}"
        for name in same
        if known[name].since <= before
    }


def _take(hospital: Hospital, watched: Watched, paths: Sequence[Path]) -> int:
    """Takes the files in and moves each aside; tables and mappings last, so that a cut off export is one still."""
    outcome = dict.fromkeys(paths, DONE)
    tables = {path for path in paths if is_table(path)}
    tables |= {table.with_name(MAPPING_FILE) for table in tables}
    last: Path | None = None
    for path, received in take_in(hospital, paths, hospital.engine(watched.registry)):
        if last is not None and last != path and last not in tables:
            _move(watched.folder, last, outcome[last])
        last = path
        outcome[path] = outcome[path] if _went_in(received) else HELD
    for path in paths:
        _move(watched.folder, path, outcome[path])
    return len(paths)


def _went_in(received: Received) -> bool:
    return received.state == "received"


def _move(folder: Path, path: Path, where: str) -> None:
    """Moves one file to the same place below ``where``; a name that is taken there gets a number behind it.

    Raises:
        NotYet: ``watched-unusable``: it stays, and is known when it is looked at again.
    """
    if not os.path.lexists(path):
        return
    target = folder / where / path.relative_to(folder)
    number = 0
    while os.path.lexists(target):
        number += 1
        target = target.with_name(f"{path.name}.{number}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    except OSError as error:
        raise NotYet("watched-unusable") from error
