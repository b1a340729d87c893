"""The open sessions of one person, as that person sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, select

from kaname.access.index import SESSION, SIGNIN
from kaname.access.remembered import changing
from kaname.access.sessions import SESSION_HOURS, STAMP, Session
from kaname.clock import Clock
from kaname.database import reading
from kaname.store import digest_bytes


@dataclass(frozen=True, slots=True)
class Open:
    """A session that is open somewhere."""

    place: str
    """``console`` or ``viewer``."""
    factors: tuple[str, ...]
    """How its owner showed who they are."""
    begun_at: str
    """UTC, ISO 8601 with seconds."""
    this: bool
    """Whether it is the one that asks."""


def open_sessions(index: Engine, session: Session, clock: Clock) -> tuple[Open, ...]:
    """All of the owner's, the newest first."""
    digest = digest_bytes(session.secret.encode())
    query = select(SESSION).where(SESSION.c.owner == session.owner, SESSION.c.expires_at > clock.stamp())
    with reading(index) as connection:
        rows = connection.execute(query.order_by(SESSION.c.expires_at.desc(), SESSION.c.digest)).all()
    return tuple(Open(row.place, tuple(row.factors), _begun(row.expires_at), row.digest == digest) for row in rows)


def end_others(index: Engine, session: Session) -> int:
    """Ends every session of the owner but the one that asks; returns how many there were.

    Addresses and tickets that were not opened yet open nothing any more.
    """
    others = SESSION.c.digest != digest_bytes(session.secret.encode())
    with changing(index) as connection:
        connection.execute(delete(SIGNIN).where(SIGNIN.c.owner == session.owner))
        return connection.execute(delete(SESSION).where(SESSION.c.owner == session.owner, others)).rowcount


def _begun(expires_at: str) -> str:
    return (datetime.strptime(expires_at, STAMP).replace(tzinfo=UTC) - timedelta(hours=SESSION_HOURS)).strftime(STAMP)
