"""What intake knows of a parcel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["arriving", "accepted", "shelved", "stopped", "refused", "withdrawn"]
"""``arriving``: being judged, or cut off while it was; ``accepted``: the archive may take it; ``shelved``: it has;
``stopped``: the archive could not; ``withdrawn``: its bytes are gone."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer to one delivery."""

    digest: str
    """Digest of the parcel, as its manifest says."""
    receipt: bytes
    """The signed receipt statement to send back."""
    accepted: bool
    """Whether it was taken in and the archive has yet to take it."""


@dataclass(frozen=True, slots=True)
class ArrivedPack:
    """One pack of an accepted parcel."""

    digest: str
    study_instance_uid: str
    series_instance_uid: str
    size_bytes: int
    instances: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One parcel of a known partner, and where it stands."""

    digest: str
    gateway: str
    registry: str
    sequence: int
    subject: str
    state: State
    instances: int
    packs: tuple[ArrivedPack, ...]
    """In the order of the manifest."""
