"""Making the catalogue again from what cannot be thrown away: packs, intake's rows, and the order in the ledger."""

from __future__ import annotations

from sqlalchemy import delete

from kaname.archive.derived import STORED, store_again
from kaname.archive.index import HELD, PACKS, SERIES, STUDIES, SUBJECTS
from kaname.archive.shelf import make_index
from kaname.archive.shelve import SHELVED, STOPPED, add, stop
from kaname.database import writing
from kaname.intake.flow import find
from kaname.intake.turn import turn
from kaname.ledger import Event, Json, canonical
from kaname.node import Node


def rebuild(node: Node) -> int:
    """Empties the catalogue and shelves parcels and derived objects again, in the order in which the ledger saw them.

    The result is the same catalogue, to the last row. Call it while no worker runs. A call that was cut off leaves a
    catalogue with parcels missing; the next one makes it whole.

    Returns:
        How many parcels are on the shelf.

    Raises:
        Refused: ``object-missing``, ``object-damaged`` with the pack that is not what it was.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``.
    """
    with writing(node.index) as connection:
        for table in (HELD, PACKS, SERIES, STUDIES, SUBJECTS):
            connection.execute(delete(table))
    parcels = 0
    for event in node.ledger.events():
        if event.action in (SHELVED, STOPPED):
            parcels += _again(node, event)
        elif event.action == STORED:
            store_again(node, event)
    facts: dict[str, Json] = {"parcels": parcels}
    node.ledger.append("archive-rebuilt", node.settings.name, actor=node.settings.name, facts=facts)
    return parcels


def _again(node: Node, event: Event) -> bool:
    """Does again what an event says was done; returns whether the parcel is on the shelf."""
    parcel = find(node, event.about)
    with turn(node, parcel.registry, parcel.subject):
        parcel = find(node, event.about)
        if parcel.state not in ("shelved", "stopped"):
            return False  # withdrawn since
        packs = [make_index(node, pack.digest) for pack in parcel.packs]
        at = str(event.facts["at"])
        with writing(node.index) as connection:
            if event.action == SHELVED:
                add(connection, node.store, parcel, packs, at)
            else:
                named = canonical(event.facts["packs"]).decode()
                stop(connection, parcel, [p.index for p in packs if p.index.pack in named], at)
    return event.action == SHELVED
