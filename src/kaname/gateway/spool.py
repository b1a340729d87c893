"""The spool: originals at rest, encrypted with a key derived from the identity key, until they are no longer needed.

A spooled file is ``KSP1``, an 8-byte random prefix, then chunks of 1 MiB under AES-256-GCM. The nonce is the prefix
and the chunk's number; the last chunk is marked in the additional data, so that a cut file does not open.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.dicom.part10 import Buffer
from kaname.errors import Refused
from kaname.store.whole import whole_file

_MAGIC = b"KSP1"
_PREFIX_BYTES = 8
_CHUNK_BYTES = 1 << 20
_TAG_BYTES = 16


class Spool:
    """Encrypted originals of one gateway."""

    def __init__(self, folder: Path, key: MasterKey) -> None:
        self._folder = folder
        self._cipher = AESGCM(key.derive("spool", "content"))
        self._name_key = key.derive("spool", "name")

    def name(self, content: Buffer) -> str:
        """Under which name this content rests: a keyed digest, so that a name tells nothing of the content."""
        return hmac.digest(self._name_key, hashlib.sha256(content).digest(), "sha256").hex()

    def put(self, content: Buffer) -> str:
        """Keeps the content durably; the same content again is kept once. Returns its name."""
        name = self.name(content)
        target = self._path(name)
        if target.exists():
            return name
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._turn(target.parent):
            if not target.exists():
                with whole_file(target) as file:
                    os.fchmod(file.fileno(), 0o600)
                    file.writelines(self._sealed(content))
        return name

    @contextmanager
    def _turn(self, folder: Path) -> Generator[None]:
        """One writer at a time: the same object may come by two associations at once, and both write one draft."""
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def open(self, name: str) -> Identified:
        """The original of that name.

        Raises:
            Refused: ``object-missing``, or ``object-damaged`` when a byte of it changed.
        """
        try:
            sealed = self._path(name).read_bytes()
        except FileNotFoundError as error:
            raise Refused("object-missing") from error
        try:
            return Identified(b"".join(self._opened(sealed)))
        except InvalidTag as error:
            raise Refused("object-damaged") from error

    def has(self, name: str) -> bool:
        """Whether the original is still here."""
        return self._path(name).is_file()

    def delete(self, name: str) -> None:
        """Removes the original; one that is gone already is fine."""
        self._path(name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """Names of all originals kept."""
        yield from sorted(p.name for p in self._folder.glob("??/*") if not p.name.startswith("."))

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _sealed(self, content: Buffer) -> Iterator[bytes]:
        prefix = secrets.token_bytes(_PREFIX_BYTES)
        yield _MAGIC + prefix
        size = len(content)
        for number, start in enumerate(range(0, max(size, 1), _CHUNK_BYTES)):
            last = b"last" if start + _CHUNK_BYTES >= size else b"more"
            yield self._cipher.encrypt(_nonce(prefix, number), content[start : start + _CHUNK_BYTES], last)

    def _opened(self, sealed: bytes) -> Iterator[bytes]:
        start = len(_MAGIC) + _PREFIX_BYTES
        prefix = sealed[len(_MAGIC) : start]
        step = _CHUNK_BYTES + _TAG_BYTES
        if sealed[: len(_MAGIC)] != _MAGIC or len(sealed) < start + _TAG_BYTES:
            raise InvalidTag
        for number, offset in enumerate(range(start, len(sealed), step)):
            last = b"last" if offset + step >= len(sealed) else b"more"
            yield self._cipher.decrypt(_nonce(prefix, number), sealed[offset : offset + step], last)


def _nonce(prefix: bytes, number: int) -> bytes:
    return prefix + number.to_bytes(4, "big")
