"""Seal: the clean files of a batch become one signed parcel, one pack per series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select, update

from kaname.database import reading, writing
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, PARCELS
from kaname.gateway.receive import withdrawn
from kaname.ledger import Json
from kaname.ledger.canonical import canonical
from kaname.pack import PackFile, write_pack
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.parcel.seal import seal as seal_parcel
from kaname.store import digest_bytes


def seal(hospital: Hospital, batch: str) -> Json:
    """Seals what of the batch was cleaned; returns the parcel's digest, empty where there is nothing to send."""
    with reading(hospital.node.index) as connection:
        rows = connection.execute(
            select(OBJECTS)
            .where(OBJECTS.c.batch == batch, OBJECTS.c.state == "cleaned")
            .order_by(OBJECTS.c.series, OBJECTS.c.instance)
        ).all()
        if not rows or withdrawn(connection, rows[0].registry, rows[0].subject):
            return ""
    first = rows[0]
    folder = hospital.crossing / batch
    packs = [_pack(folder, [r for r in rows if r.series == series]) for series in sorted({r.series for r in rows})]
    files = {entry.digest: file.path for entry, file in packs}
    record, record_path = _record(folder, first, len(rows))
    files[record.digest] = record_path
    manifest = Manifest(
        gateway=hospital.name,
        registry=first.registry,
        sequence=_sequence(hospital, batch, first),
        subject=first.subject,
        attestation=hospital.engine(first.registry).attestation,
        packs=tuple(entry for entry, _ in packs),
        records=(record,),
    )
    hospital.outbox.mkdir(parents=True, exist_ok=True)
    seal_parcel(manifest, files, hospital.signing, hospital.outbox / f"{manifest.digest}.parcel")
    _write_down(hospital, batch, manifest)
    return manifest.digest


def _pack(folder: Path, rows: list[Row[Any]]) -> tuple[PackEntry, PackFile]:
    first = rows[0]
    place = folder / first.subject / first.study / first.series
    target = folder / "packs" / f"{first.series}.tar"
    target.parent.mkdir(exist_ok=True)
    written = write_pack([place / f"{row.instance}.dcm" for row in rows], target)
    instances = tuple((row.instance, row.digest) for row in rows)
    return PackEntry(written.digest, written.size_bytes, first.series, first.study, instances), written


def _record(folder: Path, first: Row[Any], instances: int) -> tuple[RecordEntry, Path]:
    """The study's record: what travels beside the images."""
    data = canonical({"instances": instances, "study_instance_uid": first.study, "subject": first.subject})
    path = folder / "packs" / "study.json"
    path.write_bytes(data)
    return RecordEntry(digest_bytes(data), len(data), "study"), path


def _sequence(hospital: Hospital, batch: str, first: Row[Any]) -> int:
    """The batch's number among the parcels of its registry: given once."""
    with writing(hospital.node.index) as connection:
        known = connection.execute(select(PARCELS.c.sequence).where(PARCELS.c.batch == batch)).scalar()
        if known is not None:
            return known
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
        return number


def _write_down(hospital: Hospital, batch: str, manifest: Manifest) -> None:
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
