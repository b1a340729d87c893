"""Consent: who opted out, per registry, as the hospital's list says; asked at the door and again before sealing.

Of an image of somebody who opted out nothing is kept. What left before is taken back by a withdrawal, not by a list.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, delete, func, select, update

from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import CONSENTS, FOREIGN, LINKAGE, OBJECTS, PARCELS, RECORDS
from kaname.gateway.kept import delete_kept
from kaname.gateway.tables import HospitalTable, read_table
from kaname.ledger import Json
from kaname.registries import load

OUT, IN = "opt-out", "opt-in"
OPTED_OUT = "opted-out"
HEADINGS = ("patient_id", "issuer", "registry", "decision")


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of a list: what one patient decided for one registry."""

    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    """Empty: whoever issued the number."""
    registry: str
    opted_out: bool


def read_list(hospital: Hospital, path: Path) -> dict[str, Json]:
    """Takes in a list of decisions, all of it or nothing; a later list overrules an earlier one.

    What lies here of those who opted out goes at once: originals, clean copies, records and parcels that wait.

    Returns:
        How many decisions of each kind, how many objects went, and how many had left before: for those a withdrawal
        is needed.

    Raises:
        Refused: ``consent-invalid`` with the ``line``; what :func:`kaname.gateway.tables.read_table` refuses.
    """
    decisions = _decisions(read_table(path))
    gone, left = 0, 0
    for decision in decisions:
        number, only, subjects = _write_down(hospital, decision)
        if decision.opted_out:
            _let_records_go(hospital, decision.registry, number, only)
            for subject in subjects:
                here, elsewhere = let_go(hospital, decision.registry, subject)
                gone, left = gone + here, left + elsewhere
    counted = Counter(OUT if decision.opted_out else IN for decision in decisions)
    facts: dict[str, Json] = {OUT: counted[OUT], IN: counted[IN], "objects_gone": gone, "objects_left_before": left}
    hospital.node.ledger.append("consent-listed", hospital.name, actor=hospital.name, facts=facts)
    return facts


def _decisions(table: HospitalTable) -> list[Decision]:
    if not {"patient_id", "registry", "decision"} <= set(table.headings) <= set(HEADINGS):
        raise Refused("consent-invalid", line=1)
    found: list[Decision] = []
    for line, row in enumerate(table.rows(), start=2):
        patient, decision = row["patient_id"].strip(), row["decision"].strip().lower()
        if not patient or decision not in (OUT, IN):
            raise Refused("consent-invalid", line=line)
        registry = load(row["registry"].strip()).id
        found.append(Decision(patient, row.get("issuer", "").strip(), registry, decision == OUT))
    return found


def _write_down(hospital: Hospital, decision: Decision) -> tuple[str, str, list[str]]:
    """Keeps one decision; returns the keyed number, the subject where one issuer is meant, and those that came here."""
    number = hospital.linkage.number(decision.patient_id)
    subject = ""
    if decision.issuer:
        subject = hospital.key.for_registry(decision.registry).subject(decision.patient_id, decision.issuer)
    mine = (
        CONSENTS.c.registry == decision.registry,
        CONSENTS.c.number == number,
        CONSENTS.c.subject == subject,
    )
    with writing(hospital.node.index) as connection:
        connection.execute(delete(CONSENTS).where(*mine))
        connection.execute(
            CONSENTS.insert().values(
                registry=decision.registry,
                number=number,
                subject=subject,
                decision=OUT if decision.opted_out else IN,
                at=hospital.node.clock.stamp(),
            )
        )
        known = hospital.linkage.subjects(connection, decision.registry, decision.patient_id)
        subjects = [one for one in known if one == subject] if subject else known
        if not decision.opted_out:  # whose images were turned away may send them again
            connection.execute(
                delete(OBJECTS).where(
                    OBJECTS.c.registry == decision.registry,
                    OBJECTS.c.subject.in_(subjects),
                    OBJECTS.c.reason == OPTED_OUT,
                )
            )
    return number, subject, subjects


def opted_out(connection: Connection, registry: str, number: str, subject: str) -> bool:
    """Whether this patient opted out; what was decided for one issuer's patient goes before what holds for all.

    Args:
        connection: a transaction.
        registry: the registry.
        number: keyed digest of the patient number.
        subject: empty where the issuer is not known: then any opt-out of that number counts.
    """
    rows = connection.execute(
        select(CONSENTS.c.subject, CONSENTS.c.decision).where(
            CONSENTS.c.registry == registry, CONSENTS.c.number == number
        )
    ).all()
    decided = {row.subject: row.decision for row in rows}
    if not subject:
        return OUT in decided.values()
    return decided.get(subject, decided.get("")) == OUT


def has_opted_out(connection: Connection, registry: str, subject: str) -> bool:
    """As :func:`opted_out`, for a subject that came here before."""
    mine = (LINKAGE.c.registry == registry, LINKAGE.c.subject == subject)
    number = connection.execute(select(LINKAGE.c.number).where(*mine)).scalar()
    return number is not None and opted_out(connection, registry, number, subject)


def let_go(hospital: Hospital, registry: str, subject: str) -> tuple[int, int]:
    """Deletes what lies here of a subject that opted out; returns how many objects went, how many had left before.

    Files go first, then the rows say so: cut off in between, the same again finishes it.
    """
    mine = (OBJECTS.c.registry == registry, OBJECTS.c.subject == subject)
    here = OBJECTS.c.state.in_(("received", "cleaned", "held", "refused")) & (OBJECTS.c.reason != OPTED_OUT)
    waits = (PARCELS.c.registry == registry, PARCELS.c.subject == subject, PARCELS.c.state.in_(("sealing", "sealed")))
    gone = OBJECTS.c.state.in_(("sent", "closed"))
    with reading(hospital.node.index) as connection:
        objects = connection.execute(select(OBJECTS.c.id, OBJECTS.c.batch).where(*mine, here)).all()
        left = connection.scalar(select(func.count()).select_from(OBJECTS).where(*mine, gone))
        parcels = connection.scalars(select(PARCELS.c.digest).where(*waits, PARCELS.c.digest != "")).all()
        shared = {row.id for row in objects if _needed_elsewhere(connection, registry, row.id)}
    for row in objects:
        if row.id not in shared:
            hospital.spool.delete(row.id)
    for batch in {row.batch for row in objects if row.batch}:
        shutil.rmtree(hospital.crossing / batch, ignore_errors=True)
    for digest in parcels:
        (hospital.outbox / f"{digest}.parcel").unlink(missing_ok=True)
    with writing(hospital.node.index) as connection:
        connection.execute(update(OBJECTS).where(*mine, here).values(state="refused", reason=OPTED_OUT))
        connection.execute(update(PARCELS).where(*waits).values(state="refused", reason=OPTED_OUT))
    return len(objects), left or 0


def _needed_elsewhere(connection: Connection, registry: str, name: str) -> bool:
    """Whether the same original was received for another registry too, which may go on."""
    other = (OBJECTS.c.id == name, OBJECTS.c.registry != registry)
    states = OBJECTS.c.state.in_(("received", "cleaned", "sent", "held"))
    return connection.execute(select(OBJECTS.c.id).where(*other, states)).first() is not None


def _let_records_go(hospital: Hospital, registry: str, number: str, subject: str) -> None:
    """Deletes rows, reports and waiting files of a patient; with a subject, only what is not another issuer's."""
    for table in (RECORDS, FOREIGN):
        theirs = [table.c.registry == registry, table.c.number == number]
        if subject:
            theirs.append(table.c.subject.in_(("", subject)))
        delete_kept(hospital, table, *theirs)
