"""Rows of annotation: found and written, always within the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, exists, func, insert, select, text, update

from kaname.annotation.index import CASES, READINGS, TASKS
from kaname.annotation.marks import marks_json, marks_of
from kaname.annotation.model import Case, Progress, Reading, Sought, State, Task, Verdict
from kaname.annotation.questions import question_json, question_of
from kaname.errors import Refused
from kaname.ledger import canonical
from kaname.store import digest_bytes

ANNOTATION_LOCK = 0x6D61726B73
"""Key of the PostgreSQL advisory lock of :func:`one_at_a_time`."""


def one_at_a_time(connection: Connection) -> None:
    """Puts everything that writes here in a row until the transaction ends (on SQLite, the write lock has done so).

    A case is then never made from an archive that a withdrawal has emptied since, and every verdict is of all readings.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ANNOTATION_LOCK})


def case_id(task: str, image: tuple[str, int], other: tuple[str, int] | None = None) -> str:
    """The id of a case of an image, or of it and the ``other`` on its right: the same at every node.

    An image is its SOP Instance UID, and a frame from 1 or 0 for the whole of it.
    """
    return digest_bytes(canonical([task, *image, *(other or ())]))


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────


def find_task(connection: Connection, name: str) -> Task | None:
    """The task of that name, if there is one."""
    row = connection.execute(select(TASKS).where(TASKS.c.name == name)).one_or_none()
    return None if row is None else _task(row)


def task_of(connection: Connection, name: str) -> Task:
    """The task of that name.

    Raises:
        Refused: ``not-found``.
    """
    task = find_task(connection, name)
    if task is None:
        raise Refused("not-found")
    return task


def tasks_of(connection: Connection, registries: Iterable[str]) -> tuple[Task, ...]:
    """The tasks of these registries, by name."""
    query = select(TASKS).where(TASKS.c.registry.in_(list(registries))).order_by(TASKS.c.name)
    return tuple(_task(row) for row in connection.execute(query))


def add_task(connection: Connection, task: Task) -> None:
    """Writes a new task down."""
    connection.execute(
        insert(TASKS).values(
            name=task.name,
            registry=task.registry,
            readers=task.readers,
            question=canonical(question_json(task.question)).decode(),
            made_at=task.made_at,
        )
    )


