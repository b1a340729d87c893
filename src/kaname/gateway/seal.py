"""Seal: the clean files of a batch become one signed parcel, one pack per series."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, func, select, update

from kaname.database import reading, writing
from kaname.gateway.consent import has_opted_out, let_go
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, PARCELS, RECORDS
from kaname.gateway.linking import bind_rows
from kaname.gateway.receive import withdrawn
from kaname.gateway.records import items_of
from kaname.gateway.withdraw import forget
from kaname.ledger import Json
from kaname.ledger.canonical import canonical
from kaname.pack import PackFile, write_pack
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.parcel.seal import seal as seal_parcel
from kaname.store import digest_bytes


def seal(hospital: Hospital, batch: str) -> Json:
    """Seals what of the batch was cleaned; returns the parcel's digest, empty where there is nothing to send.

    Then no clean copies of the batch stay either: a withdrawal may have come while it was being treated.
    """
    digest = _seal(hospital, batch)
    if not digest:
        shutil.rmtree(hospital.crossing / batch, ignore_errors=True)
    return digest


def _seal(hospital: Hospital, batch: str) -> str:
    with reading(hospital.node.index) as connection:
        first = connection.execute(_clean(batch).limit(1)).first()
        if first is None:
            return ""
        gone = withdrawn(connection, first.registry, first.subject)
        out = has_opted_out(connection, first.registry, first.subject)
    if gone:  # again: an image may have come in the moment of the withdrawal
        forget(hospital, f"{first.registry}:{first.subject}")
        return ""
    if out:
        let_go(hospital, first.registry, first.subject)
        return ""
    sequence, rows = _numbered(hospital, batch)
    if not rows:
        return ""
    folder = hospital.crossing / batch
    packs = [_pack(folder, [r for r in rows if r.series == series]) for series in sorted({r.series for r in rows})]
    files = {entry.digest: file.path for entry, file in packs}
    record = {"instances": len(rows), "study_instance_uid": first.study, "subject": first.subject}
    records = [_record(folder, "study", record)]
    records += [_record(folder, "items", record) for record in _items(hospital, batch, first)]
    files |= {entry.digest: path for entry, path in records}
    manifest = Manifest(
        gateway=hospital.name,
        registry=first.registry,
        sequence=sequence,
        subject=first.subject,
        attestation=hospital.engine(first.registry).attestation,
        packs=tuple(entry for entry, _ in packs),
        records=tuple(entry for entry, _ in records),
    )
    hospital.outbox.mkdir(parents=True, exist_ok=True)
    parcel = hospital.outbox / f"{manifest.digest}.parcel"
    seal_parcel(manifest, files, hospital.signing, parcel)
    if not _write_down(hospital, batch, manifest):
        parcel.unlink(missing_ok=True)
        return ""
    return manifest.digest


def _pack(folder: Path, rows: list[Row[Any]]) -> tuple[PackEntry, PackFile]:
    first = rows[0]
    place = folder / first.subject / first.study / first.series
    target = folder / "packs" / f"{first.series}.tar"
    target.parent.mkdir(exist_ok=True)
    written = write_pack([place / f"{row.instance}.dcm" for row in rows], target)
    instances = tuple((row.instance, row.digest) for row in rows)
    return PackEntry(written.digest, written.size_bytes, first.series, first.study, instances), written


def _record(folder: Path, kind: str, record: Json) -> tuple[RecordEntry, Path]:
    """A record: what travels beside the images."""
    data = canonical(record)
    digest = digest_bytes(data)
    path = folder / "packs" / f"{digest}.json"
    path.write_bytes(data)
    return RecordEntry(digest, len(data), kind), path


def _items(hospital: Hospital, batch: str, first: Row[Any]) -> list[dict[str, Json]]:
    """What the department's rows of this batch say in the registry's items; rows that say nothing stay."""
    with reading(hospital.node.index) as connection:
        rows = connection.execute(
            select(RECORDS.c.id, RECORDS.c.accession).where(RECORDS.c.batch == batch).order_by(RECORDS.c.accession)
        ).all()
    told = [(row.accession, items_of(hospital, row.id)) for row in rows]
    return [
        {"accession": accession, "items": {**items}, "study_instance_uid": first.study, "subject": first.subject}
        for accession, items in told
        if items
    ]


def _clean(batch: str) -> Select[Any]:
    mine = (OBJECTS.c.batch == batch, OBJECTS.c.state == "cleaned")
    return select(OBJECTS).where(*mine).order_by(OBJECTS.c.series, OBJECTS.c.instance)


def _numbered(hospital: Hospital, batch: str) -> tuple[int, list[Row[Any]]]:
    """The batch's number among the parcels of its registry, given once, and the images that the parcel will carry.

    With the number the department's rows are bound to the batch. From here on its images count as gone: nothing that
    comes later holds them back. Of a batch that was held to the last image there are none, and it takes no number.
    """
    with writing(hospital.node.index) as connection:
        rows = list(connection.execute(_clean(batch)).all())
        known = connection.execute(select(PARCELS.c.sequence).where(PARCELS.c.batch == batch)).scalar()
        if known is not None or not rows:
            return known or 0, rows
        first = rows[0]
        last = connection.execute(select(func.max(PARCELS.c.sequence)).where(PARCELS.c.registry == first.registry))
        number = (last.scalar() or 0) + 1
        connection.execute(
            PARCELS.insert().values(
                batch=batch,
                sequence=number,
                registry=first.registry,
                study=first.study,
                subject=first.subject,
                state="sealing",
                at=hospital.node.clock.stamp(),
            )
        )
        bind_rows(connection, batch)
        return number, rows


def _write_down(hospital: Hospital, batch: str, manifest: Manifest) -> bool:
    """Whether the parcel may go: nobody withdrew or opted out while it was made."""
    with writing(hospital.node.index) as connection:
        changed = connection.execute(
            update(PARCELS)
            .where(PARCELS.c.batch == batch, PARCELS.c.state == "sealing")
            .values(state="sealed", digest=manifest.digest)
        )
        if changed.rowcount:
            facts: dict[str, Json] = {
                "registry": manifest.registry,
                "sequence": manifest.sequence,
                "instances": manifest.instances,
            }
            hospital.node.ledger.append(
                "parcel-sealed", manifest.digest, actor=hospital.name, facts=facts, connection=connection
            )
        state = connection.execute(select(PARCELS.c.state).where(PARCELS.c.batch == batch)).scalar_one()
    return state not in ("withdrawn", "refused")
