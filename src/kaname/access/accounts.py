"""People who sign in by a name and a password.

Of a password only its argon2id hash is kept, with the second parameters that RFC 9106 section 4 recommends (64 MiB,
three passes, four lanes). An unknown name costs the same time and gets the same answer as a wrong password, and is
locked out in the same way, so that nobody learns here who has an account. A one-time address from the node's command
line (:mod:`kaname.access.sessions`) opens the console even while a name is locked out.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from sqlalchemy import Engine, delete, func, insert, select, text, update

from kaname.access.index import ACCOUNT, ATTEMPT, SESSION
from kaname.access.sessions import STAMP, Session, begin_session
from kaname.access.tokens import Grant
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

    grant: Grant
    made_at: str
    """UTC, ISO 8601 with seconds."""
    changed_at: str
    """When the password was set last."""
    locked: bool
    """Whether it was tried so often that none is looked at now."""


def random_password() -> str:
    """A password of 100 random bits, to be shown once."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP_LETTERS)) for _ in range(GROUPS))
    return "-".join(groups)


def add_account(index: Engine, grant: Grant, password: str, clock: Clock) -> None:
    """Lets somebody sign in by a password, with the duties and registries of ``grant``.

    Raises:
        Refused: ``account-name``, ``account-exists``, ``password-weak``.
    """
    if not 0 < len(grant.name) <= NAME_MOST or not grant.name.isprintable() or grant.name != grant.name.strip():
        raise Refused("account-name")
    kept = _hashed(grant.name, password)
    with writing(index) as connection:
        if connection.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.name == grant.name)).first() is not None:
            raise Refused("account-exists")
        at = clock.stamp()
        own = {"registries": list(grant.registries), "duties": list(grant.duties)}
        connection.execute(insert(ACCOUNT).values(name=grant.name, password=kept, made_at=at, changed_at=at, **own))


def set_password(index: Engine, name: str, password: str, clock: Clock) -> None:
    """Sets a new password. Open sessions of that person end, and a lock is lifted.

    Raises:
        Refused: ``not-found``, ``password-weak``.
    """
    kept = _hashed(name, password)
    with writing(index) as connection:
        new = update(ACCOUNT).where(ACCOUNT.c.name == name).values(password=kept, changed_at=clock.stamp())
        if not connection.execute(new).rowcount:
            raise Refused("not-found")
        connection.execute(delete(SESSION).where(SESSION.c.name == name))
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.who == _who(name)))


def accounts(index: Engine, clock: Clock) -> tuple[Account, ...]:
    """Everybody who has a password, by name."""
    tried = select(ATTEMPT.c.who).where(ATTEMPT.c.at > _since(clock)).group_by(ATTEMPT.c.who)
    with reading(index) as connection:
        rows = connection.execute(select(ACCOUNT).order_by(ACCOUNT.c.name)).all()
        locked = set(connection.scalars(tried.having(func.count() >= WRONG_MOST)))
    return tuple(
        Account(
            Grant(row.name, tuple(row.registries), tuple(row.duties)),
            row.made_at,
            row.changed_at,
            _who(row.name) in locked,
        )
        for row in rows
    )


def sign_in(index: Engine, name: str, password: str, clock: Clock) -> Session:
    """A session of the console for who knows the password of that name.

    Every try is written down before the password is looked at, so that many tries at once are not more than
    :data:`WRONG_MOST`; the right one takes those of its name away again.

    Raises:
        Forbidden: ``signin-locked``; ``password-wrong`` also for an unknown name.
    """
    name = name.strip()
    _note_try(index, name, clock)
    with reading(index) as connection:
        row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.name == name)).one_or_none()
    kept = row.password if row is not None else _nobody()
    if not _verified(kept, password) or row is None:
        raise Forbidden("password-wrong")
    with writing(index) as connection:
        same = select(ACCOUNT).where(ACCOUNT.c.name == name, ACCOUNT.c.password == kept)
        still = connection.execute(same).one_or_none()  # neither revoked nor changed meanwhile
        if still is None:
            raise Forbidden("password-wrong")
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.who == _who(name)))
        grant = Grant(name, tuple(still.registries), tuple(still.duties))
        return begin_session(connection, grant, place="console", clock=clock)


def _note_try(index: Engine, name: str, clock: Clock) -> None:
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
