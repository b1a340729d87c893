"""What a data manager wants to know: how much of what is where, and what waits for a person."""

from __future__ import annotations

from sqlalchemy import func, select

from kaname.database import reading
from kaname.errors import reasons
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, PARCELS, WITHDRAWALS
from kaname.ledger import Json


def status(hospital: Hospital) -> dict[str, Json]:
    """Counts by state: objects, parcels, withdrawals; originals still in the spool."""
    with reading(hospital.node.index) as connection:
        counted = {
            name: {
                row.state: row.n
                for row in connection.execute(
                    select(table.c.state, func.count().label("n")).group_by(table.c.state).order_by(table.c.state)
                )
            }
            for name, table in (("objects", OBJECTS), ("parcels", PARCELS), ("withdrawals", WITHDRAWALS))
        }
    found: dict[str, Json] = {name: dict(by_state) for name, by_state in counted.items()}
    return {**found, "originals": sum(1 for _ in hospital.spool.names())}


def held(hospital: Hospital) -> list[Json]:
    """Objects that wait for a person or were refused, grouped by reason, each with its two sentences."""
    with reading(hospital.node.index) as connection:
        rows = connection.execute(
            select(OBJECTS.c.state, OBJECTS.c.registry, OBJECTS.c.reason, func.count().label("n"))
            .where(OBJECTS.c.state.in_(("held", "refused")))
            .group_by(OBJECTS.c.state, OBJECTS.c.registry, OBJECTS.c.reason)
            .order_by(OBJECTS.c.state, OBJECTS.c.registry, OBJECTS.c.reason)
        ).all()
    return [
        {
            "state": row.state,
            "registry": row.registry,
            "reason": row.reason,
            "objects": row.n,
            "ja": reasons()[row.reason].ja,
            "en": reasons()[row.reason].en,
        }
        for row in rows
    ]
