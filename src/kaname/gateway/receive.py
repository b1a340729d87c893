"""Receive: one file of the hospital becomes a spooled original and a row, or a reason why not.

Batches are formed per study at the end. The same content again is one original; the same instance with other bytes is
held beside the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, or_, select, update

from kaname.database import reading, writing
from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.survey import survey
from kaname.errors import Refused
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, WITHDRAWALS
from kaname.gateway.sources import Source
from kaname.work import Outcome, shielded

State = Literal["received", "held", "refused"]


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one file at the door."""

    id: str
    """Name in the spool; empty where nothing could be kept."""
    state: State
    reason: str = ""
    known: bool = False
    """Whether the very same content was here before."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What a survey tells, behind the crossing."""

    study: str
    series: str
    instance: str
    subject: str
    patient: tuple[str, str]


_UNREAD = _Named("", "", "", "", ("", ""))


def receive(hospital: Hospital, source: Source, engine: Engine) -> Received:
    """Takes one file in. Whatever is wrong with it, the original is kept whole and the reason written down."""
    result = shielded(_take_in, hospital, source, engine)
    if isinstance(result, Outcome):
        return Received("", "refused" if result.state == "refused" else "held", result.reason)
    return result


def _take_in(hospital: Hospital, source: Source, engine: Engine) -> Received:
    with source.open() as identified:
        named = shielded(_name, identified, engine)
        if isinstance(named, Outcome):
            return _keep(hospital, identified, engine.registry.id, _UNREAD, named)
        with reading(hospital.node.index) as connection:
            number = hospital.linkage.number(named.patient[0])
            if withdrawn(connection, engine.registry.id, named.subject, number):
                raise Refused("withdrawn")
        return _keep(hospital, identified, engine.registry.id, named, None)


def _name(identified: Identified, engine: Engine) -> _Named:
    found = survey(identified)
    key = engine.key(found)
    patient = (found.text(0x10, 0x20), found.text(0x10, 0x21))
    return _Named(key.study_instance_uid, key.series_instance_uid, key.sop_instance_uid, engine.subject(found), patient)


def _keep(
    hospital: Hospital, identified: Identified, registry: str, named: _Named, problem: Outcome | None
) -> Received:
    """Spools the original, then writes the row: a crash between the two leaves an original that arrives again.

    Content that has a row already is not spooled again: its original may have gone long ago.
    """
    name = hospital.spool.name(identified.buffer)
    with reading(hospital.node.index) as connection:
        known = _known(connection, registry, name)
    if known is not None:
        return known
    hospital.spool.put(identified.buffer)
    at = hospital.node.clock.stamp()
    with writing(hospital.node.index) as connection:
        known = _known(connection, registry, name)
        if known is not None:
            return known
        state, reason = _judge(connection, registry, named, problem)
        row = {"id": name, "registry": registry, "state": state, "reason": reason, "received_at": at}
        uids = {"study": named.study, "series": named.series, "instance": named.instance, "subject": named.subject}
        connection.execute(OBJECTS.insert().values(**row, **uids))
        if named.subject:
            hospital.linkage.remember(connection, registry, named.subject, named.patient, at)
    return Received(name, state, reason)


def _known(connection: Connection, registry: str, name: str) -> Received | None:
    row = connection.execute(
        select(OBJECTS.c.state, OBJECTS.c.reason).where(OBJECTS.c.id == name, OBJECTS.c.registry == registry)
    ).first()
    return None if row is None else Received(name, _door_state(row.state), row.reason, known=True)


def _judge(connection: Connection, registry: str, named: _Named, problem: Outcome | None) -> tuple[State, str]:
    if problem is not None:
        return ("refused" if problem.state == "refused" else "held"), problem.reason
    other = connection.execute(
        select(OBJECTS.c.study, OBJECTS.c.series, OBJECTS.c.subject)
        .where(OBJECTS.c.registry == registry, OBJECTS.c.instance == named.instance)
        .where(OBJECTS.c.state.in_(("received", "cleaned", "sent", "closed")))
    ).first()
    if other is None:
        return "received", ""
    same_place = (other.study, other.series, other.subject) == (named.study, named.series, named.subject)
    return "held", "same-uid-other-bytes" if same_place else "same-uid-other-series"


def _door_state(state: str) -> State:
    if state == "held":
        return "held"
    return "refused" if state in ("refused", "withdrawn") else "received"


def withdrawn(connection: Connection, registry: str, subject: str, number: str | None = None) -> bool:
    """Whether this subject has withdrawn from the registry, or everybody of that number (a digest of the linkage)."""
    mine = WITHDRAWALS.c.subject == subject
    if number is not None:
        mine = or_(mine, WITHDRAWALS.c.number == number)
    query = select(WITHDRAWALS.c.sequence).where(WITHDRAWALS.c.registry == registry, mine)
    return connection.execute(query).first() is not None


def form_batches(hospital: Hospital) -> list[str]:
    """Groups received objects by study into batches, one workflow each; returns every batch still under way."""
    with writing(hospital.node.index) as connection:
        rows = connection.execute(
            select(OBJECTS.c.registry, OBJECTS.c.study, OBJECTS.c.id)
            .where(OBJECTS.c.state == "received", OBJECTS.c.batch == "")
            .order_by(OBJECTS.c.registry, OBJECTS.c.study, OBJECTS.c.id)
        ).all()
        studies: dict[tuple[str, str], list[str]] = {}
        for registry, study, name in rows:
            studies.setdefault((registry, study), []).append(name)
        for (registry, study), names in studies.items():
            batch = _batch_id(registry, study, names)
            connection.execute(
                update(OBJECTS)
                .where(OBJECTS.c.registry == registry, OBJECTS.c.study == study)
                .where(OBJECTS.c.state == "received", OBJECTS.c.batch == "")
                .values(batch=batch)
            )
        under_way = connection.execute(
            select(OBJECTS.c.batch)
            .where(OBJECTS.c.state.in_(("received", "cleaned")), OBJECTS.c.batch != "")
            .distinct()
        )
        return sorted(row.batch for row in under_way)


def _batch_id(registry: str, study: str, names: Iterable[str]) -> str:
    return hashlib.sha256("|".join((registry, study, *names)).encode()).hexdigest()
