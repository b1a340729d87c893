"""Telling the partner how much of each registry lies here: counts by reason, on change and at most once a minute.

A word is written down before it leaves, so that after a crash the same one goes again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from kaname.database import reading, writing
from kaname.errors import KanameError
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import FOREIGN, OBJECTS, TOLD
from kaname.ledger import Json
from kaname.ledger.canonical import canonical
from kaname.parcel.enrolment import is_enrolled
from kaname.parcel.holdings import Counts
from kaname.parcel.messages import HOLDINGS, Message, send_message
from kaname.work.model import waits_for_time

TELL_SECONDS, LOOK_SECONDS = 60.0, 10.0
"""How long between two words about one registry; between two looks whether there is anything new."""
HERE, LEFT = ("received", "cleaned", "held"), ("sent", "closed")
"""States of objects that lie here, and that have left."""


def counts(connection: Connection, registry: str) -> Counts:
    """How much of a registry lies here and how much has left."""
    objects = OBJECTS.c
    by_state = (
        select(objects.state, objects.reason, func.count().label("n"))
        .where(objects.registry == registry, objects.state.in_((*HERE, *LEFT)))
        .group_by(objects.state, objects.reason)
    )
    files = (
        select(FOREIGN.c.reason, func.count().label("n"))
        .where(FOREIGN.c.registry == registry, FOREIGN.c.state == "held")
        .group_by(FOREIGN.c.reason)
    )
    held: Counter[str] = Counter({row.reason: row.n for row in connection.execute(files)})
    received = sent = 0
    for row in connection.execute(by_state):
        received += row.n
        sent += row.n if row.state in LEFT else 0
        held[row.reason] += row.n if row.state == "held" else 0
    return Counts(received, sent, {reason: count for reason, count in held.items() if count})


@dataclass(slots=True)
class Teller:
    """Looks now and then whether there is anything new to tell."""

    hospital: Hospital
    looked_at: str = ""
    due: tuple[str, ...] = field(default=())

    def waiting(self) -> tuple[str, ...]:
        """``registry:sequence`` of every word that is due, for :func:`tell`; none where no partner is known."""
        now = self.hospital.node.clock.now().astimezone(UTC)
        if self.looked_at > _stamp(now - timedelta(seconds=LOOK_SECONDS)):
            return self.due
        self.looked_at = _stamp(now)
        self.due = ()
        if is_enrolled(self.hospital.node.settings.keys):
            before = _stamp(now - timedelta(seconds=TELL_SECONDS))
            found = (self._due(registry, before) for registry in self.hospital.node.settings.registries)
            self.due = tuple(one for one in found if one)
        return self.due

    def _due(self, registry: str, before: str) -> str:
        with reading(self.hospital.node.index) as connection:
            last = _last(connection, registry)
            if last is not None and last.acknowledgement is None:
                return f"{registry}:{last.sequence}"
            if last is not None and last.at > before:
                return ""
            now = counts(connection, registry)
        if _digest(now) == (last.counts if last is not None else _digest(Counts(0, 0, {}))):
            return ""
        return f"{registry}:{last.sequence + 1 if last is not None else 1}"


def tell(hospital: Hospital, one: str) -> Json:
    """Step: tells the partner; ``one`` is an id of :meth:`Teller.waiting`.

    What no waiting mends is not said again; the next word is.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``message-unanswered``.
    """
    registry, _, number = one.partition(":")
    statement = _written(hospital, registry, int(number))
    if not statement:
        return {}
    try:
        answer = send_message(statement, hospital.partner()).statement
    except KanameError as error:
        if not waits_for_time(error):
            _settle(hospital, registry, int(number), b"")
        raise
    _settle(hospital, registry, int(number), answer)
    return {"sequence": int(number)}


def _written(hospital: Hospital, registry: str, sequence: int) -> bytes:
    """The word of that number, written down unless it was; empty where it was said already."""
    with writing(hospital.node.index) as connection:
        last = _last(connection, registry)
        if last is not None and last.sequence >= sequence:
            return b"" if last.acknowledgement is not None or last.sequence > sequence else last.statement
        now = counts(connection, registry)
        at = hospital.node.clock.stamp()
        message = Message(HOLDINGS, hospital.name, registry, sequence, now.to_json(), at).sign(hospital.signing)
        connection.execute(delete(TOLD).where(TOLD.c.registry == registry))
        values = {"registry": registry, "sequence": sequence, "counts": _digest(now), "statement": message, "at": at}
        connection.execute(insert(TOLD).values(**values))
        return message


def _settle(hospital: Hospital, registry: str, sequence: int, answer: bytes) -> None:
    mine = (TOLD.c.registry == registry, TOLD.c.sequence == sequence)
    with writing(hospital.node.index) as connection:
        connection.execute(update(TOLD).where(*mine).values(acknowledgement=answer))


def _last(connection: Connection, registry: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(TOLD).where(TOLD.c.registry == registry)).first()


def _digest(now: Counts) -> str:
    return sha256(canonical(now.to_json())).hexdigest()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
