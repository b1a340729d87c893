"""People who sign in by a name and a password.

Of a password only its argon2id hash is kept, with the second parameters that RFC 9106 section 4 recommends (64 MiB,
three passes, four lanes). An unknown name costs the same time and gets the same answer as a wrong password, and is
locked out in the same way, so that nobody learns here who has an account. A one-time address from the node's command
line (:mod:`kaname.access.sessions`) opens the console even while a name is locked out.

What somebody may do hangs on their parts (:mod:`kaname.access.model`). Whatever changes those, or ends an account,
counts at once, in open sessions and for tokens.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, text, update

from kaname.access.index import ACCOUNT, ATTEMPT, FACTOR
from kaname.access.model import Grant, Part, parts_json, parts_of
from kaname.access.remembered import changing
from kaname.access.sessions import STAMP, Factor, Opening, Session, begin_session, end_sessions_of
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Forbidden, Refused
from kaname.store import digest_bytes

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSES, MEMORY_KIB, LANES = 3, 64 << 10, 4
AT_ONCE = BoundedSemaphore(2)
"""Hashes under way in this process: each takes 64 MiB, and who asks more often waits."""
LEAST, MOST = 12, 128
"""Characters of a password."""
NAME_MOST = 64
WRONG_MOST = 5
LOCK_MINUTES = 15
"""After :data:`WRONG_MOST` wrong passwords within these minutes none is looked at until the first of them is older."""
TRY_LOCK = 0x747279
"""Key of the PostgreSQL advisory lock that puts tries in a row."""
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of passwords that are made up: nothing that looks like something else. Thirty-two: five bits each."""
GROUPS, GROUP_LETTERS = 5, 4


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in."""

    name: str
    parts: tuple[Part, ...]
    organisation: str
    """Id of the organisation they belong to; empty for none."""
    subject: str
    """Who they are at an identity provider, as ``issuer subject``; empty for who signs in here."""
    until: str
    """When the account ends; empty for never."""
    made_at: str
    """UTC, ISO 8601 with seconds."""
    changed_at: str
    """When the password was set last."""
    password: bool
    """Whether they have one."""
    factors: tuple[str, ...]
    """Kinds of their second factors."""
    locked: bool
    """Whether it was tried so often that none is looked at now."""


def random_password() -> str:
    """A password of 100 random bits, to be shown once."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP_LETTERS)) for _ in range(GROUPS))
    return "-".join(groups)


def add_account(  # noqa: PLR0913 -- what an account has
    index: Engine,
    name: str,
    parts: Iterable[Part],
    password: str | None,
    clock: Clock,
    *,
    organisation: str = "",
    subject: str = "",
    until: str = "",
) -> None:
    """Makes an account.

    Args:
        index: The node's index.
        name: Of the person, as it stands in the ledger.
        parts: What they do here.
        password: Their first one; ``None`` for who signs in elsewhere, or by an address that an operator makes.
        clock: Says when.
        organisation: Id of the organisation they belong to.
        subject: ``issuer subject`` at an identity provider.
        until: When it ends (UTC, ISO 8601 with seconds); empty for never.

    Raises:
        Refused: ``account-name``, ``account-exists``, ``password-weak``.
    """
    kept = "" if password is None else _hashed(name, password)
    with changing(index) as connection:
        enter(connection, name, parts, clock, kept=kept, organisation=organisation, subject=subject, until=until)


def enter(  # noqa: PLR0913 -- what an account has
    connection: Connection,
    name: str,
    parts: Iterable[Part],
    clock: Clock,
    *,
    kept: str = "",
    organisation: str = "",
    subject: str = "",
    until: str = "",
) -> None:
    """As :func:`add_account`, in a transaction of :func:`kaname.access.remembered.changing`; ``kept`` is of a password.

    Raises:
        Refused: ``account-name``, ``account-exists``.
    """
    if not 0 < len(name) <= NAME_MOST or not name.isprintable() or name != name.strip():
        raise Refused("account-name")
    if connection.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.name == name)).first() is not None:
        raise Refused("account-exists")
    at = clock.stamp()
    own = {"parts": parts_json(parts), "organisation": organisation, "subject": subject, "until": until}
    connection.execute(insert(ACCOUNT).values(name=name, password=kept, made_at=at, changed_at=at, **own))


