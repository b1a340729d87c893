"""Rows of what a hub passes on to the next tier. Every function works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from kaname.intake.index import ONWARD, PARCELS

State = Literal["waiting", "forwarded", "refused", "held", "withdrawn"]
"""``refused``: by the next tier, or unfit to leave; ``held``: a person has to mend the connection first."""


def wait_for_next_tier(connection: Connection, parcel: str, registry: str, ledger_sequence: int, at: str) -> None:
    """Writes down that an accepted parcel may leave."""
    connection.execute(
        insert(ONWARD).values(parcel=parcel, registry=registry, state="waiting", ledger_sequence=ledger_sequence, at=at)
    )


def waiting(connection: Connection, registries: Sequence[str], limit: int) -> tuple[tuple[str, int], ...]:
    """The parcels of these registries that leave next, in the order of their acceptance, each with its attempt."""
    query = select(ONWARD.c.parcel, ONWARD.c.attempt).where(
        ONWARD.c.state == "waiting", ONWARD.c.registry.in_(registries)
    )
    rows = connection.execute(query.order_by(ONWARD.c.ledger_sequence).limit(limit))
    return tuple((row.parcel, row.attempt) for row in rows)


def row_of(connection: Connection, parcel: str) -> Row[Any] | None:
    """The row of one parcel; ``None`` where nothing is passed on."""
    return connection.execute(select(ONWARD).where(ONWARD.c.parcel == parcel)).one_or_none()


def settle(
    connection: Connection, parcel: str, state: State, *, reason: str = "", receipt: bytes | None = None, at: str
) -> bool:
    """Writes down how it ended, unless that was done already; returns whether this call did it."""
    mine = (ONWARD.c.parcel == parcel, ONWARD.c.state == "waiting")
    values = {"state": state, "reason": reason, "receipt": receipt, "at": at}
    return bool(connection.execute(update(ONWARD).where(*mine).values(**values)).rowcount)


def again(connection: Connection) -> int:
    """Lets everything that the next tier has not judged leave once more; returns how many parcels."""
    stuck = (ONWARD.c.state.in_(("held", "refused")), ONWARD.c.receipt.is_(None))
    values = {"state": "waiting", "reason": "", "attempt": ONWARD.c.attempt + 1}
    return connection.execute(update(ONWARD).where(*stuck).values(**values)).rowcount


def withdraw(connection: Connection, registry: str, subject: str) -> None:
    """Nothing more of a subject leaves. What the next tier said about it before is kept."""
    own = select(PARCELS.c.digest).where(PARCELS.c.registry == registry, PARCELS.c.subject == subject)
    connection.execute(update(ONWARD).where(ONWARD.c.parcel.in_(own)).values(state="withdrawn", reason=""))
