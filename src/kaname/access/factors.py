"""Second factors of people: which there are, adding one and taking one away.

How each works stands beside it: :mod:`kaname.access.totp`, :mod:`kaname.access.passkeys`,
:mod:`kaname.access.recovery`.

Wrong codes are counted apart from wrong passwords. To try a code one needs a session that a password opened: so a
stranger who tries passwords for somebody's name never keeps that person's own codes from being taken.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import Connection, Engine, delete, func, insert, select

from kaname.access.index import ACCOUNT, FACTOR
from kaname.access.remembered import changing
from kaname.clock import Clock
from kaname.database import reading
from kaname.errors import Forbidden, Refused

Kind = Literal["totp", "passkey", "recovery"]
MOST = 10
"""Factors of one kind that a person may have."""
LABEL_MOST = 64
LABEL_LEAST = 1


@dataclass(frozen=True, slots=True)
class Owned:
    """A factor that somebody has, without its secret."""

    id: str
    kind: Kind
    label: str
    """What its owner calls it."""
    made_at: str
    """UTC, ISO 8601 with seconds."""
    used_at: str
    """When it was shown last; empty for never."""
    left: int
    """Recovery codes that are still good; 0 for other kinds."""


@dataclass(frozen=True, slots=True)
class New:
    """A factor to be kept."""

    name: str
    """Of the account."""
    kind: Kind
    id: str
    label: str
    """What its owner calls it."""
    data: Mapping[str, Any]
    """What it is known by again; no secret in the clear."""
    first: bool = False
    """Whether its owner showed no factor: then it may only be the first one."""


def factors(index: Engine, name: str) -> tuple[Owned, ...]:
    """What somebody has, the oldest first."""
    query = select(FACTOR).where(FACTOR.c.name == name).order_by(FACTOR.c.made_at, FACTOR.c.id)
    with reading(index) as connection:
        rows = connection.execute(query).all()
    return tuple(
        Owned(row.id, cast("Kind", row.kind), row.label, row.made_at, row.used_at, len(row.data.get("digests", ())))
        for row in rows
    )


def keep_factor(connection: Connection, new: New, clock: Clock) -> None:
    """Adds a factor, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``not-found`` (no such account), ``factors-many``, ``factor-known``, ``factor-label``.
        Forbidden: ``second-factor-missing`` when it is not the first, and would have to be.
    """
    if connection.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.name == new.name)).first() is None:
        raise Refused("not-found")
    if new.first and connection.execute(select(FACTOR.c.id).where(FACTOR.c.name == new.name)).first() is not None:
        raise Forbidden("second-factor-missing")  # two who know the password, at once
    own = select(func.count()).select_from(FACTOR).where(FACTOR.c.name == new.name, FACTOR.c.kind == new.kind)
    if connection.execute(own).scalar_one() >= MOST:
        raise Refused("factors-many", most=MOST)
    if connection.execute(select(FACTOR.c.id).where(FACTOR.c.id == new.id)).first() is not None:
        raise Refused("factor-known")
    row = {"id": new.id, "name": new.name, "kind": new.kind, "label": _label(new.label), "data": dict(new.data)}
    connection.execute(insert(FACTOR).values(**row, made_at=clock.stamp(), used_at=""))


def remove_factor(index: Engine, name: str, id: str, *, demanded: bool) -> Owned:  # noqa: A002
    """Takes one factor away from its owner; with the last one, the recovery codes go, too: alone they would run out.

    Args:
        index: The node's index.
        name: Whose.
        id: Which.
        demanded: Whether one has to be left.

    Raises:
        Refused: ``not-found``, ``factor-last``.
    """
    had = factors(index, name)
    gone = next((one for one in had if one.id == id), None)
    if gone is None:
        raise Refused("not-found")
    with changing(index) as connection:
        connection.execute(delete(FACTOR).where(FACTOR.c.id == id, FACTOR.c.name == name))
        left = connection.scalars(select(FACTOR.c.kind).where(FACTOR.c.name == name)).all()
        if not {"totp", "passkey"} & {*left}:
            if demanded and gone.kind != "recovery":
                raise Refused("factor-last")
            connection.execute(delete(FACTOR).where(FACTOR.c.name == name))
    return gone


def tries_of(name: str) -> str:
    """What wrong codes of somebody are counted under: a name that nobody can have."""
    return f"{name}\0code"


def typed(text: str) -> str:
    """A code as it was meant: full-width letters, spaces and hyphens do not matter."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in plain if letter.isalnum()).lower()


def _label(text: str) -> str:
    label = unicodedata.normalize("NFC", text).strip()
    if not LABEL_LEAST <= len(label) <= LABEL_MOST or not label.isprintable():
        raise Refused("factor-label", most=LABEL_MOST)
    return label
