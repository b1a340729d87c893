"""What a frozen dataset is made of. Nothing here can be changed once it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from kaname.annotation.model import Marked, Value

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
"""What a subject is used for. All of a subject's images are in one of them."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which series a dataset asks for. An empty condition asks nothing."""

    registry: str
    modality: str = ""
    """Modality (0008,0060), e.g. ``CT``; empty takes every modality."""
    task: str = ""
    """Annotation task whose settled labels it takes, and only packs that have one; empty takes no labels."""


@dataclass(frozen=True, slots=True)
class Member:
    """One series of a dataset, by the exact pack that held it on the day it was frozen.

    A series that grew has one member per pack, in the order in which they came: an instance that stands in two of them
    is taken from the first.
    """

    subject: str
    study_instance_uid: str
    series_instance_uid: str
    pack: str
    """SHA-256 of the pack: what arrives later comes in another pack and changes nothing here."""
    instances: int
    """Instances that this pack added to the series."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a subject who withdrew used to be. It says how much is missing and when it went, never whose it was."""

    hole: int
    """1, 2, 3 … in the order of withdrawal, within one dataset."""
    withdrawn_at: str
    """UTC, ISO 8601 with seconds."""
    instances: int
    packs: tuple[str, ...]
    """SHA-256 of the packs that are gone: who holds an exported copy finds by them what to destroy."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What readers settled on about one frame, whole instance or pair, on the day it was frozen."""

    subject: str
    sop_instance_uid: str
    frame: int
    """From 1; 0: the whole instance."""
    label: str
    settled: str
    """How: ``agreed``, ``adjudicated`` or ``corrected``."""
    marks: tuple[Marked, ...] = ()
    """Those that decided, each with the number of its reader. Lists before format 3 have none."""
    other_sop_instance_uid: str = ""
    """Of a pair: its right image; else empty."""
    other_frame: int = 0
    """Of a pair: from 1; else 0."""

    @property
    def place(self) -> tuple[str, int, str, int]:
        """What labels are ordered by, and told apart."""
        return self.sop_instance_uid, self.frame, self.other_sop_instance_uid, self.other_frame


@dataclass(frozen=True, slots=True)
class Recorded:
    """Clinical items of one study, as its department's record said them."""

    subject: str
    study_instance_uid: str
    accession: str
    """Pseudonym of the record's accession number: a study may have several records."""
    items: tuple[tuple[str, Value], ...]
    """By name of the registry's item, sorted: codes and numbers."""


def items_of(table: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    """Items in the order in which :class:`Recorded` has them."""
    return tuple(sorted(table.items()))


@dataclass(frozen=True, slots=True)
class Assigned:
    """Which split a subject is in."""

    subject: str
    split: Split


@dataclass(frozen=True, slots=True)
class Frozen:
    """The content of a frozen list, whole in memory: about 300 bytes a series and a label."""

    name: str
    question: Question
    members: tuple[Member, ...]
    """Sorted by Study, then Series Instance UID."""
    holes: tuple[Hole, ...]
    """Sorted by number."""
    labels: tuple[Labelled, ...] = ()
    """Sorted by SOP Instance UID, then frame."""
    splits: tuple[Assigned, ...] = ()
    """Every subject of the members, sorted. Lists of format 1 have none."""
    items: tuple[Recorded, ...] = ()
    """Of the members' studies, sorted by Study Instance UID, then accession. Lists before format 3 have none."""


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """One frozen version of a dataset, as the catalogue shows it."""

    name: str
    version: int
    """1, 2, 3 … within one name."""
    digest: str
    """SHA-256 of the frozen list (its canonical lines, uncompressed)."""
    parent: str
    """Digest of the version that was the newest when this one was frozen; empty for the first."""
    question: Question
    subjects: int
    series: int
    instances: int
    holes: int
    frozen_at: str
    superseded_by: int
    """Number of the version with the hole, when a member of this one has withdrawn since; 0 while it stands."""
    labels: int = 0
    """Labelled frames, instances or pairs."""
    marks: int = 0
    """Marks that the labels rest on."""
    items: int = 0
    """Records of clinical items."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of a version is in one split."""

    split: Split
    subjects: int
    instances: int
    labels: dict[str, int]
    """Labelled frames by label, labels in order."""


@dataclass(frozen=True, slots=True)
class Relabelled:
    """One frame, instance or pair that has another label in the later version; empty where it has none."""

    sop_instance_uid: str
    frame: int
    earlier: str
    later: str
    other_sop_instance_uid: str = ""
    other_frame: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of a version on the way to another one, as Series Instance UIDs in order."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    """Series that are in both, with other packs."""
    holes: tuple[Hole, ...]
    """Holes that only the later one names."""
    labels: tuple[Relabelled, ...]
    """Frames whose label is another one, by SOP Instance UID and frame."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at when a version was found sound."""

    dataset: DatasetVersion
    packs: int
    """Packs that are there and match their SHA-256."""
    gone: int
    """Packs of withdrawn subjects whose bytes were looked for and are absent."""
