"""Giving back what is kept: instances as streams, frames by one ranged read, metadata as DICOM JSON.

Every function takes the registries that the caller may see; what lies outside of them is ``not-found``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from kaname.archive import series as of_series
from kaname.archive.index import SERIES
from kaname.archive.model import Located
from kaname.archive.shelf import load_index
from kaname.database import reading
from kaname.dicom.frames import Span, frame_bytes
from kaname.errors import Refused
from kaname.node import Node
from kaname.pack import SeriesIndex


def instances(node: Node, registries: Collection[str], study: str, series: str = "") -> Iterator[Located]:
    """Every instance of a study, or of one of its series: series by UID, instances by UID, one series in memory.

    Raises:
        Refused: ``not-found``, before the first one; ``object-missing``, ``object-damaged`` when an index cannot be
            read.
    """
    query = (
        select(SERIES.c.series_instance_uid)
        .where(SERIES.c.study_instance_uid == study, SERIES.c.registry.in_(list(registries)))
        .order_by(SERIES.c.series_instance_uid)
    )
    if series:
        query = query.where(SERIES.c.series_instance_uid == series)
    with reading(node.index) as connection:
        packs = [of_series.packs_of(connection, uid) for uid in connection.scalars(query).all()]
    if not packs:
        raise Refused("not-found")
    return (located for digests in packs for located in of_series.located(study, _indexes(node, digests)))


def instance(node: Node, registries: Collection[str], study: str, series: str, uid: str) -> Located:
    """One instance.

    Raises:
        Refused: ``not-found``; ``object-missing``, ``object-damaged`` when its index cannot be read.
    """
    query = select(SERIES.c.registry).where(
        SERIES.c.series_instance_uid == series,
        SERIES.c.study_instance_uid == study,
        SERIES.c.registry.in_(list(registries)),
    )
    with reading(node.index) as connection:
        if connection.execute(query).first() is None:
            raise Refused("not-found")
        return of_series.one(node.store, connection, series, uid)


def study_of(node: Node, registries: Collection[str], series: str) -> str:
    """Study Instance UID of a series.

    Raises:
        Refused: ``not-found``.
    """
    query = select(SERIES.c.study_instance_uid).where(
        SERIES.c.series_instance_uid == series, SERIES.c.registry.in_(list(registries))
    )
    with reading(node.index) as connection:
        found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise Refused("not-found")
    return found


def stream(node: Node, located: Located) -> Iterator[bytes]:
    """The Part 10 file of an instance, byte for byte as it came, in pieces.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    return node.store.stream(located.object, located.member.offset, located.member.length)


def frame(node: Node, located: Located, number: int) -> bytes:
    """Frame ``number``, from 1, of an instance, by one ranged read: as stored, fragments joined.

    Raises:
        Refused: ``no-frames``, ``frame-out-of-range``; ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    check_frame(located, number)
    offset, length, fragments = located.member.frames[number - 1]
    data = node.store.read(located.object, located.member.offset + offset, length)
    return frame_bytes(data, Span(offset, length, fragments))


def check_frame(located: Located, number: int) -> None:
    """Whether the instance has that frame, told without reading it.

    Raises:
        Refused: ``no-frames``, ``frame-out-of-range``.
    """
    frames = len(located.member.frames)
    if not frames:
        raise Refused("no-frames")
    if not 1 <= number <= frames:
        raise Refused("frame-out-of-range", frame=number, frames=frames)


def metadata(located: Located) -> dict[str, Any]:
    """The data set as DICOM JSON, bulk data by relative URI (``bulkdata/<tag>``)."""
    return located.member.metadata


def _indexes(node: Node, packs: Sequence[str]) -> list[SeriesIndex]:
    return [load_index(node.store, pack) for pack in packs]
