"""What leaves the crossing: the types that carry the trust on the de-identified side.

``Deidentified`` is made in two places only: by the engine (``kaname.deid.engine``) and by opening a parcel
(``kaname.parcel``). Both pass the ``MADE_BY_CROSSING`` token; an import contract keeps everybody else out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from kaname.dicom.keys import InstanceKey

MADE_BY_CROSSING = object()


@dataclass(frozen=True, slots=True)
class Attestation:
    """Who vouches for the de-identification, and by which rules. Part of the seal; no secret, no identity."""

    gateway: str
    """Name of the gateway (a facility code, not a hospital's name)."""
    registry: str
    registry_version: str
    standard_edition: str
    """Edition of DICOM PS3.15 whose table was applied, e.g. ``2026c``."""
    software: str
    """e.g. ``kaname 0.1.0``."""
    key_id: str
    """First 16 hex digits of SHA-256 over a value derived from the key: names the key, tells nothing of it."""


@dataclass(frozen=True, slots=True)
class Deidentified:
    """A Part 10 file that names a subject and no patient."""

    key: InstanceKey
    subject: str
    """Pseudonym of the patient in this registry (16 characters of base32)."""
    registry: str
    path: Path
    """Where the file lies."""
    digest: str
    """SHA-256 of the file, hex."""
    size_bytes: int
    attestation: Attestation
    made_by: object = field(repr=False)
    actions: Counter[str] = field(default_factory=Counter[str], compare=False)
    """How often each action was taken."""

    def __post_init__(self) -> None:
        if self.made_by is not MADE_BY_CROSSING:
            msg = "Deidentified is made by the crossing and by opening a parcel only"
            raise TypeError(msg)
