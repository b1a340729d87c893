"""Keys of the crossing: one master key per gateway, one key per registry and purpose (HKDF, RFC 5869).

Pseudonyms, UIDs and date offsets are keyed HMAC-SHA-256 values: the same input and key give the same output on every
machine and day, another registry gives another, and without the key nothing can be recomputed from a list of names.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydicom.uid import UID

from kaname.dicom.keys import is_uid
from kaname.errors import Refused

KEY_BYTES_MIN = 32
SUBJECT_LENGTH = 16
_CONTEXT_GROUP = re.compile(r"1\.2\.840\.10008\.6\.1\.[1-9][0-9]{0,3}")
_NEAREST_DAYS, _SPAN_DAYS = 30, 3621


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The identity key of one gateway. ``repr`` shows nothing."""

    secret: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> MasterKey:
        """The key held in a file of at least 32 bytes; every byte of it counts.

        Raises:
            Refused: ``key-missing`` or ``key-short``.
        """
        try:
            secret = path.read_bytes()
        except OSError as error:
            raise Refused("key-missing") from error
        if len(secret) < KEY_BYTES_MIN:
            raise Refused("key-short", bytes=len(secret))
        return cls(secret)

    def derive(self, registry: str, purpose: str) -> bytes:
        """32 bytes for one purpose in one registry."""
        info = f"kaname|{registry}|{purpose}".encode()
        return HKDF(hashes.SHA256(), length=32, salt=b"kaname-identity-1", info=info).derive(self.secret)

    def for_registry(self, registry: str) -> RegistryKeys:
        """The keys of one registry."""
        return RegistryKeys(
            subject_key=self.derive(registry, "subject"),
            uid_key=self.derive(registry, "uid"),
            accession_key=self.derive(registry, "accession"),
            date_key=self.derive(registry, "date"),
            key_id=hashlib.sha256(self.derive(registry, "key-id")).hexdigest()[:16],
        )


@dataclass(frozen=True, slots=True)
class RegistryKeys:
    """What one registry's pseudonyms are made with. ``repr`` shows the key's id alone."""

    subject_key: bytes = field(repr=False)
    uid_key: bytes = field(repr=False)
    accession_key: bytes = field(repr=False)
    date_key: bytes = field(repr=False)
    key_id: str

    def subject(self, patient_id: str, issuer: str = "") -> str:
        """Pseudonym of a patient: 16 characters of base32. Width, case of digits and leading zeros do not matter."""
        return _word(self.subject_key, f"pid|{folded(issuer)}|{folded(patient_id)}")

    def accession(self, number: str) -> str:
        """Pseudonym of an accession number, 16 characters, so that image, record and report still meet."""
        return _word(self.accession_key, f"accession|{folded(number)}")

    def uid(self, old: str) -> str:
        """``2.25.`` and 128 keyed bits (PS3.5 section B.2). UIDs that the Standard registers stay as they are.

        Others below its root are nobody's: their digits may be anybody's number.
        """
        if is_registered(old):
            return old
        return _uid(self.uid_key, old)

    def days(self, subject: str) -> int:
        """Days by which every date of a subject moves: between 30 and 3,650 days back."""
        bits = int.from_bytes(_mac(self.date_key, subject)[:8], "big")
        return -(_NEAREST_DAYS + bits % _SPAN_DAYS)


def is_registered(text: str) -> bool:
    """Whether the Standard itself registers this UID (PS3.6 Annex A): it names a class or a syntax, never an object."""
    if not text.startswith("1.2.840.10008.") or not is_uid(text):
        return False
    return UID(text).type != "" or _CONTEXT_GROUP.fullmatch(text) is not None


@lru_cache(maxsize=1 << 16)
def _uid(key: bytes, old: str) -> str:
    return f"2.25.{int.from_bytes(_mac(key, old)[:16], 'big')}"


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _word(key: bytes, text: str) -> str:
    return base64.b32encode(_mac(key, text)).decode("ascii")[:SUBJECT_LENGTH]


def folded(text: str) -> str:
    """An identifier as people read it: full-width as half-width, no padding, no leading zeros before digits."""
    folded = unicodedata.normalize("NFKC", text).strip().upper()
    return (folded.lstrip("0") or "0") if folded.isdigit() else folded
