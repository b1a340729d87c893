"""Invitations: one node may become a partner once, under one name, by a code that it was told.

A code is 80 random bits. From it both sides make the same Ed25519 key; whoever joins signs with the private half, and
this table keeps the digest of the public half. So the code itself never travels, and the table lets nobody in.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, or_, select, update

from kaname.access.index import INVITATION
from kaname.access.signing import PublicKey, SigningKey
from kaname.clock import Clock
from kaname.database import reading
from kaname.errors import Refused

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that are read for one another: I and 1, O and 0."""
GROUPS, GROUP_LENGTH = 4, 4
"""16 letters of 5 bits."""
HOURS = 24
"""How long a code is good for, unless told otherwise."""
HOURS_MOST = 24 * 14
"""Longest that a code may be good for."""
TRIES = 5
"""Wrong codes for one invitation; then it is shut."""
AGAIN_MINUTES = 10
"""How long who used a code may ask once more for an answer that was lost."""
ID_LENGTH = 8
CONTEXT = b"kaname invitation 1\n"
CODE = re.compile(f"[{LETTERS}]{{{GROUPS * GROUP_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom a code was made for."""

    digest: str
    """Fingerprint of the key that is made from the code."""
    name: str
    role: str
    registries: tuple[str, ...]
    used: bool

    @property
    def id(self) -> str:
        """Names the invitation: the first eight digits of its digest."""
        return self.digest[:ID_LENGTH]


def key_of(code: str) -> SigningKey:
    """The key that both sides make from a code. Hyphens, spaces and small letters are as good.

    Raises:
        Refused: ``invitation-invalid`` when it is no code.
    """
    letters = re.sub(r"[\s-]", "", code).upper()
    if not CODE.fullmatch(letters):
        raise Refused("invitation-invalid")
    return SigningKey.from_seed(sha256(CONTEXT + letters.encode("ascii")).digest())


def invite(
    connection: Connection, name: str, role: str, registries: tuple[str, ...], *, hours: int, clock: Clock
) -> tuple[Invited, str]:
    """Makes an invitation.

    Returns:
        The invitation, and its code, which is kept nowhere.
    """
    letters = ["".join(secrets.choice(LETTERS) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS)]
    code = "-".join(letters)
    invited = Invited(key_of(code).public.fingerprint, name, role, registries, used=False)
    connection.execute(
        insert(INVITATION).values(
            digest=invited.digest,
            name=name,
            role=role,
            registries=list(registries),
            made_at=clock.stamp(),
            expires_at=Clock(now=lambda: clock.now() + timedelta(hours=hours)).stamp(),
            used_at="",
            tries=0,
        )
    )
    return invited, code


def any_open(index: Engine, *, clock: Clock) -> bool:
    """Whether anybody may still join, or ask again for an answer that was lost."""
    with reading(index) as connection:
        return connection.execute(select(INVITATION.c.digest).where(*_open(clock)).limit(1)).first() is not None


def invitation(connection: Connection, id_: str, *, clock: Clock) -> Invited | None:
    """The invitation of that id, unused or just used; ``None`` when there is none, it has expired or is shut."""
    query = select(INVITATION).where(INVITATION.c.digest.startswith(id_, autoescape=True), *_open(clock))
    for row in connection.execute(query):
        return _invited(row)
    return None


def matches(invited: Invited, key: PublicKey) -> bool:
    """Whether a key was made from the invitation's code."""
    return secrets.compare_digest(invited.digest, key.fingerprint)


def count_try(connection: Connection, invited: Invited) -> None:
    """Counts a wrong code."""
    mine = update(INVITATION).where(INVITATION.c.digest == invited.digest)
    connection.execute(mine.values(tries=INVITATION.c.tries + 1))


def use(connection: Connection, invited: Invited, *, clock: Clock) -> bool:
    """Uses an invitation up; ``False`` when somebody else was faster."""
    unused = update(INVITATION).where(INVITATION.c.digest == invited.digest, INVITATION.c.used_at == "", *_open(clock))
    return connection.execute(unused.values(used_at=clock.stamp())).rowcount == 1


def _open(clock: Clock) -> tuple[Any, ...]:
    lately = Clock(now=lambda: clock.now() - timedelta(minutes=AGAIN_MINUTES)).stamp()
    unused = or_(INVITATION.c.used_at == "", INVITATION.c.used_at > lately)
    return INVITATION.c.expires_at > clock.stamp(), INVITATION.c.tries < TRIES, unused


def _invited(row: Row[Any]) -> Invited:
    return Invited(row.digest, row.name, row.role, tuple(row.registries), used=bool(row.used_at))
