"""What facilities say they hold: each gateway tells how much of every registry lies there, and the latest word counts.

A gateway signs what it says. A hub keeps it, and passes the very same statement on to the next tier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, delete, insert, select, update

from kaname.access.signing import read_statement
from kaname.database import reading, writing
from kaname.errors import KanameError
from kaname.intake.index import FACILITIES, FACILITY_DAYS
from kaname.intake.introduce import introduce
from kaname.ledger import Json, canonical
from kaname.node import Node
from kaname.parcel.ask import Partner
from kaname.parcel.enrolment import is_enrolled, read_partner
from kaname.parcel.holdings import Counts
from kaname.parcel.messages import Message, send_message
from kaname.work import Do
from kaname.work.model import waits_for_time

NEXT = 256
"""How many words are passed on at once."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one facility said last of one registry."""

    facility: str
    registry: str
    received: int
    """Images that came in at the hospital, those that have left among them; not those that were refused."""
    sent: int
    """Of these, how many left and were accepted."""
    held: Mapping[str, int]
    """Of these, and of files that are no DICOM, how many wait for a person, by reason code."""
    at: str
    """When it said so, UTC."""


@dataclass(frozen=True, slots=True)
class HoldingDay:
    """What one facility said last on one day."""

    facility: str
    registry: str
    day: str
    """``2026-11-21``."""
    received: int
    sent: int
    held: int


def take_holdings(node: Node, message: Message) -> Json:
    """Keeps what a gateway says it holds, unless it said something newer before.

    Raises:
        Refused: ``statement-invalid``.
        NotYet: ``index-busy``, ``storage-full``.
    """
    counts = Counts.read(message.body)
    mine = (FACILITIES.c.facility == message.sender, FACILITIES.c.registry == message.registry)
    numbers = {"received": counts.received, "sent": counts.sent, "held": sum(counts.held.values())}
    said = {"sequence": message.sequence, "at": message.at, "statement": message.statement, **numbers}
    said["reasons"] = canonical({**counts.held}).decode()
    names = {"facility": message.sender, "registry": message.registry}
    with writing(node.index) as connection:
        known = connection.execute(select(FACILITIES.c.sequence).where(*mine).with_for_update()).scalar()
        if known is not None and known >= message.sequence:
            return {"newest": known}
        if known is None:
            connection.execute(insert(FACILITIES).values(**names, **said))
        else:
            connection.execute(update(FACILITIES).where(*mine).values(**said))
        _keep_day(connection, names | {"day": message.at[:10]}, numbers)
    return {"newest": message.sequence}


def holdings(node: Node, registries: Sequence[str]) -> tuple[Holding, ...]:
    """What every facility said last, by registry and facility."""
    query = select(FACILITIES).where(FACILITIES.c.registry.in_(registries))
    with reading(node.index) as connection:
        rows = connection.execute(query.order_by(FACILITIES.c.registry, FACILITIES.c.facility)).all()
    return tuple(
        Holding(row.facility, row.registry, row.received, row.sent, json.loads(row.reasons), row.at) for row in rows
    )


def history(node: Node, registries: Sequence[str]) -> tuple[HoldingDay, ...]:
    """What every facility said last on each day that it said something, by registry, facility and day."""
    table = FACILITY_DAYS
    query = select(table).where(table.c.registry.in_(registries))
    with reading(node.index) as connection:
        rows = connection.execute(query.order_by(table.c.registry, table.c.facility, table.c.day)).all()
    return tuple(HoldingDay(r.facility, r.registry, r.day, r.received, r.sent, r.held) for r in rows)


def untold(node: Node) -> tuple[str, ...]:
    """``registry:facility:sequence`` of what the next tier, where there is one, has yet to hear."""
    if not is_enrolled(node.settings.keys):
        return ()
    query = (
        select(FACILITIES.c.registry, FACILITIES.c.facility, FACILITIES.c.sequence)
        .where(FACILITIES.c.passed_on < FACILITIES.c.sequence)
        .where(FACILITIES.c.registry.in_(read_partner(node.settings.keys).registries))
        .order_by(FACILITIES.c.at)
        .limit(NEXT)
    )
    with reading(node.index) as connection:
        return tuple(f"{row.registry}:{row.facility}:{row.sequence}" for row in connection.execute(query))


def pass_holdings_on(node: Node, do: Do, one: Json) -> Json:
    """The worker's flow: the next tier hears what a gateway said, in the gateway's own words.

    ``one`` is an id of :func:`untold`.
    """
    return do(partial(tell_next_tier, node), one)


def tell_next_tier(node: Node, one: str) -> Json:
    """Step: introduces the gateway and sends its newest statement on. What no waiting mends is not sent again.

    Raises:
        NotYet, Refused: what :func:`kaname.parcel.messages.send_message` raises.
    """
    registry, facility, _ = one.split(":")
    mine = (FACILITIES.c.registry == registry, FACILITIES.c.facility == facility)
    with reading(node.index) as connection:
        row = connection.execute(select(FACILITIES).where(*mine)).one()
    if row.passed_on >= row.sequence:
        return {}
    upstream = Partner.enrolled(node.settings.keys)
    try:
        introduce(node, read_statement(row.statement).key_id, registry, upstream)
        send_message(row.statement, upstream)
    except KanameError as error:
        if not waits_for_time(error):
            _passed_on(node, registry, facility, row.sequence)
        raise
    _passed_on(node, registry, facility, row.sequence)
    return {"sequence": row.sequence}


def _passed_on(node: Node, registry: str, facility: str, sequence: int) -> None:
    mine = (FACILITIES.c.registry == registry, FACILITIES.c.facility == facility)
    older = FACILITIES.c.passed_on < sequence
    with writing(node.index) as connection:
        connection.execute(update(FACILITIES).where(*mine, older).values(passed_on=sequence))


def _keep_day(connection: Connection, names: Mapping[str, str], numbers: Mapping[str, int]) -> None:
    connection.execute(delete(FACILITY_DAYS).where(*(FACILITY_DAYS.c[name] == text for name, text in names.items())))
    connection.execute(insert(FACILITY_DAYS).values(**names, **numbers))
