"""Content names: SHA-256, 64 hex digits."""

from __future__ import annotations

from hashlib import file_digest, sha256
from pathlib import Path


def digest_bytes(data: bytes) -> str:
    """The digest of ``data``."""
    return sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """The digest of a file, read in pieces."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
