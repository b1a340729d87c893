"""Originals do not linger: days after the final receipt they go from the spool, and their rows say so."""

from __future__ import annotations

from datetime import UTC, timedelta

from sqlalchemy import select, update

from kaname.database import reading, writing
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, PARCELS, RECORDS


def sweep(hospital: Hospital) -> int:
    """Lets go of originals, of images and of rows, whose parcel was accepted ``originals_days`` ago; returns how many.

    An original is deleted before its row is closed: cut off in between, the next sweep does it again.
    """
    before = hospital.node.clock.now().astimezone(UTC) - timedelta(days=hospital.node.settings.originals_days)
    with reading(hospital.node.index) as connection:
        due = connection.execute(
            select(OBJECTS.c.id, OBJECTS.c.registry)
            .join(PARCELS, PARCELS.c.batch == OBJECTS.c.batch)
            .where(OBJECTS.c.state == "sent", PARCELS.c.state == "accepted")
            .where(PARCELS.c.at <= before.strftime("%Y-%m-%dT%H:%M:%SZ"))
        ).all()
    for name, registry in due:
        hospital.spool.delete(name)
        with writing(hospital.node.index) as connection:
            connection.execute(
                update(OBJECTS).where(OBJECTS.c.id == name, OBJECTS.c.registry == registry).values(state="closed")
            )
    return len(due) + _sweep_records(hospital, before.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _sweep_records(hospital: Hospital, before: str) -> int:
    """Rows likewise, once the parcel with their items was accepted; reports stay, for their text has not crossed."""
    with reading(hospital.node.index) as connection:
        due = connection.execute(
            select(RECORDS.c.id, RECORDS.c.registry)
            .join(PARCELS, PARCELS.c.batch == RECORDS.c.batch)
            .where(RECORDS.c.state == "sealed", PARCELS.c.state == "accepted", PARCELS.c.at <= before)
        ).all()
    for name, registry in due:
        hospital.spool.delete(name)
        with writing(hospital.node.index) as connection:
            connection.execute(
                update(RECORDS).where(RECORDS.c.id == name, RECORDS.c.registry == registry).values(state="closed")
            )
    return len(due)
