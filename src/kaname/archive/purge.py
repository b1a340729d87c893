"""Forgetting a subject: what the archive holds of it, and its rows. Call it within the subject's turn."""

from __future__ import annotations

import shutil

from sqlalchemy import Connection, delete, select

from kaname.archive.index import ANNOUNCED, HELD, PACKS, SERIES, STUDIES, SUBJECTS
from kaname.archive.shelf import copy_folder, derived_folder, index_key, memory
from kaname.database import writing
from kaname.intake.index import PACKS as ARRIVED
from kaname.intake.rows import own
from kaname.node import Node
from kaname.pack import pack_key


def objects_of(connection: Connection, registry: str, subject: str) -> tuple[str, ...]:
    """Keys of everything that the archive may hold of a subject, its rows in the catalogue or not yet."""
    packs = _packs_of(connection, registry, subject)
    return tuple(sorted([pack_key(pack) for pack in packs] + [index_key(pack) for pack in packs]))


def forget(node: Node, registry: str, subject: str) -> None:
    """Takes a subject out of the catalogue and out of memory, so that nobody is led to bytes that are going.

    Raises:
        NotYet: ``index-busy``; the same call goes on from there.
    """
    with writing(node.index) as connection:
        packs = _packs_of(connection, registry, subject)
        for table in (HELD, ANNOUNCED, PACKS, SERIES, STUDIES, SUBJECTS):
            connection.execute(delete(table).where(table.c.registry == registry, table.c.subject == subject))
    memory(node.store).forget(packs)
    for pack in packs:
        shutil.rmtree(copy_folder(node, pack), ignore_errors=True)
    shutil.rmtree(derived_folder(node, registry, subject), ignore_errors=True)


def _packs_of(connection: Connection, registry: str, subject: str) -> tuple[str, ...]:
    """Packs that parcels brought or may have brought, and those of derived objects, shelved or on their way there."""
    shelved = select(PACKS.c.digest).where(PACKS.c.registry == registry, PACKS.c.subject == subject)
    announced = select(ANNOUNCED.c.pack).where(ANNOUNCED.c.registry == registry, ANNOUNCED.c.subject == subject)
    derived = {*connection.scalars(shelved), *connection.scalars(announced)}
    return tuple(sorted(own(connection, ARRIVED, registry, subject) | derived))
