"""Organisations that people and projects belong to. Ending one ends its accounts and closes its projects, at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, cast, get_args

from sqlalchemy import Connection, Row, insert, select, update

from kaname.access.entries import checked_id, checked_title
from kaname.access.giving import operators_stay
from kaname.access.index import ACCOUNT, ORGANISATION, PROJECT
from kaname.access.sessions import take_everything
from kaname.errors import Refused

Kind = Literal["hospital", "university", "society", "company"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Organisation:
    """A hospital, university, society or company."""

    id: str
    title: str
    kind: Kind
    made_at: str
    """UTC, ISO 8601 with seconds."""
    ended_at: str
    """Empty while it stands."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What went with an organisation."""

    accounts: tuple[str, ...]
    projects: tuple[str, ...]


def make(connection: Connection, id: str, title: str, kind: str, at: str) -> Organisation:  # noqa: A002 -- ours
    """Makes an organisation, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``entry-invalid``, ``entry-exists``.
    """
    if kind not in KINDS:
        raise Refused("entry-invalid", entry="kind")
    made = Organisation(checked_id(id), checked_title(title), kind, at, "")
    if connection.execute(select(ORGANISATION.c.id).where(ORGANISATION.c.id == id)).first() is not None:
        raise Refused("entry-exists", entry=id)
    connection.execute(insert(ORGANISATION).values(asdict(made)))
    return made


def find(connection: Connection, id: str) -> Organisation:  # noqa: A002
    """One organisation.

    Raises:
        Refused: ``not-found``.
    """
    row = connection.execute(select(ORGANISATION).where(ORGANISATION.c.id == id)).one_or_none()
    if row is None:
        raise Refused("not-found")
    return _organisation(row)


def standing(connection: Connection, id: str) -> Organisation:  # noqa: A002
    """One organisation that has not ended.

    Raises:
        Refused: ``not-found``, ``organisation-ended``.
    """
    found = find(connection, id)
    if found.ended_at:
        raise Refused("organisation-ended", entry=id)
    return found


def organisations(connection: Connection) -> tuple[Organisation, ...]:
    """All of them, by id."""
    return tuple(_organisation(row) for row in connection.execute(select(ORGANISATION).order_by(ORGANISATION.c.id)))


def end(connection: Connection, id: str, at: str) -> Ended:  # noqa: A002
    """Ends an organisation for good, in a transaction of :func:`kaname.access.remembered.changing`.

    Its people lose passwords, second factors, tokens and sessions; its projects are closed.

    Raises:
        Refused: ``not-found``, ``organisation-ended``; ``last-operator`` when nobody would be left to look after a
            registry.
    """
    standing(connection, id)
    members = tuple(connection.scalars(select(ACCOUNT.c.name).where(ACCOUNT.c.organisation == id).order_by("name")))
    mine = (PROJECT.c.organisation == id, PROJECT.c.state != "closed")
    projects = tuple(connection.scalars(select(PROJECT.c.id).where(*mine).order_by("id")))
    with operators_stay(connection, at):
        for name in members:
            take_everything(connection, name)
    connection.execute(update(PROJECT).where(*mine).values(state="closed", changed_at=at))
    connection.execute(update(ORGANISATION).where(ORGANISATION.c.id == id).values(ended_at=at))
    return Ended(members, projects)


def _organisation(row: Row[*tuple[object, ...]]) -> Organisation:
    return Organisation(row.id, row.title, cast("Kind", row.kind), row.made_at, row.ended_at)
