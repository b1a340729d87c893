"""What a dataset version is made of, counted for people: classes and splits, sex, age, devices, facilities.

Counts are of what the archive holds today of the version's members: of a subject who has withdrawn since, nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from kaname.archive.describe import text
from kaname.archive.index import PACKS, SERIES, STUDIES
from kaname.database import reading
from kaname.datasets.flow import content
from kaname.datasets.listing import counts
from kaname.datasets.model import Counts, DatasetVersion, Frozen
from kaname.intake.index import PARCELS
from kaname.node import Node

AT_ONCE = 500
"""UIDs in one statement."""
_AGE = re.compile(r"0*([0-9]{1,3})([DWMY])")
Tally = tuple[tuple[str, int], ...]
"""Values with their numbers; an empty value stands for what is not said."""


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """One version, counted."""

    splits: tuple[Counts, ...]
    classes: Tally
    """Labels, in frames or instances as the task asks."""
    sex: Tally
    """Subjects by Patient's Sex (0010,0040)."""
    age: Tally
    """Subjects by decade, ``40``, of Patient's Age (0010,1010) in their first study."""
    devices: Tally
    """Series by Manufacturer and Model Name; the most frequent first."""
    modalities: Tally
    """Series by Modality."""
    facilities: Tally
    """Subjects by the gateway that brought them."""
    marks: Tally
    """Marks that decided labels, by geometry."""
    items: Tally
    """Clinical items, each with the number of records that fill it in."""


def card_of(node: Node, dataset: DatasetVersion) -> DatasetCard:
    """Counts a version.

    Raises:
        Refused: ``dataset-damaged``, ``object-missing``.
    """
    frozen = content(node, dataset)
    with reading(node.index) as connection:
        studies = _studies(connection, frozen)
        series = _series(connection, frozen)
        facilities = _facilities(connection, frozen)
    first: dict[str, dict[str, Any]] = {}
    for subject, _, document in sorted(studies, key=lambda one: one[:2]):
        first.setdefault(subject, document)
    return DatasetCard(
        splits=counts(frozen),
        classes=_tally(label.label for label in frozen.labels),
        sex=_tally(text(document, "00100040") for document in first.values()),
        age=_tally(_decade(text(document, "00101010")) for document in first.values()),
        devices=_frequent(_device(document) for document in series),
        modalities=_tally(text(document, "00080060") for document in series),
        facilities=_tally(facilities),
        marks=_tally(each.mark.geometry for label in frozen.labels for each in label.marks),
        items=_tally(name for record in frozen.items for name, _ in record.items),
    )


def _studies(connection: Connection, frozen: Frozen) -> list[tuple[str, str, dict[str, Any]]]:
    """Subject, date and document of the members' studies."""
    columns = (STUDIES.c.subject, STUDIES.c.study_date, STUDIES.c.document)
    uids = sorted({member.study_instance_uid for member in frozen.members})
    return [
        (row.subject, row.study_date, json.loads(row.document))
        for some in _some(uids)
        for row in connection.execute(select(*columns).where(STUDIES.c.study_instance_uid.in_(some)))
    ]


def _series(connection: Connection, frozen: Frozen) -> list[dict[str, Any]]:
    uids = sorted({member.series_instance_uid for member in frozen.members})
    return [
        json.loads(document)
        for some in _some(uids)
        for document in connection.scalars(select(SERIES.c.document).where(SERIES.c.series_instance_uid.in_(some)))
    ]


def _facilities(connection: Connection, frozen: Frozen) -> list[str]:
    """One name for each subject and facility."""
    packs = sorted({member.pack for member in frozen.members})
    found: set[tuple[str, str]] = set()
    for some in _some(packs):
        query = (
            select(PARCELS.c.gateway, PACKS.c.subject)
            .join(PACKS, PACKS.c.parcel == PARCELS.c.digest)
            .where(PACKS.c.digest.in_(some))
            .distinct()
        )
        found |= {(row.gateway, row.subject) for row in connection.execute(query)}
    return [gateway for gateway, _ in sorted(found)]


def _some(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _decade(age: str) -> str:
    """``045Y`` as ``40``; empty where no age in years, months, weeks or days is written (PS3.5 section 6.2)."""
    match = _AGE.fullmatch(age)
    if match is None:
        return ""
    return str(int(match[1]) // 10 * 10) if match[2] == "Y" else "0"


def _device(document: dict[str, Any]) -> str:
    return " ".join(filter(None, (text(document, "00080070"), text(document, "00081090"))))


def _tally(values: Iterable[str]) -> Tally:
    """By value, numbers as numbers; what is not said, last."""
    found = Counter(values)
    order = sorted(found, key=lambda value: (not value, not value.isdecimal(), value.zfill(8), value))
    return tuple((value, found[value]) for value in order)


def _frequent(values: Iterable[str]) -> Tally:
    return tuple(sorted(Counter(values).items(), key=lambda one: (-one[1], one[0])))