def progress_of(connection: Connection, name: str) -> Progress:
    """How many cases of a task, whose images are here, are in which state."""
    query = select(CASES.c.state, func.count()).where(CASES.c.task == name, CASES.c.pack != "").group_by(CASES.c.state)
    counts: dict[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    return Progress(counts.get("open", 0), counts.get("disputed", 0), counts.get("settled", 0))


# ── cases ────────────────────────────────────────────────────────────────────────────────────────


def find_case(connection: Connection, id: str) -> Case | None:  # noqa: A002 -- the word for what is ours
    """The case of that id, whether its image is here or not."""
    row = connection.execute(select(CASES).where(CASES.c.id == id)).one_or_none()
    return None if row is None else case_of(row)


def case_of(row: Row[*tuple[Any, ...]]) -> Case:
    """A case as its row says."""
    return Case(
        id=row.id,
        task=row.task,
        registry=row.registry,
        subject=row.subject,
        study_instance_uid=row.study_instance_uid,
        series_instance_uid=row.series_instance_uid,
        sop_instance_uid=row.sop_instance_uid,
        frame=row.frame,
        rows=row.image_rows,
        columns=row.image_columns,
        pack=row.pack,
        verdict=Verdict(row.state, row.label, row.settled),
        frames=row.frames,
        other_sop_instance_uid=row.other_sop_instance_uid,
        other_frame=row.other_frame,
        other_pack=row.other_pack,
    )


def add_cases(connection: Connection, cases: Iterable[Case]) -> int:
    """Writes open cases down that are not there yet; returns how many."""
    fresh = {case.id: case for case in cases}
    series = sorted({(case.task, case.series_instance_uid) for case in fresh.values()})
    for task, uid in series:
        known = select(CASES.c.id).where(CASES.c.task == task, CASES.c.series_instance_uid == uid)
        for id in connection.scalars(known).all():  # noqa: A001
            fresh.pop(id, None)
    rows = [
        {
            "id": case.id,
            "task": case.task,
            "registry": case.registry,
            "subject": case.subject,
            "study_instance_uid": case.study_instance_uid,
            "series_instance_uid": case.series_instance_uid,
            "sop_instance_uid": case.sop_instance_uid,
            "frame": case.frame,
            "image_rows": case.rows,
            "image_columns": case.columns,
            "pack": case.pack,
            "state": "open",
            "frames": case.frames,
            "other_sop_instance_uid": case.other_sop_instance_uid,
            "other_frame": case.other_frame,
            "other_pack": case.other_pack,
        }
        for case in fresh.values()
    ]
    if rows:
        connection.execute(insert(CASES), rows)
    return len(rows)


def sought_cases(connection: Connection, name: str, sought: Sought, origin: str) -> tuple[Case, ...]:
    """Cases of a task that are asked for and whose images are here, by id.

    Args:
        connection: A transaction.
        name: Of the task.
        sought: Which.
        origin: Node of the reader that is asked about.
    """
    query = select(CASES).where(CASES.c.task == name, CASES.c.state == sought.state, CASES.c.pack != "")
    query = query.where(CASES.c.id > sought.after)
    if sought.study:
        query = query.where(CASES.c.study_instance_uid == sought.study)
    if sought.instance:
        query = query.where(CASES.c.sop_instance_uid == sought.instance)
    if sought.unread_by:
        own = (READINGS.c.origin == origin, READINGS.c.reader == sought.unread_by, READINGS.c.kind == "reading")
        query = query.where(~exists().where(READINGS.c.case_id == CASES.c.id, *own))
    return tuple(case_of(row) for row in connection.execute(query.order_by(CASES.c.id).limit(sought.limit)))


def write_verdict(connection: Connection, case: Case, verdict: Verdict, due: int) -> None:
    """Writes down what a case's readings come to, and, unless 0, that upstream is to be told of it."""
    values: dict[str, object] = {"state": verdict.state, "label": verdict.label, "settled": verdict.settled}
    if due:
        values |= {"due": due, "hindrance": ""}
    connection.execute(update(CASES).where(CASES.c.id == case.id).values(**values))


# ── readings ─────────────────────────────────────────────────────────────────────────────────────


def readings_of(connection: Connection, case: str) -> tuple[Reading, ...]:
    """All readings of a case, in their order: by time, and those of one node as they came there."""
    query = select(READINGS).where(READINGS.c.case_id == case)
    return tuple(sorted((_reading(row) for row in connection.execute(query)), key=order))


def order(reading: Reading) -> tuple[str, str, int]:
    """What readings are ordered by."""
    return reading.at, reading.origin, reading.number


def readings_of_task(connection: Connection, name: str, state: State | None = None) -> Iterator[Reading]:
    """All readings of a task, or of its cases in one state: case by case, those of a case in their order."""
    query = select(READINGS).join(CASES, CASES.c.id == READINGS.c.case_id).where(CASES.c.task == name)
    if state is not None:
        query = query.where(CASES.c.state == state)
    query = query.order_by(READINGS.c.case_id, READINGS.c.at, READINGS.c.origin, READINGS.c.number)
    return (_reading(row) for row in connection.execute(query))


def add_reading(connection: Connection, reading: Reading) -> None:
    """Adds a reading."""
    connection.execute(
        insert(READINGS).values(
            case_id=reading.case,
            origin=reading.origin,
            number=reading.number,
            reader=reading.reader,
            kind=reading.kind,
            marks=canonical(marks_json(reading.marks)).decode(),
            at=reading.at,
        )
    )


def next_reading(before: tuple[Reading, ...], draft: Reading) -> Reading:
    """The draft with the next number of its origin, and a time that is not before any earlier reading's."""
    number = sum(reading.origin == draft.origin for reading in before) + 1
    return replace(draft, number=number, at=max([draft.at, *(reading.at for reading in before)]))


def _reading(row: Row[*tuple[Any, ...]]) -> Reading:
    marks = marks_of(json.loads(row.marks))
    return Reading(row.case_id, row.origin, row.number, row.reader, row.kind, marks, row.at)


def _task(row: Row[*tuple[Any, ...]]) -> Task:
    return Task(row.name, row.registry, question_of(json.loads(row.question)), row.readers, row.made_at)
