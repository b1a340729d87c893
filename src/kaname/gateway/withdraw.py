"""Withdraw: a patient takes everything back, here first, then at the partner, until its certificate is in hand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from sqlalchemy import func, select, update

from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, PARCELS, WITHDRAWALS
from kaname.gateway.records import forget_records
from kaname.ledger import Json
from kaname.parcel.statements import Certificate, Withdrawal
from kaname.parcel.transfer import send_withdrawal


def request(
    hospital: Hospital, patient_id: str, issuer: str | None, registries: Sequence[str], *, unseen: bool = False
) -> list[str]:
    """Writes the withdrawal of a patient down; from here on nothing of the patient is taken in or sent.

    Args:
        hospital: the gateway.
        patient_id: the hospital's number.
        issuer: as in Issuer of Patient ID; ``None`` means whoever issued it, in the past and from now on.
        registries: from which registries.
        unseen: also when no image of the patient ever came here.

    Returns:
        ``registry:subject`` of each subject that the patient became, for the worker and for :func:`certificate_of`.

    Raises:
        Refused: ``patient-unknown``: a certificate would be of nothing.
    """
    who = [(name, subject) for name in registries for subject in _subjects(hospital, name, patient_id, issuer)]
    if not patient_id or not (who or unseen):
        raise Refused("patient-unknown")
    if unseen:
        unknown = [name for name in registries if name not in {registry for registry, _ in who}]
        who += [(name, hospital.key.for_registry(name).subject(patient_id, issuer or "")) for name in unknown]
    number = "" if issuer else hospital.linkage.number(patient_id)
    return [_request(hospital, registry, subject, number) for registry, subject in who]


def _subjects(hospital: Hospital, registry: str, patient_id: str, issuer: str | None) -> list[str]:
    with reading(hospital.node.index) as connection:
        known = hospital.linkage.subjects(connection, registry, patient_id)
    if issuer is None:
        return known
    subject = hospital.key.for_registry(registry).subject(patient_id, issuer)
    return [subject] if subject in known else []


def _request(hospital: Hospital, registry: str, subject: str, number: str) -> str:
    with writing(hospital.node.index) as connection:
        known = connection.execute(
            select(WITHDRAWALS.c.state).where(WITHDRAWALS.c.registry == registry, WITHDRAWALS.c.subject == subject)
        ).scalar()
        if known is None:
            last = connection.execute(
                select(func.max(WITHDRAWALS.c.sequence)).where(WITHDRAWALS.c.registry == registry)
            ).scalar()
            at = hospital.node.clock.stamp()
            statement = Withdrawal(registry, subject, hospital.name, (last or 0) + 1, at)
            connection.execute(
                WITHDRAWALS.insert().values(
                    registry=registry,
                    subject=subject,
                    sequence=statement.sequence,
                    number=number,
                    state="requested",
                    statement=statement.sign(hospital.signing),
                    at=at,
                )
            )
            hospital.node.ledger.append(
                "withdrawal-requested",
                subject,
                actor=hospital.name,
                facts={"registry": registry, "sequence": statement.sequence},
                connection=connection,
            )
    return f"{registry}:{subject}"


def forget(hospital: Hospital, who: str) -> Json:
    """Step: deletes originals, clean copies and unsent parcels of the subject here; returns how many originals."""
    registry, subject = who.split(":")
    forget_records(hospital, registry, subject)
    with reading(hospital.node.index) as connection:
        mine = (OBJECTS.c.registry == registry, OBJECTS.c.subject == subject)
        objects = connection.execute(select(OBJECTS.c.id, OBJECTS.c.batch).where(*mine)).all()
        parcels = connection.execute(
            select(PARCELS.c.digest).where(PARCELS.c.registry == registry, PARCELS.c.subject == subject)
        ).all()
    for row in objects:
        hospital.spool.delete(row.id)
    for batch in {row.batch for row in objects if row.batch}:
        shutil.rmtree(hospital.crossing / batch, ignore_errors=True)
    for row in parcels:
        (hospital.outbox / f"{row.digest}.parcel").unlink(missing_ok=True)
    with writing(hospital.node.index) as connection:
        connection.execute(update(OBJECTS).where(*mine).values(state="withdrawn", reason="withdrawn"))
        connection.execute(
            update(PARCELS)
            .where(PARCELS.c.registry == registry, PARCELS.c.subject == subject)
            .values(state="withdrawn", reason="withdrawn")
        )
    return len(objects)


def ask_upstream(hospital: Hospital, who: str) -> Json:
    """Step: has the partner forget the subject; keeps and returns what its certificate says.

    Raises:
        NotYet: ``not-enrolled``, ``receiver-unreachable``, ``receiver-busy``.
        Refused: ``certificate-invalid``, or the reason that the partner gives.
    """
    registry, subject = who.split(":")
    partner = hospital.partner()
    mine = (WITHDRAWALS.c.registry == registry, WITHDRAWALS.c.subject == subject)
    with reading(hospital.node.index) as connection:
        row = connection.execute(select(WITHDRAWALS).where(*mine)).one()
    certificate = send_withdrawal(row.statement, partner)
    with writing(hospital.node.index) as connection:
        changed = connection.execute(
            update(WITHDRAWALS)
            .where(*mine, WITHDRAWALS.c.state == "requested")
            .values(state="certified", certificate=certificate.statement)
        )
        if changed.rowcount:
            hospital.node.ledger.append(
                "withdrawal-certified",
                subject,
                actor=hospital.name,
                facts={"registry": registry, "deleted": len(certificate.deleted)},
                connection=connection,
            )
    return _summary(certificate)


def certificate_of(hospital: Hospital, who: str) -> dict[str, Json]:
    """What the certificate for a withdrawal says, checked against the partner's pinned key.

    Raises:
        Refused: ``not-found`` before it came, ``certificate-invalid``.
    """
    registry, subject = who.split(":")
    with reading(hospital.node.index) as connection:
        data = connection.execute(
            select(WITHDRAWALS.c.certificate).where(
                WITHDRAWALS.c.registry == registry, WITHDRAWALS.c.subject == subject
            )
        ).scalar()
    if data is None:
        raise Refused("not-found")
    key = hospital.partner().key
    return _summary(Certificate.open(data, {key.id: key}))


def _summary(certificate: Certificate) -> dict[str, Json]:
    return {
        "registry": certificate.registry,
        "subject": certificate.subject,
        "deleted_objects": len(certificate.deleted),
        "dataset_versions": [{"name": d.name, "version": d.version, "digest": d.digest} for d in certificate.datasets],
        "models": [{"name": m.name, "version": m.version, "digest": m.digest} for m in certificate.models],
        "places": [{"name": p.name, "outcome": p.outcome, "until": p.until} for p in certificate.places],
        "upstream": [{"tier": tier.name, **_summary(tier.certificate)} for tier in certificate.upstream],
        "at": certificate.at,
    }
