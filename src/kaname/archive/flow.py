"""The archive's verb: shelve what intake accepted. Shelving again changes nothing."""

from __future__ import annotations

from dataclasses import asdict

from kaname.archive.model import Shelved
from kaname.archive.shelf import make_index
from kaname.archive.shelve import MISFIT, SHELVED, STOPPED, add, misfits, stop
from kaname.database import writing
from kaname.errors import Refused
from kaname.intake.flow import accepted, find
from kaname.intake.turn import turn
from kaname.ledger import Json
from kaname.node import Node
from kaname.work import Do


def unshelved(node: Node) -> tuple[str, ...]:
    """Digests of accepted parcels that are not on the shelf yet, in the order of their acceptance."""
    return accepted(node)


def shelve_parcel(node: Node, do: Do, digest: Json) -> Json:
    """The worker's flow: one durable step per parcel; returns what :func:`shelve` says."""

    def step(parcel: str) -> Json:
        return asdict(shelve(node, parcel))

    return do(step, digest)


def shelve(node: Node, digest: str) -> Shelved:
    """Puts the packs of an accepted parcel on the shelf: a series index for each, then all rows and the event at once.

    Instances that came before are counted and nothing else; the first bytes of a UID are kept, others are held. A
    parcel that is not waiting (shelved, refused, withdrawn) changes nothing.

    Raises:
        Refused: ``not-found``; ``same-uid-other-series`` when a study or series UID belongs to another subject,
            registry or study: the whole parcel is held; ``object-missing``, ``object-damaged``.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``.
    """
    parcel = find(node, digest)
    with turn(node, parcel.registry, parcel.subject):
        parcel = find(node, digest)
        if parcel.state == "stopped":
            raise Refused(MISFIT, parcel=digest)
        if parcel.state != "accepted":
            return Shelved(digest, 0, 0, 0, 0)
        packs = [make_index(node, pack.digest) for pack in parcel.packs]
        at = node.clock.stamp()
        with writing(node.index) as connection:
            result = None
            wrong = misfits(connection, parcel, [pack.index for pack in packs])
            if wrong:
                stop(connection, parcel, wrong, at)
                facts: dict[str, Json] = {"at": at, "packs": [index.pack for index in wrong], "reason": MISFIT}
            else:
                result = add(connection, node.store, parcel, packs, at)
                facts = {"at": at, **asdict(result)}
            action = STOPPED if wrong else SHELVED
            node.ledger.append(action, digest, actor=node.settings.name, facts=facts, connection=connection)
    if result is None:
        raise Refused(MISFIT, parcel=digest)
    return result
