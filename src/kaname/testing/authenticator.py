"""An authenticator made of software: makes passkeys and answers for them, truly or as an attacker would."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass(slots=True)
class Authenticator:
    """One passkey, in a browser that stands at ``origin``."""

    origin: str
    host: str
    """The relying party's id that it answers for."""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: str = ""
    """What it keeps of whose it is."""
    count: int = 0
    flags: int = PRESENT | VERIFIED

    def make(self, options: Mapping[str, Any]) -> str:
        """Answers options of ``navigator.credentials.create``."""
        import cbor2

        self.handle = options["user"]["id"]
        point = self.key.public_key().public_numbers()
        x, y = point.x.to_bytes(32), point.y.to_bytes(32)
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + public
        seen = self._seen(self.flags | ATTESTED) + attested
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": seen})
        said = self._said("webauthn.create", options["challenge"])
        return self._written({"clientDataJSON": text(said), "attestationObject": text(made)})

    def answer(self, options: Mapping[str, Any]) -> str:
        """Answers options of ``navigator.credentials.get``."""
        self.count += 1
        said, seen = self._said("webauthn.get", options["challenge"]), self._seen(self.flags)
        signature = self.key.sign(seen + sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": text(said), "authenticatorData": text(seen), "signature": text(signature)}
        return self._written({**response, "userHandle": self.handle})

    def _seen(self, flags: int) -> bytes:
        return sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _said(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _written(self, response: Mapping[str, str]) -> str:
        named: dict[str, Any] = {
            "id": text(self.id),
            "rawId": text(self.id),
            "type": "public-key",
            "clientExtensionResults": {},
        }
        return json.dumps({**named, "response": dict(response)})


def text(data: bytes) -> str:
    """Base64url without padding, as browsers write it."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
