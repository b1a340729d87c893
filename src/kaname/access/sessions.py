"""Sessions of a browser, each opened by a secret that works once. Only digests of secrets are kept.

Somebody at the node's command line makes a sign-in; whoever shows its secret first gets a session, and the sign-in is
gone. Who has a password gets a session by that (:mod:`kaname.access.accounts`). The console makes such secrets too:
tickets that open one study at the viewer's own origin.

A ticket says itself what it is for (``secret~1.2.840…``), and its digest covers that: the index never learns which
study somebody looked at, so nothing has to be taken out of it when a subject withdraws.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection, Engine, Table, delete, insert, select

from kaname.access.index import ACCOUNT, SESSION, SIGNIN, TOKEN
from kaname.access.tokens import Grant
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Forbidden, Refused
from kaname.store import digest_bytes

Place = Literal["console", "viewer"]
"""Which origin a session is good at: neither takes the other's."""

SIGNIN_MINUTES = 15
SESSION_HOURS = 8
"""A session ends after a working day, whatever was done in it."""
SECRET_BYTES = 32
ABOUT = "~"
"""Stands between the random part of a secret and what it is about; in no UID and in no random part."""
STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody's open session."""

    secret: str
    """What the browser shows; never printed, never kept here."""
    grant: Grant
    expires_at: str
    """UTC, ISO 8601 with seconds."""

    def __repr__(self) -> str:
        return f"Session({self.grant.name})"

    @property
    def about(self) -> str:
        """What it was made for, e.g. a Study Instance UID; empty for the whole console."""
        return self.secret.partition(ABOUT)[2]

    @property
    def form_token(self) -> str:
        """What every form of this session carries, so that no other page can send one for its owner."""
        return hmac.digest(self.secret.encode(), b"kaname form", sha256).hex()

    def sent_from_its_own_form(self, token: str) -> bool:
        """Whether ``token`` is the one that this session's forms carry."""
        return hmac.compare_digest(token.encode(), self.form_token.encode())


def make_signin(index: Engine, grant: Grant, *, place: Place, clock: Clock, about: str = "") -> str:
    """Makes a secret that opens one session for ``grant`` within :data:`SIGNIN_MINUTES`; it is kept nowhere.

    Args:
        index: The node's index.
        grant: Who signs in, with which duties in which registries.
        place: Where the session will be good.
        clock: Says when it expires.
        about: What the session will be for; becomes part of the secret.
    """
    with writing(index) as connection:
        _sweep(connection, clock)
        return _write(connection, SIGNIN, grant, place, about, _after(clock, timedelta(minutes=SIGNIN_MINUTES)))


def open_session(index: Engine, signin: str, *, place: Place, clock: Clock) -> Session:
    """Opens the session of a sign-in, which is used up by that: of two who show it at once, one gets in.

    Raises:
        Forbidden: ``signin-invalid`` (unknown, used, expired, or for another place).
    """
    with writing(index) as connection:
        _sweep(connection, clock)
        used = delete(SIGNIN).where(SIGNIN.c.digest == _digest(signin), SIGNIN.c.place == place).returning(SIGNIN)
        row = connection.execute(used).one_or_none()
        if row is None:
            raise Forbidden("signin-invalid")
        grant = Grant(row.name, tuple(row.registries), tuple(row.duties))
        return begin_session(connection, grant, place=place, clock=clock, about=signin.partition(ABOUT)[2])


def begin_session(connection: Connection, grant: Grant, *, place: Place, clock: Clock, about: str = "") -> Session:
    """A new session for who has just shown who they are, in the caller's transaction."""
    expires_at = _after(clock, timedelta(hours=SESSION_HOURS))
    secret = _write(connection, SESSION, grant, place, about, expires_at)
    return Session(secret, grant, expires_at)


def check_session(index: Engine, secret: str, *, place: Place, clock: Clock) -> Session:
    """The session that a browser shows.

    Raises:
        Forbidden: ``session-ended`` (none, unknown, signed out, expired, or for another place).
    """
    found = select(SESSION).where(SESSION.c.digest == _digest(secret), SESSION.c.place == place)
    with reading(index) as connection:
        row = connection.execute(found).one_or_none() if secret else None
    if row is None or clock.stamp() >= row.expires_at:
        raise Forbidden("session-ended")
    return Session(secret, Grant(row.name, tuple(row.registries), tuple(row.duties)), row.expires_at)


def end_session(index: Engine, secret: str) -> None:
    """Ends a session for good. One that is not there stays so."""
    with writing(index) as connection:
        connection.execute(delete(SESSION).where(SESSION.c.digest == _digest(secret)))


def revoke_grants(index: Engine, name: str) -> int:
    """Takes everything from whoever bears this name, at once: the password, tokens, sign-ins and open sessions.

    Returns:
        How many there were.

    Raises:
        Refused: ``not-found`` when there was none.
    """
    with writing(index) as connection:
        tables = (ACCOUNT, TOKEN, SIGNIN, SESSION)
        gone = sum(connection.execute(delete(one).where(one.c.name == name)).rowcount for one in tables)
    if not gone:
        raise Refused("not-found")
    return gone


def _write(connection: Connection, table: Table, grant: Grant, place: Place, about: str, expires_at: str) -> str:
    """A row under the digest of a fresh secret; returns the secret."""
    random = secrets.token_urlsafe(SECRET_BYTES)
    secret = f"{random}{ABOUT}{about}" if about else random
    connection.execute(
        insert(table).values(
            digest=_digest(secret),
            place=place,
            name=grant.name,
            registries=list(grant.registries),
            duties=list(grant.duties),
            expires_at=expires_at,
        )
    )
    return secret


def _sweep(connection: Connection, clock: Clock) -> None:
    """Rows that have expired go: they open nothing any more."""
    for table in (SIGNIN, SESSION):
        connection.execute(delete(table).where(table.c.expires_at <= clock.stamp()))


def _after(clock: Clock, time: timedelta) -> str:
    return (clock.now() + time).strftime(STAMP)


def _digest(secret: str) -> str:
    return digest_bytes(secret.encode())
