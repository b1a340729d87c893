"""Records: rows of a department's table and radiology reports, kept sealed, linked to images by accession number.

Of a row only the registry's items travel, as codes and numbers; of a report nothing travels yet: it is kept, linked
and counted. What stands in the spool is the record as it came; the table of records has keyed words alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, or_, select

from kaname.database import reading, writing
from kaname.deid.engine import Engine
from kaname.errors import NotYet, Refused
from kaname.gateway.claims import Department, Row, read_department
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import FOREIGN, LINKAGE, RECORDS, WITHDRAWALS
from kaname.gateway.kept import delete_kept
from kaname.gateway.linking import Kind, Link, corrected, judge_record, link_of
from kaname.gateway.mapping import Value
from kaname.gateway.receive import Received, State, turn_away, withdrawn
from kaname.ledger.canonical import Json, canonical
from kaname.work import Outcome, shielded

REPORT_LIMIT_BYTES = 4 << 20
_KEYS = ("accession_number", "patient_id")


def is_table(path: Path) -> bool:
    """Whether a file is meant as a table, by its name."""
    return path.suffix.lower() == ".csv" and path.is_file() and not path.is_symlink()


def is_report(path: Path) -> bool:
    """Whether a file is a report: JSON that names an examination and a patient."""
    if path.suffix.lower() != ".json" or path.is_symlink() or not path.is_file():
        return False
    return _report(path) is not None


def _report(path: Path) -> dict[str, Json] | None:
    try:
        if path.stat().st_size > REPORT_LIMIT_BYTES:
            return None
        value: Json = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) and value[key] for key in _KEYS):
        return None
    return value


def receive_table(hospital: Hospital, path: Path, engine: Engine) -> Iterator[Received]:
    """Takes in every row of a table, each with its own outcome; a table that cannot be read is one refused row."""
    yield from receive_rows(hospital, shielded(read_department, path, engine), engine)


def receive_rows(hospital: Hospital, department: Department | Outcome, engine: Engine) -> Iterator[Received]:
    """As :func:`receive_table`, for a table that was read, or could not be."""
    if isinstance(department, Outcome):
        yield Received("", _door(department), department.reason, kind="row")
        return
    for row in department.rows:
        result = shielded(_take_row, hospital, row, engine)
        yield Received("", _door(result), result.reason, kind="row") if isinstance(result, Outcome) else result


def receive_report(hospital: Hospital, path: Path, engine: Engine) -> Received:
    """Takes in a report for which :func:`is_report` said yes."""
    result = shielded(_take_report, hospital, path, engine)
    return Received("", _door(result), result.reason, kind="report") if isinstance(result, Outcome) else result


def _door(outcome: Outcome) -> State:
    return "refused" if outcome.state == "refused" else "held"


def link_of_row(hospital: Hospital, row: Row, engine: Engine) -> Link:
    """By what a row, and the files that it names, are linked.

    Raises:
        Refused: ``record-incomplete``.
    """
    if not row.accession or not row.patient_id:
        raise Refused("record-incomplete")
    return link_of(
        engine,
        hospital.linkage,
        accession=row.accession,
        accession_issuer=row.accession_issuer,
        patient_id=row.patient_id,
        subject=engine.keys.subject(row.patient_id, row.issuer) if row.issuer else "",
    )


def turn_record_away(hospital: Hospital, connection: Connection, link: Link, patient_id: str) -> None:
    """Lets nothing in of a patient who withdrew or opted out, also where nobody says who issued the number.

    Raises:
        Refused: ``withdrawn``, ``opted-out``.
    """
    turn_away(connection, link)
    subjects = hospital.linkage.subjects(connection, link.registry, patient_id)
    if not link.subject and any(withdrawn(connection, link.registry, subject) for subject in subjects):
        raise Refused("withdrawn")


def _take_row(hospital: Hospital, row: Row, engine: Engine) -> Received:
    link = link_of_row(hospital, row, engine)
    items, problem = row.items()
    content = canonical({"items": {**items}, "row": {**row.cells}})
    return _keep(hospital, "row", link, content, row.patient_id, problem)


def _take_report(hospital: Hospital, path: Path, engine: Engine) -> Received:
    report = _report(path)
    if report is None:  # it changed since it was looked at
        raise NotYet("unreadable-file")
    patient_id = str(report["patient_id"])
    link = link_of(
        engine,
        hospital.linkage,
        accession=str(report["accession_number"]),
        accession_issuer="",
        patient_id=patient_id,
        subject="",
    )
    return _keep(hospital, "report", link, canonical(report), patient_id, "")


def _keep(hospital: Hospital, kind: Kind, link: Link, content: bytes, patient_id: str, problem: str) -> Received:
    """Seals the record, then writes its row, as an image is kept."""
    name = hospital.spool.name(content)
    with reading(hospital.node.index) as connection:
        turn_record_away(hospital, connection, link, patient_id)
        known = _known(connection, link.registry, name, kind)
    if known is not None:
        return known
    hospital.spool.put(content)
    old: list[str] = []
    with writing(hospital.node.index) as connection:
        known = _known(connection, link.registry, name, kind)
        if known is not None:
            return known
        state, reason = judge_record(connection, link, kind)
        if state != "held" and kind == "row":
            old = corrected(connection, link)
        if state != "held" and problem:
            state, reason = "held", problem
        at = hospital.node.clock.stamp()
        row = {"id": name, "registry": link.registry, "kind": kind, "received_at": at, "state": state, "reason": reason}
        row |= {"accession": link.accession, "accession_issuer": link.issuer}
        connection.execute(RECORDS.insert().values(**row, number=link.number, subject=link.subject))
    for one in old:
        hospital.spool.delete(one)
    return Received(name, "held" if state == "held" else "received", reason if state == "held" else "", kind=kind)


def _known(connection: Connection, registry: str, name: str, kind: Kind) -> Received | None:
    row = connection.execute(
        select(RECORDS.c.state, RECORDS.c.reason).where(RECORDS.c.id == name, RECORDS.c.registry == registry)
    ).first()
    if row is None:
        return None
    held = row.state == "held"
    return Received(name, "held" if held else "received", row.reason if held else "", known=True, kind=kind)


def items_of(hospital: Hospital, name: str) -> dict[str, Value]:
    """The items of a row that was kept.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
    """
    kept = json.loads(bytes(hospital.spool.open(name).buffer))
    return cast("dict[str, Value]", kept["items"])


def forget_records(hospital: Hospital, registry: str, subject: str) -> int:
    """Deletes rows, reports and waiting files of a subject that withdrew, those without a known issuer too.

    Originals go first, then the rows: cut off in between, the same again finishes it. Returns how many.
    """
    mine = (LINKAGE.c.registry == registry, LINKAGE.c.subject == subject)
    asked = (WITHDRAWALS.c.registry == registry, WITHDRAWALS.c.subject == subject, WITHDRAWALS.c.number != "")
    numbers = select(LINKAGE.c.number).where(*mine).union(select(WITHDRAWALS.c.number).where(*asked))
    gone = 0
    for table in (RECORDS, FOREIGN):
        unclear = (table.c.subject == "") & table.c.number.in_(numbers.scalar_subquery())
        gone += delete_kept(hospital, table, table.c.registry == registry, or_(table.c.subject == subject, unclear))
    return gone
