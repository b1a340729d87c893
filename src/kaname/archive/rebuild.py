"""Making the catalogue again from what cannot be thrown away: packs, intake's rows, and the order in the ledger."""

from __future__ import annotations

from sqlalchemy import delete

from kaname.archive.index import HELD, PACKS, SERIES, STUDIES, SUBJECTS
from kaname.archive.model import Shelved
from kaname.archive.shelf import make_index
from kaname.archive.shelve import put_up
from kaname.database import writing
from kaname.intake.flow import find
from kaname.intake.turn import turn
from kaname.ledger import Event
from kaname.node import Node

ACTIONS = ("parcel-shelved", "parcel-stopped")


def rebuild(node: Node) -> int:
    """Empties the catalogue and shelves every parcel again in the order in which the ledger saw it; returns how many.

    The result is the same catalogue, to the last row. Call it while no worker runs. A call that was cut off leaves a
    catalogue with parcels missing; the next one makes it whole.

    Raises:
        Refused: ``object-missing``, ``object-damaged`` with the pack that is not what it was.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``.
    """
    with writing(node.index) as connection:
        for table in (HELD, PACKS, SERIES, STUDIES, SUBJECTS):
            connection.execute(delete(table))
    events = [event for event in node.ledger.events() if event.action in ACTIONS]
    again = [result for event in events if (result := _again(node, event)) is not None]
    node.ledger.append("archive-rebuilt", node.settings.name, actor=node.settings.name, facts={"parcels": len(again)})
    return len(again)


def _again(node: Node, event: Event) -> Shelved | None:
    """Shelves the parcel of an event as of then; ``None`` when it was stopped, or is withdrawn since."""
    parcel = find(node, event.about)
    with turn(node, parcel.registry, parcel.subject):
        parcel = find(node, event.about)
        if parcel.state not in ("shelved", "stopped"):
            return None
        packs = [make_index(node, pack.digest) for pack in parcel.packs]
        with writing(node.index) as connection:
            return put_up(connection, node.store, parcel, packs, event.at)
