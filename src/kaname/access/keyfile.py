"""Files that hold secrets: written whole, mode 0600, and refused when others than the owner can read them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kaname.errors import Refused

OTHERS = 0o077
"""Permission bits of group and others: none may be set on a secret."""


def read_secret(path: Path) -> bytes:
    """The content of a secret file.

    Raises:
        Refused: ``key-missing``; ``key-permissions`` when group or others have any right on the file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise Refused("key-missing", file=path.name) from error
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & OTHERS:
            raise Refused("key-permissions", file=path.name)
        return file.read()


def write_secret(path: Path, data: bytes) -> None:
    """Writes a new secret file (mode 0600, its folder 0700 if it has to be made), complete or not at all.

    Raises:
        Refused: ``key-exists`` when the file is there; it is left as it is.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path, data)
    try:
        os.link(draft, path)
    except FileExistsError as error:
        raise Refused("key-exists", file=path.name) from error
    finally:
        draft.unlink()
    _keep_folder(path.parent)


def replace_secret(path: Path, data: bytes) -> None:
    """Writes a file of the keys folder (mode 0600) in place of an older one, complete or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _draft(path, data).replace(path)
    _keep_folder(path.parent)


def _draft(path: Path, data: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    return draft


def _keep_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
