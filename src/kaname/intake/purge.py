"""Forgetting a subject: what intake holds of it, and how that goes. Call it within the subject's :func:`turn`."""

from __future__ import annotations

import shutil

from sqlalchemy import Connection, delete, insert, select

from kaname.database import writing
from kaname.intake import onward, rows
from kaname.intake.index import PACKS, RECORDS, REFUSALS, WITHDRAWN
from kaname.intake.inspect import opened_folder
from kaname.intake.keep import proof_keys, record_key
from kaname.intake.quarantine import FOLDER, quarantine_name
from kaname.node import Node
from kaname.pack import pack_key


def block(connection: Connection, registry: str, subject: str, gateway: str, at: str) -> None:
    """From the caller's commit on, nothing of this subject is taken in from this gateway. Again: nothing changes."""
    if not rows.is_withdrawn(connection, registry, subject, gateway):
        connection.execute(insert(WITHDRAWN).values(registry=registry, subject=subject, gateway=gateway, at=at))


def owners_of(connection: Connection, registry: str, subject: str) -> set[str]:
    """The gateways whose parcels of this subject were not refused: one, or none."""
    return rows.owners(connection, registry, subject)


def objects_of(connection: Connection, registry: str, subject: str) -> tuple[str, ...]:
    """Names of everything that intake holds of a subject: keys of the store, and files in quarantine."""
    names = {pack_key(digest) for digest in rows.own(connection, PACKS, registry, subject)}
    names |= {record_key(digest) for digest in rows.own(connection, RECORDS, registry, subject)}
    for arrival in rows.arrivals_of(connection, registry, subject):
        if arrival.packs or rows.records_of(connection, arrival.digest):
            names.update(proof_keys(arrival.digest))
        elif arrival.state == "refused":
            names.add(quarantine_name(arrival.digest))
    names.update(quarantine_name(file) for file in _refused_files(connection, registry, subject))
    return tuple(sorted(names))


def delete_object(node: Node, name: str) -> None:
    """Deletes an object by its name in :func:`objects_of`; an absent one is fine.

    Raises:
        NotYet: ``storage-unreachable``.
    """
    if name.startswith(f"{FOLDER}/"):
        (node.settings.home / name).unlink(missing_ok=True)
    else:
        node.store.delete(name)


def is_gone(node: Node, name: str) -> bool:
    """Whether an object of :func:`objects_of` is really absent.

    Raises:
        NotYet: ``storage-unreachable``.
    """
    if name.startswith(f"{FOLDER}/"):
        return not (node.settings.home / name).exists()
    return node.store.size(name) is None


def forget(node: Node, registry: str, subject: str) -> None:
    """Deletes what lies open of a subject and its rows, once its objects are gone.

    A row per parcel stays: it answers a parcel that comes again.

    Raises:
        NotYet: ``index-busy``; the same call goes on from there.
    """
    with writing(node.index) as connection:
        arrivals = rows.arrivals_of(connection, registry, subject)
        for arrival in arrivals:
            rows.forget_contents(connection, arrival.digest)
            if arrival.state != "refused":
                rows.move_on(connection, arrival.digest, "withdrawn")
        onward.withdraw(connection, registry, subject)
        mine = (REFUSALS.c.registry == registry, REFUSALS.c.subject == subject)
        connection.execute(delete(REFUSALS).where(*mine))
    for arrival in arrivals:
        shutil.rmtree(opened_folder(node, arrival.digest), ignore_errors=True)


def _refused_files(connection: Connection, registry: str, subject: str) -> tuple[str, ...]:
    """Files that say they are of this subject. Here they are believed: losing refused files harms nobody."""
    mine = (REFUSALS.c.registry == registry, REFUSALS.c.subject == subject)
    return tuple(connection.scalars(select(REFUSALS.c.file).where(*mine).distinct()))
