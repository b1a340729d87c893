"""What the archive answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kaname.errors import Refused
from kaname.pack import Member, pack_key

Level = Literal["study", "series", "instance"]


@dataclass(frozen=True, slots=True)
class PackedSeries:
    """One pack of a series. A series that grew later has several, numbered in the order in which they came."""

    subject: str
    study_instance_uid: str
    series_instance_uid: str
    pack: str
    """SHA-256."""
    number: int
    """1, 2, 3 … within the series."""
    instances: int
    """Instances that this pack added to the series."""


@dataclass(frozen=True, slots=True)
class Located:
    """One instance, and where its bytes lie."""

    study_instance_uid: str
    series_instance_uid: str
    pack: str
    member: Member

    @property
    def object(self) -> str:
        """Key in the store of the pack that holds it."""
        return pack_key(self.pack)


@dataclass(frozen=True, slots=True)
class Answer:
    """Matches of a query, each a DICOM JSON object already written out."""

    documents: tuple[str, ...]
    more: bool
    """Whether there are further matches behind these."""

    def to_json(self) -> bytes:
        """The DICOM JSON array (PS3.18 Annex F)."""
        return ("[" + ",".join(self.documents) + "]").encode()


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose packs are, and what brought them."""

    registry: str
    subject: str
    parcel: str
    """Digest of the parcel; empty for what was derived on this side."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A derived object that is in the archive."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    digest: str
    """SHA-256 of its bytes."""
    new: bool
    """Whether it came now; ``False`` when it was there already."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A derived object that was not taken."""

    sop_class_uid: str
    """As it says itself; empty where it cannot be read."""
    sop_instance_uid: str
    refusal: Refused


@dataclass(frozen=True, slots=True)
class Shelved:
    """What became of one parcel in the archive."""

    parcel: str
    packs: int
    """Packs that were new."""
    instances: int
    """Instances that were new."""
    known: int
    """Instances that were there already, with the same bytes."""
    held: int
    """Instances that were there already, with other bytes."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a re-hash of everything found."""

    packs: int
    size_bytes: int
    damaged: tuple[str, ...]
    """Keys of objects whose bytes are not those of their digest."""
    missing: tuple[str, ...]
    """Keys of objects that are not there."""
