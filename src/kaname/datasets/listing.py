"""What a job is told of a dataset version: the members and labels of the splits that it may see, and of no other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

from kaname.annotation.marks import marked_json, marked_of
from kaname.datasets.model import (
    SPLITS,
    Assigned,
    Counts,
    DatasetVersion,
    Frozen,
    Labelled,
    Member,
    Recorded,
    Split,
    items_of,
)
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Listing:
    """Some splits of one dataset version."""

    dataset: str
    """Name of the dataset."""
    version: int
    digest: str
    """SHA-256 of the version's frozen list."""
    task: str
    """Task that the labels come from; empty where the dataset has none."""
    classes: tuple[str, ...]
    """Every label that stands anywhere in the version, in order: the same for each of its splits."""
    splits: tuple[Assigned, ...]
    """Every subject of the members, sorted."""
    members: tuple[Member, ...]
    """Packs of these subjects, sorted by Study, then Series Instance UID."""
    labels: tuple[Labelled, ...]
    """Labels of these subjects, sorted by SOP Instance UID, then frame."""
    items: tuple[Recorded, ...] = ()
    """Clinical items of these subjects' studies, sorted by Study Instance UID, then accession."""

    def to_bytes(self) -> bytes:
        """Canonical JSON (``docs/spec/dataset.md``)."""
        fields: dict[str, Json] = {
            "format": FORMAT,
            **asdict(self),
            "labels": [{**asdict(label), "marks": marked_json(label.marks)} for label in self.labels],
            "items": [{**asdict(record), "items": dict(record.items)} for record in self.items],
        }
        return canonical(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> Listing:
        """Reads what :meth:`to_bytes` wrote.

        Raises:
            Refused: ``object-damaged``; ``dataset-format`` for a newer one.
        """
        try:
            table: dict[str, Any] = json.loads(data)
            if table.pop("format") != FORMAT:
                raise Refused("dataset-format")
            members = tuple(Member(**row) for row in table.pop("members"))
            labels = tuple(_label(row) for row in table.pop("labels"))
            items = tuple(replace(Recorded(**row), items=items_of(row["items"])) for row in table.pop("items"))
            splits = tuple(Assigned(**row) for row in table.pop("splits"))
            classes = tuple(table.pop("classes"))
            return cls(classes=classes, members=members, labels=labels, splits=splits, items=items, **table)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Refused("object-damaged") from error

    @property
    def own_digest(self) -> str:
        """SHA-256 of :meth:`to_bytes`: names the material exactly."""
        return sha256(self.to_bytes()).hexdigest()


def _label(row: dict[str, Any]) -> Labelled:
    try:
        return replace(Labelled(**row), marks=marked_of(row["marks"]))
    except Refused as error:  # reading-invalid: nobody gave this reading, the list was changed
        raise Refused("object-damaged") from error


def listing(dataset: DatasetVersion, frozen: Frozen, splits: Collection[Split] = SPLITS) -> Listing:
    """What a version says of these splits.

    Raises:
        Refused: ``split-empty`` when no subject is in any of them.
    """
    chosen = tuple(assigned for assigned in frozen.splits if assigned.split in splits)
    subjects = {assigned.subject for assigned in chosen}
    members = tuple(member for member in frozen.members if member.subject in subjects)
    if not members:
        raise Refused("split-empty")
    return Listing(
        dataset=frozen.name,
        version=dataset.version,
        digest=dataset.digest,
        task=frozen.question.task,
        classes=tuple(sorted({label.label for label in frozen.labels})),
        splits=chosen,
        members=members,
        labels=tuple(label for label in frozen.labels if label.subject in subjects),
        items=tuple(record for record in frozen.items if record.subject in subjects),
    )


def counts(frozen: Frozen) -> tuple[Counts, ...]:
    """How much of a version is in each split; none for a list without splits."""
    split_of = {assigned.subject: assigned.split for assigned in frozen.splits}
    found: list[Counts] = []
    for split in SPLITS if split_of else ():
        subjects = {subject for subject, its in split_of.items() if its == split}
        instances = sum(member.instances for member in frozen.members if member.subject in subjects)
        labels = Counter(label.label for label in frozen.labels if label.subject in subjects)
        found.append(Counts(split, len(subjects), instances, dict(sorted(labels.items()))))
    return tuple(found)
