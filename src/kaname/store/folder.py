"""Writing into a folder so that what was said to be stored survives a power cut.

Order of things: the bytes go to a file under ``.staging`` and to the disk; then a hard link gives them their name (the
link fails when the name is taken: put-if-absent); then every folder on the way goes to the disk.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from kaname.errors import NotYet
from kaname.store.whole import FULL, sync_folder

STAGING = ".staging"
LEFTOVER_SECONDS = 24 * 3600.0
"""Staged files of this age belong to a process that died, and go when the store is opened."""


class Folder:
    """The writing half of a store in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staging = root / STAGING
        with _full_told():
            self._staging.mkdir(parents=True, exist_ok=True)
        for leftover in self._staging.iterdir():
            with suppress(FileNotFoundError):  # another process finished that draft, or swept it, since the listing
                if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                    leftover.unlink()

    def put(self, key: str, data: bytes | Path) -> bool:
        """Stores ``data`` under ``key`` unless it is taken; whether it was this call that stored it.

        Raises:
            NotYet: ``storage-full``; nothing is left of the attempt.
        """
        target = self.root / key
        stored = not target.exists()
        if stored:
            with _full_told():
                stored = self._link(data, target)
        # Also when somebody else stored it: that writer may not have come this far when the power went.
        for folder in target.relative_to(self.root).parents:
            sync_folder(self.root / folder)
        return stored

    def delete(self, key: str) -> None:
        """Removes the object of ``key`` for good; an absent one is fine. Folders stay."""
        target = self.root / key
        target.unlink(missing_ok=True)
        for draft in self._staging.glob(f"{_stem(key)}.*"):  # of a writer that was killed
            draft.unlink(missing_ok=True)
        sync_folder(target.parent)

    def _link(self, data: bytes | Path, target: Path) -> bool:
        draft = self._staging / f"{_stem(str(target.relative_to(self.root)))}.{secrets.token_hex(8)}"
        try:
            _write(data, draft)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(draft, target)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
        return True


def _stem(key: str) -> str:
    """How drafts of this object are called, so that deleting it finds them too."""
    return sha256(key.encode()).hexdigest()[:32]


def _write(data: bytes | Path, draft: Path) -> None:
    with draft.open("xb") as file:
        if isinstance(data, Path):
            with data.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
        else:
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _full_told() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NotYet("storage-full") from error
        raise
