"""What the hospital's own first page shows: how much of each registry is where, and how far the parcels have come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from kaname.database import reading
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, PARCELS, RECORDS
from kaname.gateway.tell import counts


@dataclass(frozen=True, slots=True)
class Part:
    """One registry at this hospital."""

    registry: str
    received: int
    """Images that came in, but those refused or withdrawn."""
    sent: int
    """Of these, how many left and were accepted."""
    underway: int
    """Of these, how many are on their way out."""
    held: int
    """How many of these, and of files that are no DICOM, wait for a person."""
    records: int
    """Rows and reports whose images have not come."""
    parcels: Mapping[str, int]
    """Parcels by state: ``sealing sealed accepted refused withdrawn``."""


def overview(hospital: Hospital, registries: Sequence[str]) -> tuple[Part, ...]:
    """Each of these registries, in their order."""
    waiting = (
        select(RECORDS.c.registry, func.count().label("n"))
        .where(RECORDS.c.state == "waiting")
        .group_by(RECORDS.c.registry)
    )
    leaving = (
        select(OBJECTS.c.registry, func.count().label("n"))
        .where(OBJECTS.c.registry.in_(registries), OBJECTS.c.state.in_(("received", "cleaned")))
        .group_by(OBJECTS.c.registry)
    )
    by_state = select(PARCELS.c.registry, PARCELS.c.state, func.count().label("n"))
    with reading(hospital.node.index) as connection:
        found = {registry: counts(connection, registry) for registry in registries}
        underway = {row.registry: row.n for row in connection.execute(leaving)}
        records = {row.registry: row.n for row in connection.execute(waiting)}
        parcels: dict[str, Counter[str]] = {}
        for row in connection.execute(by_state.group_by(PARCELS.c.registry, PARCELS.c.state)):
            parcels.setdefault(row.registry, Counter())[row.state] += row.n
    return tuple(
        Part(
            registry,
            one.received,
            one.sent,
            underway.get(registry, 0),
            sum(one.held.values()),
            records.get(registry, 0),
            parcels.get(registry, Counter[str]()),
        )
        for registry, one in found.items()
    )
