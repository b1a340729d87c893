"""Who may give and take which parts: none beyond the registries whose people they look after, none to themselves.

Whoever makes an address for somebody else, or ends their account, has all that they have in hand: that takes the duty
in every registry in which they play a part.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, select

from kaname.access.accounts import parts_now, put_parts
from kaname.access.index import ACCOUNT
from kaname.access.model import PEOPLE, Grant, Part, Role, parts_of
from kaname.access.named import same_person
from kaname.errors import Forbidden, Refused

HIGHEST: tuple[Role, ...] = ("operator", "auditor")
"""Roles that look at all of a node: given and taken only by who looks after the people of all its registries."""


def check_parts(by: Grant, parts: Iterable[Part], registries: Sequence[str]) -> None:
    """Returns when ``by`` may give, or take, all of these parts.

    Args:
        by: Who wants to.
        parts: What is given or taken.
        registries: All of the node's.

    Raises:
        Forbidden: ``not-permitted``.
    """
    own = by.registries_for("people")
    for part in parts:
        needed = registries if part.role in HIGHEST else (part.registry,)
        for registry in needed:
            if registry not in own:
                raise Forbidden("not-permitted", registry=registry)


def has_in_hand(by: Grant, parts: Iterable[Part], registries: Sequence[str]) -> bool:
    """Whether ``by`` looks after everything that somebody with these parts does."""
    own = set(by.registries_for("people"))
    return all(part.registry in own and (part.role not in HIGHEST or own >= {*registries}) for part in parts)


def give(connection: Connection, by: Grant, name: str, part: Part, registries: Sequence[str]) -> None:
    """Gives somebody a part, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``not-found`` for the person; ``entry-invalid`` for what is no part of a person in a registry
            (:func:`kaname.access.projects.join` makes members of a project).
        Forbidden: ``not-permitted``; ``own-part`` to oneself.
    """
    if part.role not in PEOPLE or part.registry not in registries or part.project:
        raise Refused("entry-invalid", entry="role")
    check_parts(by, (part,), registries)
    if same_person(by.name, name):
        raise Forbidden("own-part")
    put_parts(connection, name, {*parts_now(connection, name), part})


def take(connection: Connection, by: Grant, name: str, part: Part, registries: Sequence[str], at: str) -> None:
    """Takes a part from somebody, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``not-found`` for the person, or the part; ``last-operator``.
        Forbidden: ``not-permitted``.
    """
    check_parts(by, (part,), registries)
    known = parts_now(connection, name)
    if part not in known:
        raise Refused("not-found")
    with operators_stay(connection, at):
        put_parts(connection, name, (one for one in known if one != part))


@contextmanager
def operators_stay(connection: Connection, at: str) -> Generator[None]:
    """Around a change: every registry that somebody looked after has to have somebody afterwards.

    Raises:
        Refused: ``last-operator``; the caller's transaction ends with it.
    """
    before = _operated(connection, at)
    yield
    if before - _operated(connection, at):
        raise Refused("last-operator")


def _operated(connection: Connection, at: str) -> set[str]:
    """Registries that have an operator."""
    rows = connection.execute(select(ACCOUNT.c.parts, ACCOUNT.c.until)).all()
    parts = (part for row in rows if not row.until or at < row.until for part in parts_of(row.parts))
    return {part.registry for part in parts if part.role == "operator" and not part.project}
