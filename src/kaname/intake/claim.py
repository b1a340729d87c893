"""What a file says of itself, before anybody believes it; and the two small members that prove a parcel later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kaname.access.signing import read_statement
from kaname.errors import Refused
from kaname.parcel.manifest import Manifest
from kaname.parcel.open import MANIFEST_LIMIT_BYTES, SIGNATURE_LIMIT_BYTES
from kaname.parcel.seal import MANIFEST_NAME, SIGNATURE_NAME
from kaname.parcel.strict import read_small


@dataclass(frozen=True, slots=True)
class Head:
    """The signed table of contents, as it lies in the file."""

    manifest: bytes
    signature: bytes


def read_head(file: Path) -> Head:
    """The manifest and its signature.

    Raises:
        Refused: ``parcel-format``.
    """
    with file.open("rb") as source:
        manifest = read_small(source, MANIFEST_NAME, MANIFEST_LIMIT_BYTES, "parcel-format")
        return Head(manifest, read_small(source, SIGNATURE_NAME, SIGNATURE_LIMIT_BYTES, "parcel-format"))


def signer(file: Path) -> str:
    """Id of the key that a file says it is signed with; empty when it says none. Nothing is verified."""
    try:
        return read_statement(read_head(file).signature).key_id
    except Refused:
        return ""


def claimed(file: Path) -> Manifest | None:
    """The manifest that a file carries, checked for its form only; ``None`` when it carries none."""
    try:
        with file.open("rb") as source:
            return Manifest.from_bytes(read_small(source, MANIFEST_NAME, MANIFEST_LIMIT_BYTES, "parcel-format"))
    except Refused:
        return None
