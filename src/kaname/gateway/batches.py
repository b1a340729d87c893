"""Batches: what was received, grouped by study, one workflow each; and what waits for the worker."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select, update

from kaname.database import reading, writing
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, WITHDRAWALS


def form_batches(hospital: Hospital, *, quiet_seconds: float = 0.0) -> list[str]:
    """Groups received objects by study into batches, one workflow each; returns every batch still under way.

    Args:
        hospital: the gateway.
        quiet_seconds: only studies to which nothing was added for so long: those that still grow are left to grow.
    """
    before = hospital.node.clock.now().astimezone(UTC) - timedelta(seconds=quiet_seconds)
    complete = _complete(before.strftime("%Y-%m-%dT%H:%M:%SZ"))
    with reading(hospital.node.index) as connection:
        found = connection.execute(complete.limit(1)).first()
    if found is not None:
        with writing(hospital.node.index) as connection:
            for row in connection.execute(complete).all():
                _form(connection, row.registry, row.study)
    with reading(hospital.node.index) as connection:
        under_way = connection.scalars(
            select(OBJECTS.c.batch)
            .where(OBJECTS.c.state.in_(("received", "cleaned")), OBJECTS.c.batch != "")
            .distinct()
        )
        return sorted(under_way)


def _complete(before: str) -> Select[Any, Any]:
    """Registry and study of received objects without a batch, the newest of which came by then."""
    return (
        select(OBJECTS.c.registry, OBJECTS.c.study)
        .where(OBJECTS.c.state == "received", OBJECTS.c.batch == "")
        .group_by(OBJECTS.c.registry, OBJECTS.c.study)
        .having(func.max(OBJECTS.c.received_at) <= before)
        .order_by(OBJECTS.c.registry, OBJECTS.c.study)
    )


def _form(connection: Connection, registry: str, study: str) -> None:
    mine = (OBJECTS.c.registry == registry, OBJECTS.c.study == study)
    loose = (*mine, OBJECTS.c.state == "received", OBJECTS.c.batch == "")
    names = connection.scalars(select(OBJECTS.c.id).where(*loose).order_by(OBJECTS.c.id)).all()
    connection.execute(update(OBJECTS).where(*loose).values(batch=_batch_id(registry, study, names)))


def _batch_id(registry: str, study: str, names: Iterable[str]) -> str:
    return hashlib.sha256("|".join((registry, study, *names)).encode()).hexdigest()


def crossings_waiting(hospital: Hospital) -> tuple[str, ...]:
    """Batches ready to be taken across, each by :meth:`kaname.gateway.flow.Journey.cross_study`.

    A study joins them once nothing was added to it for ``quiet_seconds`` of the settings.
    """
    return tuple(form_batches(hospital, quiet_seconds=hospital.node.settings.quiet_seconds))


def withdrawals_waiting(hospital: Hospital) -> tuple[str, ...]:
    """``registry:subject`` of withdrawals without certificate, for ``Journey.withdraw_subject``."""
    with reading(hospital.node.index) as connection:
        rows = connection.execute(
            select(WITHDRAWALS.c.registry, WITHDRAWALS.c.subject)
            .where(WITHDRAWALS.c.state == "requested")
            .order_by(WITHDRAWALS.c.registry, WITHDRAWALS.c.sequence)
        ).all()
    return tuple(f"{row.registry}:{row.subject}" for row in rows)