def set_password(index: Engine, name: str, password: str, clock: Clock) -> None:
    """Sets a new password. Open sessions of that person end, and a lock is lifted.

    Raises:
        Refused: ``not-found``, ``password-weak``.
    """
    kept = _hashed(name, password)
    with changing(index) as connection:
        new = update(ACCOUNT).where(ACCOUNT.c.name == name).values(password=kept, changed_at=clock.stamp())
        if not connection.execute(new).rowcount:
            raise Refused("not-found")
        end_sessions_of(connection, name)
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.who == _who(name)))


def set_parts(index: Engine, name: str, parts: Iterable[Part]) -> None:
    """Sets what somebody does here. What they no longer do ends at once; what is new counts from the next sign-in.

    Raises:
        Refused: ``not-found``.
    """
    with changing(index) as connection:
        put_parts(connection, name, parts)


def put_parts(connection: Connection, name: str, parts: Iterable[Part]) -> None:
    """As :func:`set_parts`, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``not-found``.
    """
    new = update(ACCOUNT).where(ACCOUNT.c.name == name).values(parts=parts_json(parts))
    if not connection.execute(new).rowcount:
        raise Refused("not-found")


def parts_now(connection: Connection, name: str) -> tuple[Part, ...]:
    """What somebody does here, as it stands in that transaction.

    Raises:
        Refused: ``not-found``.
    """
    kept = connection.execute(select(ACCOUNT.c.parts).where(ACCOUNT.c.name == name)).one_or_none()
    if kept is None:
        raise Refused("not-found")
    return parts_of(kept.parts)


def account(index: Engine, name: str, clock: Clock) -> Account:
    """One account.

    Raises:
        Refused: ``not-found``.
    """
    for one in _accounts(index, clock, name):
        return one
    raise Refused("not-found")


def account_of_subject(index: Engine, subject: str) -> str:
    """Name of the account of somebody at an identity provider; empty when there is none."""
    with reading(index) as connection:
        found = select(ACCOUNT.c.name).where(ACCOUNT.c.subject == subject, ACCOUNT.c.subject != "")
        return connection.scalar(found) or ""


def accounts(index: Engine, clock: Clock) -> tuple[Account, ...]:
    """Everybody who has an account, by name."""
    return _accounts(index, clock)


def sign_in(index: Engine, name: str, password: str, clock: Clock) -> Session:
    """A session of the console for who knows the password of that name.

    Every try is written down before the password is looked at, so that many tries at once are not more than
    :data:`WRONG_MOST`; the right one takes those of its name away again.

    Raises:
        Forbidden: ``signin-locked``; ``password-wrong`` also for an unknown name.
    """
    name = name.strip()
    kept = checked_password(index, name, password, clock)
    with writing(index) as connection:
        row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.name == name)).one_or_none()
        if row is None or row.password != kept:  # revoked or changed meanwhile
            raise Forbidden("password-wrong")
        opening = Opening(Grant(name, parts_of(row.parts)), name, ("password",))
        return begin_session(connection, opening, place="console", clock=clock)


def sign_in_by(index: Engine, name: str, factor: Factor, clock: Clock, proved_at: str = "") -> Session:
    """A session of the console for who has shown otherwise that this account is theirs, just now or at a time.

    Raises:
        Forbidden: ``signin-invalid`` when there is no such account, or no longer.
    """
    with writing(index) as connection:
        row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.name == name)).one_or_none()
        if row is None or (row.until and clock.stamp() >= row.until):
            raise Forbidden("signin-invalid")
        opening = Opening(Grant(name, parts_of(row.parts)), name, (factor,), proved_at)
        return begin_session(connection, opening, place="console", clock=clock)


