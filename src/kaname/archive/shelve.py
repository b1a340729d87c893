"""Putting one parcel on the shelf: which of its packs and instances are new, and the rows that say so.

Every function works in the caller's transaction and within the subject's turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import Connection, insert, select, update

from kaname.archive import describe
from kaname.archive.index import HELD, PACKS, SERIES, STUDIES, SUBJECTS
from kaname.archive.model import Origin, Shelved
from kaname.archive.shelf import Indexed, load_index
from kaname.intake.model import Arrival
from kaname.intake.rows import move_on
from kaname.pack import SeriesIndex
from kaname.store import Store

SHELVED = "parcel-shelved"
STOPPED = "parcel-stopped"
"""Ledger actions. Their facts hold what a rebuild cannot know otherwise: the time that the rows bear (``at``), and of a
stopped parcel the packs that did not fit."""
MISFIT = "same-uid-other-series"
CLASH = "same-uid-other-bytes"


def misfits(connection: Connection, arrival: Arrival, packs: Sequence[SeriesIndex]) -> tuple[SeriesIndex, ...]:
    """Packs whose study or series UID belongs to another subject or registry, or the series to another study."""
    owner = (arrival.registry, arrival.subject)
    study_of = {index.series_instance_uid: index.study_instance_uid for index in reversed(packs)}
    return tuple(
        index
        for index in packs
        if study_of[index.series_instance_uid] != index.study_instance_uid or not _fits(connection, owner, index)
    )


def stop(connection: Connection, arrival: Arrival, packs: Sequence[SeriesIndex], at: str) -> None:
    """Writes down that a parcel waits for a person, because of these packs."""
    for index in packs:
        _hold(connection, Origin(arrival.registry, arrival.subject, arrival.digest), index, "", MISFIT, at)
    move_on(connection, arrival.digest, "stopped")


def add(connection: Connection, store: Store, arrival: Arrival, packs: Sequence[Indexed], at: str) -> Shelved:
    """Writes the rows of a parcel's packs. A pack that is on the shelf already changes nothing."""
    move_on(connection, arrival.digest, "shelved")
    return add_packs(connection, store, Origin(arrival.registry, arrival.subject, arrival.digest), packs, at)


def add_packs(connection: Connection, store: Store, origin: Origin, packs: Sequence[Indexed], at: str) -> Shelved:
    """Writes the rows of packs, wherever they come from. A pack that is on the shelf already changes nothing."""
    subject = (SUBJECTS.c.registry == origin.registry, SUBJECTS.c.subject == origin.subject)
    if connection.execute(select(SUBJECTS.c.since).where(*subject)).first() is None:
        connection.execute(insert(SUBJECTS).values(registry=origin.registry, subject=origin.subject, since=at))
    total = Shelved(origin.parcel, 0, 0, 0, 0)
    by_study = sorted(packs, key=lambda pack: pack.index.study_instance_uid)
    for study, group in groupby(by_study, key=lambda pack: pack.index.study_instance_uid):
        for pack in group:
            total = _sum(total, _add_pack(connection, store, origin, pack, at))
        _count_study(connection, study)
    return total


def _fits(connection: Connection, owner: tuple[str, str], index: SeriesIndex) -> bool:
    study = connection.execute(
        select(STUDIES.c.registry, STUDIES.c.subject).where(STUDIES.c.study_instance_uid == index.study_instance_uid)
    ).one_or_none()
    series = connection.execute(
        select(SERIES.c.registry, SERIES.c.subject, SERIES.c.study_instance_uid).where(
            SERIES.c.series_instance_uid == index.series_instance_uid
        )
    ).one_or_none()
    return (study is None or tuple(study) == owner) and (
        series is None or tuple(series) == (*owner, index.study_instance_uid)
    )


