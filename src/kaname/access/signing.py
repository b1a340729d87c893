"""Ed25519 signatures (RFC 8032) and signed statements: the one form in which a node vouches for something.

A statement is canonical JSON ``{"body", "key", "kind", "signature"}``. The signature covers ``CONTEXT`` followed by
the canonical JSON of ``{"body", "key", "kind"}``, so that a signature over one kind is worth nothing for another.
Statements are read strictly: the bytes must be exactly those that a writer would have made.
See ``docs/spec/parcel.md``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kaname.access.keyfile import read_secret, write_secret
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical

CONTEXT = b"kaname statement 1\n"
KEY_BYTES = 32
SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key (32 raw bytes)."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise Refused("statement-invalid", part="public_key")

    @classmethod
    def from_text(cls, text: str) -> PublicKey:
        """The key written by :attr:`text`.

        Raises:
            Refused: ``statement-invalid`` when it is not base64 of 32 bytes.
        """
        return cls(read_base64(text))

    @property
    def text(self) -> str:
        """The key in base64 (44 characters)."""
        return base64.b64encode(self.raw).decode("ascii")

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the raw key, 64 hex digits: what two people compare aloud."""
        return sha256(self.raw).hexdigest()

    @property
    def id(self) -> str:
        """The first 16 hex digits of the fingerprint: names the key."""
        return self.fingerprint[:16]

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's signature over ``data``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, data)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 private key. Its ``repr`` prints the public half only."""

    private: Ed25519PrivateKey = field(repr=False)
    public: PublicKey

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """The key of a 32-byte seed (RFC 8032 section 5.1.5): for test vectors and for keys restored from escrow."""
        return cls._of(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def new(cls, path: Path) -> SigningKey:
        """Makes a key and writes it to ``path`` (PKCS #8 PEM, mode 0600).

        Raises:
            Refused: ``key-exists``.
        """
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_secret(path, pem)
        return cls._of(private)

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Reads the key that :meth:`new` wrote.

        Raises:
            Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
        """
        try:
            private = serialization.load_pem_private_key(read_secret(path), None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise Refused("key-invalid", file=path.name) from error
        if not isinstance(private, Ed25519PrivateKey):
            raise Refused("key-invalid", file=path.name)
        return cls._of(private)

    @classmethod
    def _of(cls, private: Ed25519PrivateKey) -> SigningKey:
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return cls(private, PublicKey(raw))

    def sign(self, data: bytes) -> bytes:
        """The signature (64 bytes) over ``data``; the same key and data always give the same one."""
        return self.private.sign(data)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it was read; nothing is known about its signature before :meth:`signed_by` says so."""

    kind: str
    body: Json
    key_id: str
    signature: bytes

    def signed_by(self, key: PublicKey) -> bool:
        """Whether ``key`` is the key that it names and has signed it."""
        return key.id == self.key_id and key.verify(_covered(self.kind, self.body, self.key_id), self.signature)


def sign_statement(kind: str, body: Json, key: SigningKey) -> bytes:
    """A signed statement: canonical JSON ``{"body", "key", "kind", "signature"}``."""
    signature = base64.b64encode(key.sign(_covered(kind, body, key.public.id))).decode("ascii")
    return canonical({"body": body, "key": key.public.id, "kind": kind, "signature": signature})


def read_statement(data: bytes) -> Statement:
    """Reads a statement without judging its signature.

    Raises:
        Refused: ``statement-invalid`` when it is not exactly the bytes that :func:`sign_statement` makes.
    """
    match read_canonical(data):
        case {"body": body, "key": str(key_id), "kind": str(kind), "signature": str(signature), **rest} if not rest:
            raw = read_base64(signature)
            if len(raw) != SIGNATURE_BYTES:
                raise Refused("statement-invalid", part="signature")
            return Statement(kind, body, key_id, raw)
        case _:
            raise Refused("statement-invalid", part="form")


def open_statement(data: bytes, kind: str, keys: Mapping[str, PublicKey]) -> Json:
    """The body of a statement of that kind, signed by one of ``keys`` (by key id).

    Raises:
        Refused: ``statement-invalid`` when form, kind, key or signature is wrong; ``part`` says which.
    """
    statement = read_statement(data)
    if statement.kind != kind:
        raise Refused("statement-invalid", part="kind")
    key = keys.get(statement.key_id)
    if key is None:
        raise Refused("statement-invalid", part="key")
    if not statement.signed_by(key):
        raise Refused("statement-invalid", part="signature")
    return statement.body


def read_canonical(data: bytes) -> Json:
    """Reads canonical JSON, and nothing but canonical JSON: no other spelling of the same value passes.

    Raises:
        Refused: ``statement-invalid``.
    """
    try:
        value: Json = json.loads(data, parse_constant=_no_constant)
        exact = canonical(value) == data
    except (ValueError, RecursionError) as error:
        raise Refused("statement-invalid", part="json") from error
    if not exact:
        raise Refused("statement-invalid", part="canonical")
    return value


def read_base64(text: str) -> bytes:
    """Reads base64 with padding, and no second spelling of the same bytes.

    Raises:
        Refused: ``statement-invalid``.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("statement-invalid", part="base64") from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise Refused("statement-invalid", part="base64")
    return raw


def _covered(kind: str, body: Json, key_id: str) -> bytes:
    return CONTEXT + canonical({"body": body, "key": key_id, "kind": kind})


def _no_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON"
    raise ValueError(msg)