def checked_password(index: Engine, name: str, password: str, clock: Clock) -> str:
    """What is kept of the password of that name, once it was found right.

    Raises:
        Forbidden: ``signin-locked``; ``password-wrong`` also for an unknown name, an ended account, and for who has no
            password.
    """
    note_try(index, name, clock)
    with reading(index) as connection:
        row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.name == name)).one_or_none()
    kept = row.password if row is not None and row.password else _nobody()
    right = _verified(kept, password)
    if not right or row is None or kept != row.password or (row.until and clock.stamp() >= row.until):
        raise Forbidden("password-wrong")
    forget_tries(index, name)
    return kept


def forget_tries(index: Engine, name: str) -> None:
    """Takes the tries of a name away: the right one was among them."""
    with writing(index) as connection:
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.who == _who(name)))


def _accounts(index: Engine, clock: Clock, name: str | None = None) -> tuple[Account, ...]:
    query = select(ACCOUNT).order_by(ACCOUNT.c.name)
    tried = select(ATTEMPT.c.who).where(ATTEMPT.c.at > _since(clock)).group_by(ATTEMPT.c.who)
    factors: dict[str, set[str]] = {}
    with reading(index) as connection:
        rows = connection.execute(query if name is None else query.where(ACCOUNT.c.name == name)).all()
        locked = set(connection.scalars(tried.having(func.count() >= WRONG_MOST)))
        for whose, kind in connection.execute(select(FACTOR.c.name, FACTOR.c.kind)):
            factors.setdefault(whose, set()).add(kind)
    return tuple(_account(row, factors.get(row.name, set()), locked=_who(row.name) in locked) for row in rows)


def _account(row: Row[tuple[object, ...]], factors: set[str], *, locked: bool) -> Account:
    return Account(
        name=row.name,
        parts=parts_of(row.parts),
        organisation=row.organisation,
        subject=row.subject,
        until=row.until,
        made_at=row.made_at,
        changed_at=row.changed_at,
        password=bool(row.password),
        factors=tuple(sorted(factors)),
        locked=locked,
    )


def note_try(index: Engine, name: str, clock: Clock) -> None:
    """Writes down that somebody is about to show who they are; :func:`forget_tries` takes it away once they have.

    Raises:
        Forbidden: ``signin-locked``.
    """
    with writing(index) as connection:
        if connection.dialect.name == "postgresql":  # on SQLite, the write lock has put tries in a row
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": TRY_LOCK})
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.at <= _since(clock)))
        tried = select(func.count()).select_from(ATTEMPT).where(ATTEMPT.c.who == _who(name))
        if connection.execute(tried).scalar_one() >= WRONG_MOST:
            raise Forbidden("signin-locked", minutes=LOCK_MINUTES)
        connection.execute(insert(ATTEMPT).values(id=clock.new_id(), who=_who(name), at=clock.stamp()))


def _hashed(name: str, password: str) -> str:
    same = _plain(password)
    if not LEAST <= len(same) <= MOST or same.casefold() == name.casefold() or len(set(same)) < LEAST // 2:
        raise Refused("password-weak", least=LEAST, most=MOST)
    with AT_ONCE:
        return _hasher().hash(same)


def _verified(kept: str, password: str) -> bool:
    from argon2.exceptions import VerifyMismatchError

    try:
        with AT_ONCE:
            return _hasher().verify(kept, _plain(password)[: MOST + 1])
    except VerifyMismatchError:
        return False


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher, Type

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)


@cache
def _nobody() -> str:
    """A hash that no password has, for names that nobody has."""
    with AT_ONCE:
        return _hasher().hash(secrets.token_urlsafe())


def _plain(password: str) -> str:
    """One spelling: a Japanese keyboard may give full-width letters (RFC 8265 asks for NFC; width is mapped, too)."""
    return unicodedata.normalize("NFKC", password)


def _who(name: str) -> str:
    return digest_bytes(name.encode())


def _since(clock: Clock) -> str:
    return (clock.now() - timedelta(minutes=LOCK_MINUTES)).strftime(STAMP)