def _add_pack(connection: Connection, store: Store, origin: Origin, pack: Indexed, at: str) -> Shelved:
    index = pack.index
    if connection.execute(select(PACKS.c.number).where(PACKS.c.digest == index.pack)).first() is not None:
        return Shelved(origin.parcel, 0, 0, len(index.members), 0)
    query = select(PACKS.c.digest).where(PACKS.c.series_instance_uid == index.series_instance_uid)
    earlier = list(connection.scalars(query.order_by(PACKS.c.number)))
    kept: dict[str, str] = {}
    for digest in earlier:
        kept = {m.sop_instance_uid: m.digest for m in load_index(store, digest).members} | kept
    clashes = [m.sop_instance_uid for m in index.members if kept.get(m.sop_instance_uid, m.digest) != m.digest]
    fresh = sum(m.sop_instance_uid not in kept for m in index.members)
    for uid in clashes:
        _hold(connection, origin, index, uid, CLASH, at)
    _write_series(connection, origin, index, fresh)
    connection.execute(
        insert(PACKS).values(
            digest=index.pack,
            series_instance_uid=index.series_instance_uid,
            number=len(earlier) + 1,
            registry=origin.registry,
            subject=origin.subject,
            size_bytes=pack.size_bytes,
            members=len(index.members),
            instances=fresh,
            index_digest=pack.index_digest,
            parcel=origin.parcel,
            shelved_at=at,
        )
    )
    return Shelved(origin.parcel, 1, fresh, len(index.members) - fresh - len(clashes), len(clashes))


def _write_series(connection: Connection, origin: Origin, index: SeriesIndex, fresh: int) -> None:
    """The first pack of a series, and of a study, describes it; later ones only count."""
    first = index.members[0].metadata
    study = STUDIES.c.study_instance_uid == index.study_instance_uid
    if connection.execute(select(STUDIES.c.series).where(study)).first() is None:
        connection.execute(insert(STUDIES).values(**_study_row(origin, index, first)))
    one = SERIES.c.series_instance_uid == index.series_instance_uid
    known = connection.execute(select(SERIES.c.instances, SERIES.c.document).where(one)).one_or_none()
    if known is None:
        connection.execute(insert(SERIES).values(**_series_row(origin, index, first, fresh)))
    else:
        total = known.instances + fresh
        document = describe.counted_series(describe.read(known.document), total)
        connection.execute(update(SERIES).where(one).values(instances=total, document=document))


def _study_row(origin: Origin, index: SeriesIndex, first: describe.Document) -> dict[str, object]:
    return {
        "study_instance_uid": index.study_instance_uid,
        "registry": origin.registry,
        "subject": origin.subject,
        "accession_number": describe.text(first, "00080050"),
        "study_date": describe.text(first, "00080020"),
        "study_time": describe.text(first, "00080030"),
        "study_id": describe.text(first, "00200010"),
        "study_description": describe.text(first, "00081030"),
        "series": 0,
        "instances": 0,
        "document": describe.written(describe.study_document(first)),
    }


def _series_row(origin: Origin, index: SeriesIndex, first: describe.Document, fresh: int) -> dict[str, object]:
    return {
        "series_instance_uid": index.series_instance_uid,
        "study_instance_uid": index.study_instance_uid,
        "registry": origin.registry,
        "subject": origin.subject,
        "modality": describe.text(first, "00080060"),
        "series_number": describe.number(first, "00200011"),
        "series_description": describe.text(first, "0008103E"),
        "body_part_examined": describe.text(first, "00180015"),
        "instances": fresh,
        "document": describe.counted_series(describe.series_document(first), fresh),
    }


def _count_study(connection: Connection, study_instance_uid: str) -> None:
    study = STUDIES.c.study_instance_uid == study_instance_uid
    document = connection.execute(select(STUDIES.c.document).where(study)).scalar_one()
    query = select(SERIES.c.modality, SERIES.c.instances).where(SERIES.c.study_instance_uid == study_instance_uid)
    series = connection.execute(query).all()
    instances = sum(row.instances for row in series)
    modalities = {row.modality for row in series}
    counted = describe.counted_study(describe.read(document), modalities, len(series), instances)
    connection.execute(update(STUDIES).where(study).values(series=len(series), instances=instances, document=counted))


def _hold(connection: Connection, origin: Origin, index: SeriesIndex, uid: str, reason: str, at: str) -> None:
    known = select(HELD.c.reason).where(HELD.c.pack == index.pack, HELD.c.sop_instance_uid == uid)
    if connection.execute(known).first() is None:
        connection.execute(
            insert(HELD).values(
                pack=index.pack,
                sop_instance_uid=uid,
                registry=origin.registry,
                subject=origin.subject,
                series_instance_uid=index.series_instance_uid,
                reason=reason,
                parcel=origin.parcel,
                held_at=at,
            )
        )


def _sum(a: Shelved, b: Shelved) -> Shelved:
    counts = (a.packs + b.packs, a.instances + b.instances, a.known + b.known, a.held + b.held)
    return Shelved(a.parcel, *counts)
