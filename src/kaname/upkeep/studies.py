"""Finding studies as people look for them: by registry, modality, date, subject, facility and words, with counts.

A count beside a choice says how many studies would be shown if it were chosen and all other conditions stayed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Label, Select, Subquery, and_, func, or_, select, true

from kaname.archive.index import PACKS, SERIES, STUDIES
from kaname.database import reading
from kaname.intake.index import PARCELS
from kaname.node import Node

TEXT_MOST = 64


@dataclass(frozen=True, slots=True)
class StudySearch:
    """What studies must be. An empty condition asks nothing."""

    registries: tuple[str, ...]
    """Those that the asker may see."""
    registry: str = ""
    modality: str = ""
    facility: str = ""
    """Name of the gateway that brought a part of it."""
    subject: str = ""
    since: str = ""
    """Study date, ``20261121``; shifted, as all dates behind the crossing."""
    until: str = ""
    text: str = ""
    """Stands in the description of the study or a series, or is its UID."""


@dataclass(frozen=True, slots=True)
class Study:
    """One row of the list of studies."""

    uid: str
    registry: str
    subject: str
    date: str
    """``2026-11-21``, or as it is written where that is no date."""
    modalities: tuple[str, ...]
    description: str
    series: int
    instances: int


@dataclass(frozen=True, slots=True)
class Choices:
    """How many studies each choice of a filter would show, by value."""

    registry: dict[str, int]
    modality: dict[str, int]
    facility: dict[str, int]


def find_studies(node: Node, wanted: StudySearch, offset: int, limit: int) -> tuple[tuple[Study, ...], int]:
    """One page of what is found, the newest study date first, and how many there are in all."""
    with reading(node.index) as connection:
        conditions = _conditions(wanted)
        total = connection.execute(select(func.count()).select_from(STUDIES).where(*conditions)).scalar_one()
        order = (STUDIES.c.study_date.desc(), STUDIES.c.study_instance_uid.desc())
        query = select(STUDIES).where(*conditions).order_by(*order).limit(limit).offset(offset)
        return tuple(_study(row) for row in connection.execute(query)), total


def choices(node: Node, wanted: StudySearch) -> Choices:
    """The values of each filter, with their numbers."""
    with reading(node.index) as connection:
        return Choices(
            _count(connection, STUDIES.c.registry.label("value"), replace(wanted, registry="")),
            _count(connection, SERIES.c.modality.label("value"), replace(wanted, modality="")),
            _count(connection, PARCELS.c.gateway.label("value"), replace(wanted, facility="")),
        )


def one_study(node: Node, registries: Sequence[str], uid: str) -> Study | None:
    """A study of these registries; ``None`` where there is none."""
    query = select(STUDIES).where(STUDIES.c.study_instance_uid == uid, STUDIES.c.registry.in_(list(registries)))
    with reading(node.index) as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _study(row)


def _count(connection: Connection, value: Label[str], wanted: StudySearch) -> dict[str, int]:
    pairs: Select[str, str] = select(STUDIES.c.study_instance_uid, value)
    if value.element is not STUDIES.c.registry:
        pairs = pairs.join(SERIES, _of(SERIES))
    if value.element is PARCELS.c.gateway:
        pairs = pairs.join(PACKS, PACKS.c.series_instance_uid == SERIES.c.series_instance_uid)
        pairs = pairs.join(PARCELS, PARCELS.c.digest == PACKS.c.parcel)
    each: Subquery = pairs.where(*_conditions(wanted)).distinct().subquery()
    query = select(each.c.value, func.count()).group_by(each.c.value).order_by(each.c.value)
    return {str(name): int(number) for name, number in connection.execute(query) if name}


def _conditions(wanted: StudySearch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [STUDIES.c.registry.in_(list(wanted.registries))]
    if wanted.registry:
        found.append(STUDIES.c.registry == wanted.registry)
    if wanted.subject:
        found.append(STUDIES.c.subject == wanted.subject)
    if wanted.since:
        found.append(STUDIES.c.study_date >= wanted.since)
    if wanted.until:
        found.append(STUDIES.c.study_date <= wanted.until)
    inner, packs = SERIES.alias(), PACKS.alias()
    of_study = _of(inner)
    if wanted.modality:
        found.append(select(true()).select_from(inner).where(of_study, inner.c.modality == wanted.modality).exists())
    if wanted.facility:
        parcels = PARCELS.alias()
        joined = inner.join(packs, packs.c.series_instance_uid == inner.c.series_instance_uid)
        brought = joined.join(parcels, parcels.c.digest == packs.c.parcel)
        theirs = parcels.c.gateway == wanted.facility
        found.append(select(true()).select_from(brought).where(of_study, theirs).exists())
    if wanted.text:
        of_series = select(true()).select_from(inner).where(of_study, _contains(inner.c.series_description, wanted))
        described = _contains(STUDIES.c.study_description, wanted)
        found.append(or_(described, STUDIES.c.study_instance_uid == wanted.text, of_series.exists()))
    return found


def _of(series: FromClause) -> ColumnElement[bool]:
    """Whether a series belongs to the study, and to its registry."""
    same = series.c.study_instance_uid == STUDIES.c.study_instance_uid
    return and_(same, series.c.registry == STUDIES.c.registry)


def _contains(column: ColumnElement[str], wanted: StudySearch) -> ColumnElement[bool]:
    return func.lower(column).contains(wanted.text.lower(), autoescape=True)


def _study(row: Any) -> Study:  # noqa: ANN401 -- a row of STUDIES
    document: dict[str, Any] = json.loads(row.document)
    date = row.study_date
    return Study(
        uid=row.study_instance_uid,
        registry=row.registry,
        subject=row.subject,
        date=f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == len("20261121") else date,
        modalities=tuple(str(one) for one in document.get("00080061", {}).get("Value", [])),
        description=row.study_description,
        series=row.series,
        instances=row.instances,
    )
