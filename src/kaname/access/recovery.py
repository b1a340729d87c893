"""Recovery codes: ten secrets on paper, each of which stands once for the second factor that somebody has lost.

A code has 60 random bits, so its digest needs no slow hash: trying all of them takes 10^18 steps. The digest is keyed
all the same (:mod:`kaname.access.sealing`), so that a copy of the index alone allows no try at all.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Engine, delete, select, update

from kaname.access.accounts import LETTERS, forget_tries, note_try
from kaname.access.factors import New, keep_factor, tries_of, typed
from kaname.access.index import FACTOR
from kaname.access.remembered import changing
from kaname.access.sealing import Sealer
from kaname.clock import Clock
from kaname.database import writing
from kaname.errors import Forbidden, Refused

CODES = 10
GROUPS, GROUP_LETTERS = 3, 4
LABEL = "recovery"


def make_codes(index: Engine, sealer: Sealer, name: str, clock: Clock) -> tuple[str, ...]:
    """A new set, to be shown once; the old one opens nothing any more.

    Raises:
        Refused: ``recovery-alone`` for who has no app and no passkey, ``not-found``.
    """
    codes = tuple(_code() for _ in range(CODES))
    data = {"digests": sorted(sealer.digest(typed(code), name) for code in codes)}
    with changing(index) as connection:
        other = select(FACTOR.c.id).where(FACTOR.c.name == name, FACTOR.c.kind != "recovery")
        if connection.execute(other.limit(1)).first() is None:
            raise Refused("recovery-alone")
        connection.execute(delete(FACTOR).where(FACTOR.c.name == name, FACTOR.c.kind == "recovery"))
        keep_factor(connection, New(name, "recovery", clock.new_id(), LABEL, data), clock)
    return codes


def spend_code(index: Engine, sealer: Sealer, name: str, code: str, clock: Clock) -> int:
    """Uses a code up: of two who show it at once, one gets in.

    Returns:
        How many are left.

    Raises:
        Forbidden: ``code-wrong``, ``signin-locked``.
    """
    note_try(index, tries_of(name), clock)
    shown = sealer.digest(typed(code), name)
    own = select(FACTOR).where(FACTOR.c.name == name, FACTOR.c.kind == "recovery")
    with writing(index) as connection:
        row = connection.execute(own.with_for_update()).one_or_none()
        if row is None or shown not in row.data["digests"]:
            raise Forbidden("code-wrong")
        left = [digest for digest in row.data["digests"] if digest != shown]
        spent = {"data": {"digests": left}, "used_at": clock.stamp()}
        connection.execute(update(FACTOR).where(FACTOR.c.id == row.id).values(spent))
    forget_tries(index, tries_of(name))
    return len(left)


def _code() -> str:
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP_LETTERS)) for _ in range(GROUPS))
    return "-".join(groups)
