"""Two persons: what one asks for, another agrees to, and the first then does once, within minutes.

Every function joins the caller's transaction, so that the ledger's event stands exactly when the step does. A step is
one update that names what must still hold: of two at once, one happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from kaname.access.index import PAIR
from kaname.access.model import Grant
from kaname.access.named import person, same_person
from kaname.access.sessions import STAMP
from kaname.clock import Clock
from kaname.errors import Forbidden, NotYet, Refused

PairState = Literal["asked", "agreed", "refused", "used", "expired"]
ASKED_HOURS = 24
"""Who asks waits no longer than this for somebody else."""
AGREED_MINUTES = 30
"""What was agreed to is done within these minutes, or asked for again."""
REASON_MOST = 500
LISTED_MOST = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """Something that two persons do."""

    id: str
    action: str
    about: str
    """Id or pseudonym of what it is done to."""
    registry: str
    asked_by: str
    asked_at: str
    """UTC, ISO 8601 with seconds."""
    reason: str
    """In the words of who asked; kept here, and in no ledger."""
    decision: str
    """``agreed``, ``refused``, or empty."""
    decided_by: str
    decided_at: str
    used_at: str
    expires_at: str

    def state(self, at: str) -> PairState:
        """Where it stands at that time."""
        if self.used_at:
            return "used"
        if self.decision == "refused":
            return "refused"
        if at >= self.expires_at:
            return "expired"
        return "agreed" if self.decision else "asked"


def ask(connection: Connection, action: str, about: str, registry: str, by: str, reason: str, clock: Clock) -> Pair:  # noqa: PLR0913, PLR0917
    """Asks for something that somebody else has to agree to.

    Args:
        connection: The caller's transaction.
        action: What is to be done, a short name.
        about: To what.
        registry: That it belongs to: who may agree looks after that one.
        by: Who asks.
        reason: Why, in a sentence.
        clock: Says when.

    Raises:
        Refused: ``pair-reason``.
    """
    told = reason.strip()
    if not 0 < len(told) <= REASON_MOST or not told.isprintable():
        raise Refused("pair-reason")
    until = (clock.now() + timedelta(hours=ASKED_HOURS)).strftime(STAMP)
    made = Pair(clock.new_id(), action, about, registry, by, clock.stamp(), told, "", "", "", "", until)
    connection.execute(insert(PAIR).values(asdict(made)))
    return made


def agree(connection: Connection, id: str, by: Grant, clock: Clock) -> Pair:  # noqa: A002 -- ours
    """Somebody else agrees: who asked may do it now, once.

    Raises:
        Refused: ``not-found``; ``pair-state`` when it waits for nobody any more.
        Forbidden: ``two-persons`` for who asked, however spelled; ``proof-old``.
    """
    return _decide(connection, id, by, "agreed", clock)


def refuse(connection: Connection, id: str, by: Grant, clock: Clock) -> Pair:  # noqa: A002
    """Somebody else says no.

    Raises:
        Refused: ``not-found``, ``pair-state``.
        Forbidden: ``two-persons``, ``proof-old``.
    """
    return _decide(connection, id, by, "refused", clock)


def take(connection: Connection, id: str, by: str, action: str, clock: Clock) -> Pair:  # noqa: A002
    """Uses an agreement up; the caller does what was agreed to in the same transaction.

    Args:
        connection: The caller's transaction.
        id: Of the pair.
        by: Who asked.
        action: What is about to be done: an agreement to something else is none.
        clock: Says when.

    Raises:
        Refused: ``not-found`` also for what somebody else asked for; ``pair-state`` when it was refused, used or has
            expired.
        NotYet: ``pair-waiting`` when nobody has agreed yet.
    """
    known = find(connection, id)
    if known.asked_by != by or known.action != action:
        raise Refused("not-found")
    state = known.state(clock.stamp())
    if state == "asked":
        raise NotYet("pair-waiting")
    now = (PAIR.c.id == id, PAIR.c.decision == "agreed", PAIR.c.used_at == "", PAIR.c.expires_at > clock.stamp())
    if not connection.execute(update(PAIR).where(*now).values(used_at=clock.stamp())).rowcount:
        raise Refused("pair-state", state=find(connection, id).state(clock.stamp()))
    return find(connection, id)


def find(connection: Connection, id: str) -> Pair:  # noqa: A002
    """One of them.

    Raises:
        Refused: ``not-found``.
    """
    row = connection.execute(select(PAIR).where(PAIR.c.id == id)).one_or_none()
    if row is None:
        raise Refused("not-found")
    return _pair(row)


def pairs(connection: Connection, registries: Iterable[str], actions: Iterable[str]) -> tuple[Pair, ...]:
    """The last ones of these actions in these registries, the newest first."""
    mine = (PAIR.c.registry.in_(list(registries)), PAIR.c.action.in_(list(actions)))
    query = select(PAIR).where(*mine).order_by(PAIR.c.asked_at.desc(), PAIR.c.id).limit(LISTED_MOST)
    return tuple(_pair(row) for row in connection.execute(query))


def _decide(connection: Connection, id: str, by: Grant, decision: str, clock: Clock) -> Pair:  # noqa: A002
    if not by.fresh:
        raise Forbidden("proof-old")
    known = find(connection, id)
    if same_person(known.asked_by, by.name) or not person(by.name):
        raise Forbidden("two-persons")
    waiting = (PAIR.c.id == id, PAIR.c.decision == "", PAIR.c.expires_at > clock.stamp())
    until = (clock.now() + timedelta(minutes=AGREED_MINUTES)).strftime(STAMP)
    decided = {"decision": decision, "decided_by": by.name, "decided_at": clock.stamp(), "expires_at": until}
    if not connection.execute(update(PAIR).where(*waiting).values(decided)).rowcount:
        raise Refused("pair-state", state=find(connection, id).state(clock.stamp()))
    return find(connection, id)


def _pair(row: Row[*tuple[Any, ...]]) -> Pair:
    return Pair(*row)  # the columns stand in the order of the fields
