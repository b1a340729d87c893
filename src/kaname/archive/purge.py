"""Forgetting a subject: its series indexes and rows. Call it within the subject's ``kaname.intake.turn``."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from kaname.archive.index import HELD, PACKS, SERIES, STUDIES, SUBJECTS
from kaname.archive.shelf import copy_path, index_key, memory
from kaname.database import writing
from kaname.intake.rows import arrivals_of
from kaname.node import Node
from kaname.pack import pack_key


def objects_of(connection: Connection, registry: str, subject: str) -> tuple[str, ...]:
    """Keys of everything that the archive may hold of a subject, its rows in the catalogue or not yet."""
    packs = _packs_of(connection, registry, subject)
    return tuple(sorted([pack_key(pack) for pack in packs] + [index_key(pack) for pack in packs]))


def purge(node: Node, registry: str, subject: str) -> tuple[str, ...]:
    """Takes a subject out of the catalogue, then deletes its packs and series indexes, on disk and in memory.

    The catalogue goes first, so that nobody is led to bytes that are gone. The packs' names stand in intake's rows, so
    that a call that was cut off is finished by the next one.

    Returns:
        Keys of what was deleted, whether by this call or an earlier one.

    Raises:
        NotYet: ``storage-unreachable``, ``index-busy``.
    """
    with writing(node.index) as connection:
        packs = _packs_of(connection, registry, subject)
        names = objects_of(connection, registry, subject)
        for table in (HELD, PACKS, SERIES, STUDIES, SUBJECTS):
            connection.execute(delete(table).where(table.c.registry == registry, table.c.subject == subject))
    memory(node.store).forget(packs)
    for pack in packs:
        copy_path(node, pack).unlink(missing_ok=True)
    for name in names:
        node.store.delete(name)
    return names


def _packs_of(connection: Connection, registry: str, subject: str) -> tuple[str, ...]:
    shelved = select(PACKS.c.digest).where(PACKS.c.registry == registry, PACKS.c.subject == subject)
    arrived = {pack.digest for arrival in arrivals_of(connection, registry, subject) for pack in arrival.packs}
    return tuple(sorted(arrived | set(connection.scalars(shelved))))
