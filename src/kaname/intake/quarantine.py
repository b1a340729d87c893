"""Where refused files wait for a person: ``HOME/quarantine/<digest>.parcel``."""

from __future__ import annotations

from pathlib import Path

from kaname.node import Node
from kaname.store.whole import sync_folder

FOLDER = "quarantine"


def quarantine_name(digest: str) -> str:
    """Name of a refused file, relative to the home."""
    return f"{FOLDER}/{digest}.parcel"


def quarantine(node: Node, file: Path, digest: str) -> None:
    """Moves a refused file there, whole. A file that was moved already is fine."""
    folder = node.settings.home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if file.exists():
        file.replace(node.settings.home / quarantine_name(digest))
        sync_folder(folder)
