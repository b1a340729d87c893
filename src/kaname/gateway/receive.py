"""Receive: one file of the hospital becomes a spooled original and a row, or a reason why not.

The same content again is one original; the same instance with other bytes is held beside the first. Nothing is kept of
whoever withdrew or opted out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, or_, select

from kaname.database import reading, writing
from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.survey import survey
from kaname.errors import Refused
from kaname.gateway.consent import OPTED_OUT, opted_out
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, WITHDRAWALS
from kaname.gateway.linking import Link, accession_issuer, judge_image, link_of
from kaname.gateway.sources import Original
from kaname.work import Outcome, shielded

State = Literal["received", "held", "refused"]
Kind = Literal["image", "row", "report"]


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one file at the door, or of one row of a table."""

    id: str
    """Name in the spool; empty where nothing could be kept."""
    state: State
    reason: str = ""
    known: bool = False
    """Whether the very same content was here before."""
    kind: Kind = "image"


@dataclass(frozen=True, slots=True)
class _Named:
    """What a survey tells, behind the crossing."""

    study: str
    series: str
    instance: str
    patient: tuple[str, str]
    link: Link

    @property
    def subject(self) -> str:
        """The pseudonym; empty where nothing could be read."""
        return self.link.subject


def receive(hospital: Hospital, source: Original, engine: Engine, *, listed: bool = False) -> Received:
    """Takes one file in. Whatever is wrong with it, the original is kept whole and the reason written down.

    ``listed`` says that a department's table lies beside it, which ought to name it.
    """
    result = shielded(_take_in, hospital, source, engine, listed)
    if isinstance(result, Outcome):
        return Received("", "refused" if result.state == "refused" else "held", result.reason)
    return result


def _take_in(hospital: Hospital, source: Original, engine: Engine, listed: bool) -> Received:  # noqa: FBT001
    with source.open() as identified:
        named = shielded(_name, hospital, identified, engine)
        if isinstance(named, Outcome):
            unread = _Named("", "", "", ("", ""), Link(engine.registry.id, "", "", "", ""))
            return _keep(hospital, identified, unread, listed=listed, problem=named)
        with reading(hospital.node.index) as connection:
            turn_away(connection, named.link)
        return _keep(hospital, identified, named, listed=listed)


def turn_away(connection: Connection, link: Link) -> None:
    """Lets nobody in who withdrew or opted out.

    Raises:
        Refused: ``withdrawn``, ``opted-out``.
    """
    if withdrawn(connection, link.registry, link.subject, link.number):
        raise Refused("withdrawn")
    if opted_out(connection, link.registry, link.number, link.subject):
        raise Refused(OPTED_OUT)


def _name(hospital: Hospital, identified: Identified, engine: Engine) -> _Named:
    found = survey(identified)
    key = engine.key(found)
    patient = (found.text(0x10, 0x20), found.text(0x10, 0x21))
    link = link_of(
        engine,
        hospital.linkage,
        accession=found.text(0x08, 0x50),
        accession_issuer=accession_issuer(found),
        patient_id=patient[0],
        subject=engine.subject(found),
    )
    return _Named(key.study_instance_uid, key.series_instance_uid, key.sop_instance_uid, patient, link)


def _keep(
    hospital: Hospital, identified: Identified, named: _Named, *, listed: bool, problem: Outcome | None = None
) -> Received:
    """Spools the original, then writes the row: a crash between the two leaves an original that arrives again.

    Content that has a row already is not spooled again: its original may have gone long ago.
    """
    registry, name = named.link.registry, hospital.spool.name(identified.buffer)
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
        state, reason = _judge(connection, named, problem, listed=listed)
        row = {"id": name, "registry": registry, "state": state, "reason": reason, "received_at": at}
        row |= {"accession": named.link.accession, "accession_issuer": named.link.issuer}
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


def _judge(connection: Connection, named: _Named, problem: Outcome | None, *, listed: bool) -> tuple[State, str]:
    if problem is not None:
        return ("refused" if problem.state == "refused" else "held"), problem.reason
    other = connection.execute(
        select(OBJECTS.c.study, OBJECTS.c.series, OBJECTS.c.subject)
        .where(OBJECTS.c.registry == named.link.registry, OBJECTS.c.instance == named.instance)
        .where(OBJECTS.c.state.in_(("received", "cleaned", "sent", "closed")))
    ).first()
    if other is None:
        reason = judge_image(connection, named.link, listed=listed)
        return ("held" if reason else "received"), reason
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
