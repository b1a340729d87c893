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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection, Engine, delete, insert, select, update

from kaname.access.index import ACCOUNT, FACTOR, PAIR, SESSION, SIGNIN, TOKEN, TRAINING
from kaname.access.model import Duty, Grant, Part, parts_json, parts_of
from kaname.access.remembered import changing, recall
from kaname.clock import Clock
from kaname.database import writing
from kaname.errors import Forbidden, Refused
from kaname.store import digest_bytes

Place = Literal["console", "viewer"]
"""Which origin a session is good at: neither takes the other's."""
Factor = Literal["password", "totp", "passkey", "recovery", "elsewhere", "address"]
"""How somebody showed who they are: a password, a one-time code, a passkey, a recovery code, at the identity provider
of their organisation, by an address that an operator made."""
STRONG: frozenset[str] = frozenset({"totp", "passkey", "recovery", "elsewhere", "address"})
"""Any of these beside the password makes two; a passkey is two by itself (something one has, opened by something one
knows or is), an identity provider and an operator vouch for theirs."""

SIGNIN_MINUTES = 15
FRESH_MINUTES = 15
"""How long after showing who they are somebody may release, look up an identity or change what people may do."""
SESSION_HOURS = 8
"""A session ends after a working day, whatever was done in it."""
SECRET_BYTES = 32
ABOUT = "~"
"""Stands between the random part of a secret and what it is about; in no UID and in no random part."""
STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a session is opened with."""

    grant: Grant
    """Name, parts and duties."""
    owner: str = ""
    """The account whose session it is: what that person may no longer do, it may not either. Empty for none."""
    factors: tuple[Factor, ...] = ()
    proved_at: str = ""
    """When they showed who they are (UTC, ISO 8601 with seconds); empty for now."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody's open session."""

    secret: str
    """What the browser shows; never printed, never kept here."""
    grant: Grant
    expires_at: str
    """UTC, ISO 8601 with seconds."""
    owner: str = ""
    """Name of the account; empty for who came in by an operator's address alone."""
    factors: tuple[Factor, ...] = ()
    proved_at: str = ""
    """When they showed last who they are."""

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


@dataclass(frozen=True, slots=True)
class _Known:
    """A session as the index has it."""

    opening: Opening
    parts: tuple[Part, ...]
    """Of those that it was opened with, the ones that its owner still plays."""
    has_factor: bool
    proved_at: str
    expires_at: str


def make_signin(index: Engine, grant: Grant, *, place: Place, clock: Clock, about: str = "", owner: str = "") -> str:
    """Makes a secret that opens one session for ``grant`` within :data:`SIGNIN_MINUTES`; it is kept nowhere.

    Args:
        index: The node's index.
        grant: Who signs in, with which parts and duties.
        place: Where the session will be good.
        clock: Says when it expires.
        about: What the session will be for; becomes part of the secret.
        owner: The account whose session it will be, if any.
    """
    secret = _secret(about)
    with writing(index) as connection:
        _sweep(connection, clock)
        connection.execute(
            insert(SIGNIN).values(
                digest=_digest(secret),
                place=place,
                name=grant.name,
                owner=owner,
                parts=parts_json(grant.parts),
                duties=list(grant.duties),
                expires_at=_after(clock, timedelta(minutes=SIGNIN_MINUTES)),
            )
        )
    return secret


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
        grant = Grant(row.name, parts_of(row.parts), tuple(row.duties))
        opening = Opening(grant, row.owner, ("address",))
        return begin_session(connection, opening, place=place, clock=clock, about=signin.partition(ABOUT)[2])


def begin_session(connection: Connection, opening: Opening, *, place: Place, clock: Clock, about: str = "") -> Session:
    """A new session for who has just shown who they are, in the caller's transaction."""
    secret, expires_at = _secret(about), _after(clock, timedelta(hours=SESSION_HOURS))
    proved_at = opening.proved_at or clock.stamp()
    connection.execute(
        insert(SESSION).values(
            digest=_digest(secret),
            place=place,
            name=opening.grant.name,
            owner=opening.owner,
            parts=parts_json(opening.grant.parts),
            duties=list(opening.grant.duties),
            factors=list(opening.factors),
            proved_at=proved_at,
            expires_at=expires_at,
        )
    )
    grant = replace(opening.grant, channel=place, fresh=True)
    return Session(secret, grant, expires_at, opening.owner, opening.factors, proved_at)


def check_session(index: Engine, secret: str, *, place: Place, clock: Clock, demanded: Sequence[str] = ()) -> Session:
    """The session that a browser shows.

    Args:
        index: The node's index.
        secret: What it shows.
        place: Where it shows it.
        clock: Says whether it has expired.
        demanded: Roles of which a second factor is demanded, whoever plays them. Who has one is always asked for it.

    Raises:
        Forbidden: ``session-ended`` (none, unknown, signed out, expired, or for another place).
    """
    digest = _digest(secret)
    known = recall(index, (place, digest), _Known, lambda connection: _read(connection, digest, place))
    if not secret or known is None or clock.stamp() >= known.expires_at:
        raise Forbidden("session-ended")
    opening = known.opening
    asked = known.has_factor or not {part.role for part in known.parts}.isdisjoint(demanded)
    grant = replace(
        opening.grant,
        parts=known.parts,
        channel=place,
        fresh=known.proved_at > _after(clock, -timedelta(minutes=FRESH_MINUTES)),
        weak=bool(opening.owner) and asked and not STRONG & {*opening.factors},
    )
    return Session(secret, grant, known.expires_at, opening.owner, opening.factors, known.proved_at)


