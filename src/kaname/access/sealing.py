"""Secrets that have to be read again, sealed under a key that lies in the keys folder and never in the index.

Whoever has a copy of the index alone can make no one-time code of it, and can try no recovery code against it.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kaname.access.keyfile import read_secret, write_secret
from kaname.errors import Refused

FILE = "factors.key"
KEY_BYTES, NONCE_BYTES = 32, 12
_making = Lock()


@dataclass(frozen=True, slots=True)
class Sealer:
    """The key under which this node seals what people sign in with. Its ``repr`` prints nothing of it."""

    key: bytes = field(repr=False)

    def seal(self, data: bytes, about: str) -> str:
        """``data`` under AES-256-GCM, as base64; opens again only for the same ``about`` (whose it is)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(self._part("seal")).encrypt(nonce, data, about.encode())).decode()

    def open(self, sealed: str, about: str) -> bytes:
        """What was sealed.

        Raises:
            Refused: ``key-invalid`` when this key, or this ``about``, did not seal it.
        """
        try:
            whole = base64.b64decode(sealed, validate=True)
            return AESGCM(self._part("seal")).decrypt(whole[:NONCE_BYTES], whole[NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError) as error:
            raise Refused("key-invalid", file=FILE) from error

    def digest(self, text: str, about: str) -> str:
        """A digest that nobody can work out without the key (HMAC-SHA-256, 64 hex digits)."""
        return hmac.digest(self._part("digest"), f"{about}\0{text}".encode(), sha256).hex()

    def _part(self, use: str) -> bytes:
        """A key for one use alone: none serves two."""
        return hmac.digest(self.key, b"kaname factors " + use.encode(), sha256)


def sealer(keys: Path) -> Sealer:
    """That of a keys folder, made when there is none.

    Raises:
        Refused: ``key-permissions``; ``key-invalid`` when the file is no such key.
    """
    path = keys / FILE
    with _making:  # two people who set up their first factor at once
        if not path.exists():
            write_secret(path, secrets.token_bytes(KEY_BYTES))
    key = read_secret(path)
    if len(key) != KEY_BYTES:
        raise Refused("key-invalid", file=FILE)
    return Sealer(key)
