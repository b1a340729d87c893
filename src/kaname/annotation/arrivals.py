"""Cases that were told of before their image came: each is found when a pack of its series is shelved.

An image counts only when subject, study and registry are those that the case was told to have. How far the packs of a
series were looked through is written down, so that nothing is looked through twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection, func, select, update

from kaname.annotation import rows
from kaname.annotation.index import CASES
from kaname.archive.index import PACKS, SERIES
from kaname.archive.model import Located
from kaname.archive.series import members_of
from kaname.database import reading, writing
from kaname.ledger import Json
from kaname.node import Node
from kaname.store import Store
from kaname.work import Do


def unlocated(node: Node) -> tuple[str, ...]:
    """Series for which cases wait and which have grown since somebody looked: an id for each, another as it grows."""
    with reading(node.index) as connection:
        return tuple(f"{series}:{number}" for series, number in grown(connection))


def locate_images(node: Node, do: Do, id: Json) -> Json:  # noqa: A002 -- the word for what is ours
    """The worker's flow: finds the images of a series' waiting cases; returns how many were there.

    ``id`` is one of :func:`unlocated`.
    """
    return do(partial(_step, node), id)


def grown(connection: Connection, task: str = "") -> list[tuple[str, int]]:
    """Series with packs that waiting cases (of one task, if given) were not looked up in, and their last pack's number.

    Sorted by Series Instance UID.
    """
    query = (
        select(CASES.c.series_instance_uid, func.max(PACKS.c.number))
        .join(PACKS, PACKS.c.series_instance_uid == CASES.c.series_instance_uid)
        .where(CASES.c.pack == "", PACKS.c.number > CASES.c.looked)
        .group_by(CASES.c.series_instance_uid)
    )
    if task:
        query = query.where(CASES.c.task == task)
    return sorted((row[0], row[1]) for row in connection.execute(query))


def locate(connection: Connection, store: Store, task: str) -> int:
    """Finds what has arrived for the waiting cases of a task; returns how many cases.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    return sum(_locate(connection, store, series, number) for series, number in grown(connection, task))


def _step(node: Node, id: str) -> Json:  # noqa: A002
    series = id.rpartition(":")[0]
    with writing(node.index) as connection:
        rows.one_at_a_time(connection)
        number = dict(grown(connection)).get(series)
        return 0 if number is None else _locate(connection, node.store, series, number)


def _locate(connection: Connection, store: Store, series_instance_uid: str, number: int) -> int:
    """Looks the waiting cases of a series up in its packs, of which the last one has this number."""
    series = connection.execute(select(SERIES).where(SERIES.c.series_instance_uid == series_instance_uid)).one()
    places = {
        place.member.sop_instance_uid: place
        for place in members_of(store, connection, series.study_instance_uid, series_instance_uid)
    }
    waiting = (CASES.c.series_instance_uid == series_instance_uid, CASES.c.pack == "")
    owner = (series.registry, series.subject, series.study_instance_uid)
    found = 0
    for row in connection.execute(select(CASES).where(*waiting)).all():
        case = rows.case_of(row)
        own = (case.registry, case.subject, case.study_instance_uid) == owner
        place = _shown(places, case.sop_instance_uid, case.frame)
        other = _shown(places, case.other_sop_instance_uid, case.other_frame)
        if own and place is not None and (other is None) == (case.unit != "pair"):
            packs = {"pack": place.pack, "other_pack": other.pack if other else ""}
            connection.execute(update(CASES).where(CASES.c.id == case.id).values(**packs))
            found += 1
    connection.execute(update(CASES).where(*waiting).values(looked=number))
    return found


def _shown(places: Mapping[str, Located], sop_instance_uid: str, frame: int) -> Located | None:
    """The image, if it is there and has that frame; as a whole (frame 0) it only has to be there."""
    place = places.get(sop_instance_uid)
    return place if place is not None and frame <= len(place.member.frames) else None
