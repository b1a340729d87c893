"""Records: rows of a department's table and radiology reports, kept sealed, linked to images by accession number.

Of a row only the registry's items travel, as codes and numbers; of a report nothing travels yet: it is kept, linked
and counted. What stands in the spool is the record as it came; the table of records has keyed words alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, delete, or_, select

from kaname.database import reading, writing
from kaname.deid.engine import Engine
from kaname.errors import NotYet, Refused
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import LINKAGE, RECORDS, WITHDRAWALS
from kaname.gateway.linking import Kind, Link, corrected, judge_record, link_of
from kaname.gateway.mapping import FILE as MAPPING_FILE
from kaname.gateway.mapping import Mapping, Value, mapping_for
from kaname.gateway.receive import Received, State, turn_away, withdrawn
from kaname.gateway.tables import read_table
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


def is_department_table(path: Path, engine: Engine) -> bool:
    """Whether the images beside this table ought to be named by it: it can be read, or somebody wrote a mapping."""
    mapping = path.with_name(MAPPING_FILE)
    return mapping.is_file() or isinstance(shielded(_mapped, path, mapping, engine), tuple)


def _mapped(path: Path, mapping: Path, engine: Engine) -> tuple[list[dict[str, str]], Mapping]:
    table = read_table(path)
    return list(table.rows()), mapping_for(table.headings, engine.registry, mapping)


def receive_table(hospital: Hospital, path: Path, engine: Engine) -> Iterator[Received]:
    """Takes in every row of a table, each with its own outcome; a table that cannot be read is one refused row."""
    read = shielded(_mapped, path, path.with_name(MAPPING_FILE), engine)
    if isinstance(read, Outcome):
        yield Received("", _door(read), read.reason, kind="row")
        return
    rows, mapping = read
    for row in rows:
        result = shielded(_take_row, hospital, row, mapping, engine)
        yield Received("", _door(result), result.reason, kind="row") if isinstance(result, Outcome) else result


def receive_report(hospital: Hospital, path: Path, engine: Engine) -> Received:
    """Takes in a report for which :func:`is_report` said yes."""
    result = shielded(_take_report, hospital, path, engine)
    return Received("", _door(result), result.reason, kind="report") if isinstance(result, Outcome) else result


def _door(outcome: Outcome) -> State:
    return "refused" if outcome.state == "refused" else "held"


def _take_row(hospital: Hospital, row: dict[str, str], mapping: Mapping, engine: Engine) -> Received:
    accession, patient_id, issuer = (mapping.key(row, key) for key in ("accession", "patient_id", "issuer"))
    if not accession or not patient_id:
        raise Refused("record-incomplete")
    link = link_of(
        engine,
        hospital.linkage,
        accession=accession,
        accession_issuer=mapping.key(row, "accession_issuer"),
        patient_id=patient_id,
        subject=engine.keys.subject(patient_id, issuer) if issuer else "",
    )
    items: dict[str, Json] = {}
    problem = ""
    for column in mapping.items:
        value = shielded(column.value, row[column.column])
        if isinstance(value, Outcome):
            problem = value.reason
        elif value is not None:
            items[column.item.name] = value
    content = canonical({"items": items, "row": {**row}})
    return _keep(hospital, "row", link, content, patient_id, problem)


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
        turn_away(connection, link)
        subjects = hospital.linkage.subjects(connection, link.registry, patient_id)
        if not link.subject and any(withdrawn(connection, link.registry, subject) for subject in subjects):
            raise Refused("withdrawn")
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
    """Deletes rows and reports of a subject that withdrew, those without a known issuer too; returns how many.

    Originals go first, then the rows: cut off in between, the same again finishes it.
    """
    mine = (LINKAGE.c.registry == registry, LINKAGE.c.subject == subject)
    asked = (WITHDRAWALS.c.registry == registry, WITHDRAWALS.c.subject == subject, WITHDRAWALS.c.number != "")
    numbers = select(LINKAGE.c.number).where(*mine).union(select(WITHDRAWALS.c.number).where(*asked))
    unclear = (RECORDS.c.subject == "") & RECORDS.c.number.in_(numbers.scalar_subquery())
    theirs = (RECORDS.c.registry == registry, or_(RECORDS.c.subject == subject, unclear))
    with reading(hospital.node.index) as connection:
        names = connection.scalars(select(RECORDS.c.id).where(*theirs)).all()
    for name in names:
        hospital.spool.delete(name)
    with writing(hospital.node.index) as connection:
        connection.execute(delete(RECORDS).where(*theirs))
    return len(names)
