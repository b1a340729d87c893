"""The instances of a series, over all of its packs: of a UID that came twice, the first one is the instance."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

from sqlalchemy import Connection, select

from kaname.archive.index import PACKS
from kaname.archive.model import Located
from kaname.archive.shelf import load_index
from kaname.errors import Refused
from kaname.pack import SeriesIndex
from kaname.store import Store


def packs_of(connection: Connection, series_instance_uid: str) -> tuple[str, ...]:
    """Digests of the packs of a series that hold instances of it, in the order in which they came."""
    query = select(PACKS.c.digest).where(PACKS.c.series_instance_uid == series_instance_uid, PACKS.c.instances > 0)
    return tuple(connection.scalars(query.order_by(PACKS.c.number)))


def members_of(
    store: Store, connection: Connection, study_instance_uid: str, series_instance_uid: str
) -> Iterator[Located]:
    """Every instance of a series, by SOP Instance UID.

    Raises:
        Refused: ``object-missing``, ``object-damaged`` when an index cannot be read.
    """
    return located(study_instance_uid, [load_index(store, pack) for pack in packs_of(connection, series_instance_uid)])


def located(study_instance_uid: str, indexes: list[SeriesIndex]) -> Iterator[Located]:
    """Every instance of the indexes of one series' packs, by SOP Instance UID; of a UID in several, the first one."""
    last = ""
    streams = (
        [(member.sop_instance_uid, number, index, member) for member in index.members]
        for number, index in enumerate(indexes)
    )
    for uid, _, index, member in merge(*streams, key=lambda found: found[:2]):
        if uid != last:
            last = uid
            yield Located(study_instance_uid, index.series_instance_uid, index.pack, member)


def one(store: Store, connection: Connection, series_instance_uid: str, sop_instance_uid: str) -> Located:
    """One instance of a series.

    Raises:
        Refused: ``not-found``; ``object-missing``, ``object-damaged`` when an index cannot be read.
    """
    for pack in packs_of(connection, series_instance_uid):
        index = load_index(store, pack)
        try:
            member = index.member(sop_instance_uid)
        except Refused:
            continue
        return Located(index.study_instance_uid, series_instance_uid, pack, member)
    raise Refused("not-found")
