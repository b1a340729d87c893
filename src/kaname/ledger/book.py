"""Appending to the ledger, reading it, and checking that its chain holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sqlalchemy import Connection, Engine, Row, Select, insert, select, text

from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.ledger.canonical import Json, canonical
from kaname.ledger.chain import Chain
from kaname.ledger.index import LEDGER
from kaname.ledger.model import Event, Head, event_digest

PAGE = 1000
"""Events read in one transaction: a long walk holds no snapshot open."""
APPEND_LOCK = 0x6C6564676572
"""Key of the PostgreSQL advisory lock that puts appends in a row (SQLite has the write lock)."""

Fields = tuple[int, str, str, str, str, str, str, str]


class Ledger:
    """The ledger of one node, in its index. Safe with many threads and processes on one database."""

    def __init__(self, index: Engine, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def append(
        self,
        action: str,
        about: str,
        *,
        actor: str,
        facts: Mapping[str, Json] | None = None,
        connection: Connection | None = None,
    ) -> Event:
        """Writes the next event down.

        Args:
            action: What happened, e.g. ``parcel.accepted``.
            about: The digest or id that it happened to.
            actor: Who did it.
            facts: Numbers, tags, our ids and digests.
            connection: A transaction of ``kaname.database.writing`` to join, so that the event stands exactly when
                the caller's rows stand; by default the event has its own.

        Raises:
            ValueError, TypeError: when ``facts`` is no JSON (a bug).
            NotYet: what :func:`kaname.database.writing` raises.
        """
        draft = Event(0, self._clock.stamp(), actor, action, about, dict(facts or {}), "", "")
        if connection is not None:
            return _append(connection, draft)
        with writing(self._index) as own:
            return _append(own, draft)

    def head(self) -> Head:
        """Where the ledger ends now; sequence 0 when it is empty."""
        with reading(self._index) as connection:
            return _head(connection)

    def verify(self, known: Iterable[Head] = ()) -> Head:
        """Walks all events and recomputes every digest and link.

        Args:
            known: Heads that somebody else has kept (a receipt names one): each must still be in the chain. Without
                them, events cut off at the end cannot be missed.

        Returns:
            The head.

        Raises:
            Refused: ``ledger-broken`` with the ``sequence`` of the first event that does not hold.
        """
        chain = Chain(known)
        for fields in self._rows(select(LEDGER)):
            chain.take(_sound(fields))
        return chain.end()

    def events(self, *, after: int = 0, action: str | None = None, about: str | None = None) -> Iterator[Event]:
        """Events with a greater sequence number than ``after``, in order, of one action or about one thing if given."""
        query = select(LEDGER)
        if action is not None:
            query = query.where(LEDGER.c.action == action)
        if about is not None:
            query = query.where(LEDGER.c.about == about)
        return (_event(fields) for fields in self._rows(query, after))

    def latest(
        self, limit: int, *, before: int = 0, action: str | None = None, actor: str | None = None
    ) -> tuple[Event, ...]:
        """The last events, the newest first: numbered less than ``before``, of one action and actor if given."""
        query = select(LEDGER)
        if before:
            query = query.where(LEDGER.c.sequence < before)
        if action is not None:
            query = query.where(LEDGER.c.action == action)
        if actor is not None:
            query = query.where(LEDGER.c.actor == actor)
        with reading(self._index) as connection:
            rows = connection.execute(query.order_by(LEDGER.c.sequence.desc()).limit(limit))
            return tuple(_event(fields) for fields in rows)

    def _rows(self, query: Select[*Fields], after: int | None = None) -> Iterator[Row[*Fields]]:
        while True:
            page = query if after is None else query.where(LEDGER.c.sequence > after)
            with reading(self._index) as connection:
                rows = connection.execute(page.order_by(LEDGER.c.sequence).limit(PAGE)).all()
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].sequence


def _append(connection: Connection, draft: Event) -> Event:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": APPEND_LOCK})
    head = _head(connection)
    event = replace(draft, sequence=head.sequence + 1, previous=head.digest)
    event = replace(event, digest=event_digest(event))
    connection.execute(
        insert(LEDGER).values(
            sequence=event.sequence,
            at=event.at,
            actor=event.actor,
            action=event.action,
            about=event.about,
            facts=canonical(event.facts).decode(),
            previous=event.previous,
            digest=event.digest,
        )
    )
    return event


def _head(connection: Connection) -> Head:
    last = select(LEDGER.c.sequence, LEDGER.c.digest).order_by(LEDGER.c.sequence.desc()).limit(1)
    row = connection.execute(last).one_or_none()
    return Head() if row is None else Head(row.sequence, row.digest)


def _event(row: Row[*Fields]) -> Event:
    return Event(
        row.sequence, row.at, row.actor, row.action, row.about, json.loads(row.facts), row.previous, row.digest
    )


def _sound(row: Row[*Fields]) -> Event | None:
    """The event of a row, if it is spelled as it must be."""
    try:
        event = _event(row)
        spelled = canonical(event.facts).decode() == row.facts
    except (ValueError, TypeError, RecursionError):  # whatever somebody wrote there instead
        return None
    return event if spelled else None
