"""What a node of the de-identified side holds, as counts for the people who look after it.

Read from the tables of intake and archive, in one statement each.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, case, func, select

from kaname.archive.index import HELD, PACKS, SERIES, STUDIES
from kaname.archive.index import SUBJECTS as ARCHIVED
from kaname.database import reading
from kaname.intake.index import PARCELS, WITHDRAWN
from kaname.node import Node

REFUSED = "refused"
WAITING = "accepted"
"""State of a parcel that the archive has not taken yet."""
JUDGED = (WAITING, "shelved", "stopped", REFUSED)
"""States of a parcel that count: neither those under way nor those of withdrawn subjects."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One registry."""

    registry: str
    parcels: int
    """That were judged."""
    received: int
    """Instances of the parcels that were accepted or refused; those of withdrawn subjects are no longer counted."""
    usable: int
    """Instances in the archive that came in parcels."""
    derived: int
    """Objects in the archive that were made from them: reports, segmentations, marks."""
    held: int
    """Instances that somebody has to decide about."""
    refused: int
    """Instances of refused parcels."""
    waiting: int
    """Instances of accepted parcels on their way to the shelf."""
    withdrawn: int
    """Subjects that have withdrawn."""
    subjects: int
    studies: int
    series: int


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What did not pass, by its reason."""

    registry: str
    reason: str
    """Reason code."""
    outcome: str
    """``held`` (instances, somebody decides) or ``refused`` (parcels)."""
    count: int
    last_at: str
    """UTC, ISO 8601 with seconds."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One parcel that came."""

    registry: str
    gateway: str
    sequence: int
    state: str
    reason: str
    instances: int
    at: str


def holdings(node: Node, registries: Collection[str]) -> tuple[Holding, ...]:
    """What is there of these registries, in their order."""
    with reading(node.index) as connection:
        judged = list(_judged(connection, registries))
        usable, derived = (
            _per_registry(connection, PACKS, registries, func.sum(case((came, PACKS.c.instances), else_=0)))
            for came in (PACKS.c.parcel != "", PACKS.c.parcel == "")
        )
        withdrawn = _per_registry(connection, WITHDRAWN, registries, func.count(WITHDRAWN.c.subject.distinct()))
        held, subjects, studies, series = (
            _per_registry(connection, table, registries, func.count()) for table in (HELD, ARCHIVED, STUDIES, SERIES)
        )
    return tuple(
        Holding(
            registry=registry,
            parcels=sum(parcels for name, _, parcels, _ in judged if name == registry),
            received=sum(instances for name, _, _, instances in judged if name == registry),
            usable=usable.get(registry, 0),
            derived=derived.get(registry, 0),
            held=held.get(registry, 0),
            refused=sum(instances for name, state, _, instances in judged if (name, state) == (registry, REFUSED)),
            waiting=sum(instances for name, state, _, instances in judged if (name, state) == (registry, WAITING)),
            withdrawn=withdrawn.get(registry, 0),
            subjects=subjects.get(registry, 0),
            studies=studies.get(registry, 0),
            series=series.get(registry, 0),
        )
        for registry in registries
    )


def held_back(node: Node, registries: Collection[str]) -> tuple[HeldBack, ...]:
    """What was held or refused, and why; the most frequent first."""
    held = (
        select(HELD.c.registry, HELD.c.reason, func.count(), func.max(HELD.c.held_at))
        .where(HELD.c.registry.in_(list(registries)))
        .group_by(HELD.c.registry, HELD.c.reason)
    )
    refused = (
        select(PARCELS.c.registry, PARCELS.c.reason, func.count(), func.max(PARCELS.c.at))
        .where(PARCELS.c.registry.in_(list(registries)), PARCELS.c.state == REFUSED)
        .group_by(PARCELS.c.registry, PARCELS.c.reason)
    )
    with reading(node.index) as connection:
        found = [HeldBack(r, why, "held", n, at) for r, why, n, at in connection.execute(held)]
        found += [HeldBack(r, why, REFUSED, n, at) for r, why, n, at in connection.execute(refused)]
    return tuple(sorted(found, key=lambda row: (-row.count, row.registry, row.reason)))


def arrivals(node: Node, registries: Collection[str], limit: int) -> tuple[Arrival, ...]:
    """The last parcels that were judged, the newest first."""
    last = (
        select(
            PARCELS.c.registry,
            PARCELS.c.gateway,
            PARCELS.c.sequence,
            PARCELS.c.state,
            PARCELS.c.reason,
            PARCELS.c.instances,
            PARCELS.c.at,
        )
        .where(PARCELS.c.registry.in_(list(registries)), PARCELS.c.ledger_sequence > 0)
        .order_by(PARCELS.c.ledger_sequence.desc())
        .limit(limit)
    )
    with reading(node.index) as connection:
        return tuple(Arrival(*row) for row in connection.execute(last))


def _judged(connection: Connection, registries: Collection[str]) -> list[tuple[str, str, int, int]]:
    """Registry, state, parcels and instances of what was judged and is not withdrawn."""
    parcels, instances = func.count().label("parcels"), func.sum(PARCELS.c.instances).label("instances")
    query = (
        select(PARCELS.c.registry, PARCELS.c.state, parcels, instances)
        .where(PARCELS.c.registry.in_(list(registries)), PARCELS.c.state.in_(JUDGED))
        .group_by(PARCELS.c.registry, PARCELS.c.state)
    )
    return [(registry, state, n, int(total)) for registry, state, n, total in connection.execute(query)]


def _per_registry(
    connection: Connection, table: Table, registries: Collection[str], what: ColumnElement[int]
) -> dict[str, int]:
    query = select(table.c.registry, what).where(table.c.registry.in_(list(registries))).group_by(table.c.registry)
    return {registry: int(number) for registry, number in connection.execute(query)}
