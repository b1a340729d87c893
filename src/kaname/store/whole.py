"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kaname.errors import NotYet

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def whole_file(target: Path) -> Generator[BinaryIO]:
    """A file to write; it stands at ``target``, on disk, once the block ends well, and else leaves no trace.

    Raises:
        NotYet: ``storage-full``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        if error.errno in FULL:
            raise NotYet("storage-full") from error
        raise
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(target.parent)


@contextmanager
def whole_folder(target: Path) -> Generator[Path]:
    """An empty folder to fill; it replaces ``target`` once the block ends well, and else leaves no trace.

    Raises:
        NotYet: ``storage-full``.
    """
    draft = target.with_name(f".{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        yield draft
        sync_folder(draft)
        shutil.rmtree(target, ignore_errors=True)
        draft.replace(target)
    except OSError as error:
        if error.errno in FULL:
            raise NotYet("storage-full") from error
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
