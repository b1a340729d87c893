"""Where the images of each facility are: what it holds itself, what came here, what can be used, day by day.

Read from the tables of intake and archive; what a facility holds back is what it says itself
(:mod:`kaname.intake.facilities`). Packs of withdrawn subjects are gone from the archive and are counted nowhere.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Select, case, func, select

from kaname.archive.index import HELD, PACKS
from kaname.database import reading
from kaname.intake.facilities import history
from kaname.intake.facilities import holdings as told_by_facilities
from kaname.intake.index import ONWARD, PARCELS
from kaname.node import Node

TAKEN = ("accepted", "shelved", "stopped")
"""States of a parcel that passed the second look."""
REACHED = (*TAKEN, "refused", "withdrawn")
"""States of a parcel that got here, whatever became of it."""
DAYS_MOST = 31
Key = tuple[str, str]
"""Registry and facility."""


@dataclass(frozen=True, slots=True)
class Place:
    """One facility in one registry, in instances."""

    registry: str
    facility: str
    came_in: int | None
    """That came in at the hospital, as it says; ``None`` where it has said nothing."""
    in_hospital: int | None
    """Of these, and of files that are no DICOM, how many the hospital holds back, as it says."""
    at_society: int | None
    """That left the hospital and have not reached this node: where this is not the first tier, they are at the one
    before it, held there or on their way."""
    received: int
    """Of the parcels that were accepted here."""
    held: int
    """That came, and somebody has to decide about."""
    refused: int
    """Of the parcels that were refused."""
    passed_on: int
    """Of the parcels that the next tier has taken."""
    usable: int
    """In the archive."""


@dataclass(frozen=True, slots=True)
class Day:
    """What came and what became usable on one day, in instances."""

    day: str
    """``2026-11-21``, UTC."""
    received: int
    usable: int


@dataclass(frozen=True, slots=True)
class HospitalDay:
    """What all facilities said up to one day, in instances."""

    day: str
    came_in: int
    held: int


def board(node: Node, registries: Collection[str]) -> tuple[Place, ...]:
    """One row for each facility of each of these registries, in their order and by name."""
    told = {(one.registry, one.facility): one for one in told_by_facilities(node, [*registries])}
    with reading(node.index) as connection:
        received, refused, reached = (
            _received(connection, registries, states) for states in (TAKEN, ("refused",), REACHED)
        )
        passed_on = _counted(connection, _passed_on(registries))
        usable = _counted(connection, _usable(registries))
        held = _counted(connection, _held(registries))
    places = sorted({*told, *received, *refused}, key=lambda key: ([*registries].index(key[0]), key[1]))
    return tuple(
        Place(
            registry=key[0],
            facility=key[1],
            came_in=told[key].received if key in told else None,
            in_hospital=sum(told[key].held.values()) if key in told else None,
            at_society=max(told[key].sent - reached.get(key, 0), 0) if key in told else None,
            received=received.get(key, 0),
            held=held.get(key, 0),
            refused=refused.get(key, 0),
            passed_on=passed_on.get(key, 0),
            usable=usable.get(key, 0),
        )
        for key in places
    )


def days(node: Node, registries: Collection[str]) -> tuple[Day, ...]:
    """The last :data:`DAYS_MOST` days on which something came or became usable, in order."""
    wanted = list(registries)
    day, shelved = func.substr(PARCELS.c.at, 1, 10), func.substr(PACKS.c.shelved_at, 1, 10)
    came = (
        select(day, func.sum(PARCELS.c.instances))
        .where(PARCELS.c.registry.in_(wanted), PARCELS.c.state.in_(TAKEN))
        .group_by(day)
    )
    became = (
        select(shelved, func.sum(PACKS.c.instances))
        .where(PACKS.c.registry.in_(wanted), PACKS.c.parcel != "")
        .group_by(shelved)
    )
    with reading(node.index) as connection:
        received = {str(at): int(number) for at, number in connection.execute(came)}
        usable = {str(at): int(number) for at, number in connection.execute(became)}
    found = sorted({*received, *usable})[-DAYS_MOST:]
    return tuple(Day(at, received.get(at, 0), usable.get(at, 0)) for at in found)


def hospital_days(node: Node, registries: Collection[str]) -> tuple[HospitalDay, ...]:
    """The last :data:`DAYS_MOST` days on which a facility spoke; who was silent still has what it said last."""
    said = history(node, [*registries])
    found: list[HospitalDay] = []
    for day in sorted({one.day for one in said})[-DAYS_MOST:]:
        last = {(one.registry, one.facility): one for one in said if one.day <= day}
        found.append(HospitalDay(day, sum(o.received for o in last.values()), sum(o.held for o in last.values())))
    return tuple(found)


def _received(connection: Connection, registries: Collection[str], states: Collection[str]) -> dict[Key, int]:
    query = (
        select(PARCELS.c.registry, PARCELS.c.gateway, func.sum(PARCELS.c.instances))
        .where(PARCELS.c.registry.in_(list(registries)), PARCELS.c.state.in_(list(states)))
        .group_by(PARCELS.c.registry, PARCELS.c.gateway)
    )
    return _counted(connection, query)


def _passed_on(registries: Collection[str]) -> Select[str, str, int]:
    number = func.sum(case((ONWARD.c.state == "forwarded", PARCELS.c.instances), else_=0))
    return (
        select(PARCELS.c.registry, PARCELS.c.gateway, number)
        .join(ONWARD, ONWARD.c.parcel == PARCELS.c.digest)
        .where(PARCELS.c.registry.in_(list(registries)))
        .group_by(PARCELS.c.registry, PARCELS.c.gateway)
    )


def _usable(registries: Collection[str]) -> Select[str, str, int]:
    return (
        select(PARCELS.c.registry, PARCELS.c.gateway, func.sum(PACKS.c.instances))
        .join(PACKS, PACKS.c.parcel == PARCELS.c.digest)
        .where(PARCELS.c.registry.in_(list(registries)))
        .group_by(PARCELS.c.registry, PARCELS.c.gateway)
    )


def _held(registries: Collection[str]) -> Select[str, str, int]:
    return (
        select(PARCELS.c.registry, PARCELS.c.gateway, func.count())
        .join(HELD, HELD.c.parcel == PARCELS.c.digest)
        .where(PARCELS.c.registry.in_(list(registries)))
        .group_by(PARCELS.c.registry, PARCELS.c.gateway)
    )


def _counted(connection: Connection, query: Select[str, str, int]) -> dict[Key, int]:
    return {(registry, facility): int(number) for registry, facility, number in connection.execute(query)}
