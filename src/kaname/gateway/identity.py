"""The identity key of a gateway: one file in the home, never replaced silently, never sent."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kaname.deid.keys import MasterKey
from kaname.errors import Refused

KEY_FILE = "identity.key"
_BYTES = 64


def new_home_key(home: Path) -> None:
    """Makes the identity key of a new gateway.

    Raises:
        Refused: ``key-exists``: another key would rename every subject.
    """
    folder = home / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Refused("key-exists") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())


def home_key(home: Path) -> MasterKey:
    """The identity key of a gateway's home.

    Raises:
        Refused: ``key-missing``, ``key-short``, or ``key-permissions`` when others than the owner may read it.
    """
    path = home / "keys" / KEY_FILE
    if not path.is_file():
        raise Refused("key-missing")
    if path.stat().st_mode & 0o077:
        raise Refused("key-permissions")
    return MasterKey.read(path)