def prove_again(index: Engine, session: Session, factor: Factor, *, clock: Clock) -> Session:
    """Another secret for a session whose owner has just shown who they are once more; the old one opens nothing.

    Raises:
        Forbidden: ``session-ended`` when it ended meanwhile.
    """
    secret = _secret(session.about)
    factors = tuple(dict.fromkeys((*session.factors, factor)))
    now = {"digest": _digest(secret), "factors": list(factors), "proved_at": clock.stamp()}
    with changing(index) as connection:
        if not connection.execute(
            update(SESSION).where(SESSION.c.digest == _digest(session.secret)).values(now)
        ).rowcount:
            raise Forbidden("session-ended")
    weak = session.grant.weak and factor not in STRONG
    grant = replace(session.grant, fresh=True, weak=weak)
    return Session(secret, grant, session.expires_at, session.owner, factors, clock.stamp())


def end_session(index: Engine, secret: str) -> None:
    """Ends a session for good; with one of the console, what its owner has open in the viewer. None there: none ends.

    The viewer knows nothing of signing out: who comes next to that browser would see, and answer, as who went.
    """
    gone = delete(SESSION).where(SESSION.c.digest == _digest(secret)).returning(SESSION.c.place, SESSION.c.name)
    with changing(index) as connection:
        row = connection.execute(gone).one_or_none()
        if row is not None and row.place == "console":
            for table in (SIGNIN, SESSION):
                connection.execute(delete(table).where(table.c.name == row.name, table.c.place == "viewer"))


def end_sessions_of(connection: Connection, name: str) -> int:
    """Ends every session and sign-in of whoever bears this name, in a transaction of :func:`changing`."""
    return sum(connection.execute(delete(one).where(one.c.name == name)).rowcount for one in (SIGNIN, SESSION))


def revoke_grants(index: Engine, name: str) -> int:
    """Takes everything from whoever bears this name, at once: the password, second factors, tokens and sessions.

    Returns:
        How many there were.

    Raises:
        Refused: ``not-found`` when there was none.
    """
    with changing(index) as connection:
        gone = take_everything(connection, name)
    if not gone:
        raise Refused("not-found")
    return gone


def take_everything(connection: Connection, name: str) -> int:
    """As :func:`revoke_grants`, in a transaction of :func:`changing`; 0 when there was nothing."""
    mine = (ACCOUNT, FACTOR, TOKEN, TRAINING)  # who gets the name next was trained in nothing
    gone = sum(connection.execute(delete(one).where(one.c.name == name)).rowcount for one in mine)
    gone += connection.execute(delete(TOKEN).where(TOKEN.c.owner == name)).rowcount
    asked = update(PAIR).where(PAIR.c.asked_by == name, PAIR.c.used_at == "")
    connection.execute(asked.values(decision="refused"))  # nor does the next one what was agreed to for this one
    return gone + end_sessions_of(connection, name)


def _read(connection: Connection, digest: str, place: Place) -> _Known | None:
    row = connection.execute(select(SESSION).where(SESSION.c.digest == digest, SESSION.c.place == place)).one_or_none()
    if row is None:
        return None
    parts, duties = parts_of(row.parts), tuple[Duty, ...](row.duties)
    opening = Opening(Grant(row.name, parts, duties), row.owner, tuple[Factor, ...](row.factors))
    if not row.owner:
        return _Known(opening, parts, has_factor=False, proved_at=row.proved_at, expires_at=row.expires_at)
    account = connection.execute(select(ACCOUNT).where(ACCOUNT.c.name == row.owner)).one_or_none()
    if account is None:
        return None
    now = set(parts_of(account.parts))
    has_factor = connection.execute(select(FACTOR.c.id).where(FACTOR.c.name == row.owner).limit(1)).first() is not None
    expires_at = min(row.expires_at, account.until or row.expires_at)
    return _Known(opening, tuple(part for part in parts if part in now), has_factor, row.proved_at, expires_at)


def _secret(about: str) -> str:
    random = secrets.token_urlsafe(SECRET_BYTES)
    return f"{random}{ABOUT}{about}" if about else random


def _sweep(connection: Connection, clock: Clock) -> None:
    """Rows that have expired go: they open nothing any more."""
    for table in (SIGNIN, SESSION):
        connection.execute(delete(table).where(table.c.expires_at <= clock.stamp()))


def _after(clock: Clock, time: timedelta) -> str:
    return (clock.now() + time).strftime(STAMP)


def _digest(secret: str) -> str:
    return digest_bytes(secret.encode())
