"""Settled cases travel from a hub to the next tier with their readings, as signed messages.

The receiver keeps readings as they are, under the name of the hub that sent them, and settles its own cases by the same
rule (``docs/spec/annotation.md``). A message that comes again, in parts or in another order, changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, func, select, update

from kaname.annotation import rows
from kaname.annotation.arrivals import locate
from kaname.annotation.flow import judge
from kaname.annotation.index import CASES
from kaname.annotation.marks import check, marks_json, marks_of
from kaname.annotation.model import KINDS, WHOLE, Case, Reading, Task
from kaname.annotation.questions import question_json, question_of
from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.intake.rows import has_withdrawn
from kaname.ledger import Json, canonical
from kaname.node import Node
from kaname.parcel.ask import Partner
from kaname.parcel.enrolment import is_enrolled, signing_key
from kaname.parcel.fields import NAME, STAMP, SUBJECT, Fields
from kaname.parcel.messages import READINGS, Acknowledgement, Message, send_message
from kaname.store import digest_bytes
from kaname.work import Do, Outcome, attempt

CASES_AT_ONCE = 500
BYTES_AT_ONCE = 4 << 20
"""Of the cases in one message; a message may have 16 MiB."""
COUNT_LIMIT = 1 << 31
"""Of a count that is kept in a column."""
CASE_MEMBERS = (
    "subject", "study", "series", "instance", "frame", "rows", "columns", "frames", "other", "readings",
)  # fmt: skip
"""Of one case in a message."""
READER = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_INVALID = "readings-invalid"


@dataclass(frozen=True, slots=True)
class Told:
    """One case as a message tells it."""

    case: Case
    readings: tuple[Reading, ...]


def unsent(node: Node) -> tuple[str, ...]:
    """What has yet to be told upstream: an id for every task that has settled cases; none where no tier follows.

    An id names the first event that upstream has not heard of, so it is another one each time there is something new.
    """
    if not is_enrolled(node.settings.keys):
        return ()
    query = select(CASES.c.task, func.min(CASES.c.due)).where(CASES.c.due > 0).group_by(CASES.c.task)
    with reading(node.index) as connection:
        return tuple(f"{task}:{event}" for task, event in sorted(tuple(row) for row in connection.execute(query)))


def send_readings(node: Node, do: Do, id: Json) -> Json:  # noqa: A002 -- the word for what is ours
    """The worker's flow: all that is due of a task is told, message by message; returns how many cases.

    ``id`` is one of :func:`unsent`.
    """
    return do(partial(send, node), id)


def send(node: Node, id: str) -> Json:  # noqa: A002
    """Step: tells upstream every case of a task that is due now. What upstream refuses is marked and not sent again.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``, ``index-busy``; the same call goes on from there.
    """
    task = id.rpartition(":")[0]
    sent = 0
    while cases := _due(node, task):
        for batch in _batches(cases):
            sent += _send(node, task, batch)
    return sent


def resend(node: Node, task: str, *, actor: str = "") -> int:
    """Makes cases due again that upstream refused; returns how many.

    Raises:
        Refused: ``not-found``.
        NotYet: ``index-busy``.
    """
    hindered = (CASES.c.task == task, CASES.c.hindrance != "")
    with writing(node.index) as connection:
        rows.one_at_a_time(connection)
        rows.task_of(connection, task)
        count = connection.execute(select(func.count()).select_from(CASES).where(*hindered)).scalar_one()
        if count:
            facts: dict[str, Json] = {"cases": count}
            actor = actor or node.settings.name
            event = node.ledger.append("readings-resent", task, actor=actor, facts=facts, connection=connection)
            connection.execute(update(CASES).where(*hindered).values(due=event.sequence, hindrance=""))
    return count


def take_in(node: Node, sender: str, registry: str, body: Json) -> Json:
    """Keeps what a hub tells. Cases whose image has not arrived yet wait for it; subjects who withdrew are left out.

    Args:
        node: A node of the de-identified side.
        sender: The hub, as it was admitted: its readers are known here as its own.
        registry: The registry that it speaks about.
        body: What :func:`send` puts together.

    Returns:
        How many cases and readings were new, and how many cases were of subjects who withdrew.

    Raises:
        Refused: ``readings-invalid`` (``part`` says why), ``reading-invalid``, ``task-registry``.
        NotYet: ``index-busy``, ``storage-full``, ``storage-unreachable``.
    """
    fields = Fields(body, _INVALID, "task", "cases")
    task = _told_task(fields.inner("task", "name", "question", "readers", "made_at"), registry)
    told = fields.items("cases", partial(_told, task, sender))
    new_cases = new_readings = withdrawn = 0
    with writing(node.index) as connection:
        rows.one_at_a_time(connection)
        known = rows.find_task(connection, task.name)
        if known is not None and known.registry != registry:
            raise Refused("task-registry")
        if known is None:
            rows.add_task(connection, task)
        for one in told:
            if has_withdrawn(connection, registry, one.case.subject):
                withdrawn += 1
                continue
            new_cases += rows.add_cases(connection, [one.case])
            new_readings += _keep(connection, known or task, one)
        locate(connection, node.store, task.name)
        facts: dict[str, Json] = {"cases": new_cases, "readings": new_readings, "withdrawn": withdrawn}
        if new_cases or new_readings:
            node.ledger.append("readings-received", task.name, actor=sender, facts=facts, connection=connection)
    return facts


def _due(node: Node, task: str) -> list[tuple[int, Told]]:
    """The first cases that are due, each with its event, and the readings made at this node."""
    query = select(CASES).where(CASES.c.task == task, CASES.c.due > 0).order_by(CASES.c.due, CASES.c.id)
    with reading(node.index) as connection:
        found: list[tuple[int, Told]] = []
        for row in connection.execute(query.limit(CASES_AT_ONCE)).all():
            own = (one for one in rows.readings_of(connection, row.id) if one.origin == node.settings.name)
            found.append((row.due, Told(rows.case_of(row), tuple(own))))
        return found


def _batches(cases: list[tuple[int, Told]]) -> Iterator[list[tuple[int, Told]]]:
    """The cases in pieces of which each fits a message."""
    batch: list[tuple[int, Told]] = []
    size = 0
    for due, told in cases:
        grown = size + len(canonical(_told_json(told)))
        if batch and grown > BYTES_AT_ONCE:
            yield batch
            batch, grown = [], grown - size
        batch.append((due, told))
        size = grown
    if batch:
        yield batch


def _send(node: Node, name: str, batch: list[tuple[int, Told]]) -> int:
    """Tells one batch; returns how many cases were taken."""
    last = max(due for due, _ in batch)
    with reading(node.index) as connection:
        task = rows.task_of(connection, name)
    asked: dict[str, Json] = {
        "name": task.name,
        "question": question_json(task.question),
        "readers": task.readers,
        "made_at": task.made_at,
    }
    body: dict[str, Json] = {"task": asked, "cases": [_told_json(told) for _, told in batch]}
    message = Message(READINGS, node.settings.name, task.registry, last, body, node.clock.stamp())
    statement = message.sign(signing_key(node.settings.keys))
    answer = attempt(_deliver, node, statement)
    hindrance = answer.reason if isinstance(answer, Outcome) else ""
    facts: dict[str, Json] = {"cases": len(batch), "message": digest_bytes(statement), "reason": hindrance}
    with writing(node.index) as connection:
        rows.one_at_a_time(connection)
        mine = (CASES.c.id.in_([told.case.id for _, told in batch]), CASES.c.due <= last)
        connection.execute(update(CASES).where(*mine).values(due=0, hindrance=hindrance))
        action = "readings-hindered" if hindrance else "readings-sent"
        node.ledger.append(action, name, actor=node.settings.name, facts=facts, connection=connection)
    return 0 if hindrance else len(batch)


def _deliver(node: Node, statement: bytes) -> Acknowledgement:
    return send_message(statement, Partner.enrolled(node.settings.keys))


def _keep(connection: Connection, task: Task, told: Told) -> int:
    """Adds the readings of a case that are not there yet; returns how many."""
    case = rows.find_case(connection, told.case.id)
    if case is None or _place(case) != _place(told.case):
        raise Refused(_INVALID, part="case")
    before = {(one.origin, one.number): one for one in rows.readings_of(connection, case.id)}
    fresh = [one for one in told.readings if (one.origin, one.number) not in before]
    if any(before.get((one.origin, one.number), one) != one for one in told.readings):
        raise Refused(_INVALID, part="changed")
    for one in fresh:
        check(one.marks, task.question, case)
        rows.add_reading(connection, one)
    if fresh:
        judge(connection, task, case, 0)
    return len(fresh)


def _place(case: Case) -> tuple[str, ...]:
    uids = (case.study_instance_uid, case.series_instance_uid, case.sop_instance_uid)
    return (case.registry, case.subject, *uids, str(case.frame), case.other_sop_instance_uid, str(case.other_frame))


def _told_task(fields: Fields, registry: str) -> Task:
    question = question_of(fields.any("question"))
    return Task(fields.text("name", NAME), registry, question, _count(fields, "readers"), fields.text("made_at", STAMP))


def _told(task: Task, sender: str, value: Json) -> Told:
    """One case; ``frames`` and ``other`` may be missing, as cases of frames were once told."""
    known: Json = {"frames": 1, "other": None, **value} if isinstance(value, dict) else value
    fields = Fields(known, _INVALID, *CASE_MEMBERS)
    instance, frame = fields.uid("instance"), _count(fields, "frame", WHOLE)
    other = _other(fields)
    if (frame == WHOLE) != (task.question.unit == "instance") or (other is None) != (task.question.unit != "pair"):
        raise Refused(_INVALID, part="frame")
    case = Case(
        id=rows.case_id(task.name, (instance, frame), other),
        task=task.name,
        registry=task.registry,
        subject=fields.text("subject", SUBJECT),
        study_instance_uid=fields.uid("study"),
        series_instance_uid=fields.uid("series"),
        sop_instance_uid=instance,
        frame=frame,
        rows=_count(fields, "rows"),
        columns=_count(fields, "columns"),
        pack="",
        frames=_count(fields, "frames"),
        other_sop_instance_uid=other[0] if other else "",
        other_frame=other[1] if other else 0,
    )
    return Told(case, fields.items("readings", partial(_told_reading, case, sender)))


def _told_reading(case: Case, sender: str, value: Json) -> Reading:
    fields = Fields(value, _INVALID, "number", "reader", "kind", "marks", "at")
    marks = fields.any("marks")
    if not isinstance(marks, list):
        raise Refused(_INVALID, part="marks")
    return Reading(
        case=case.id,
        origin=sender,
        number=_count(fields, "number"),
        reader=fields.text("reader", READER),
        kind=fields.choice("kind", KINDS),
        marks=marks_of(marks),
        at=fields.text("at", STAMP),
    )


def _other(fields: Fields) -> tuple[str, int] | None:
    """The right image of a pair; ``None`` where there is none."""
    if fields.any("other") is None:
        return None
    right = fields.inner("other", "instance", "frame")
    return right.uid("instance"), _count(right, "frame")


def _count(fields: Fields, name: str, least: int = 1) -> int:
    number = fields.number(name, least)
    if number >= COUNT_LIMIT:
        raise Refused(_INVALID, part=name)
    return number


def _told_json(told: Told) -> dict[str, Json]:
    case = told.case
    return {
        "subject": case.subject,
        "study": case.study_instance_uid,
        "series": case.series_instance_uid,
        "instance": case.sop_instance_uid,
        "frame": case.frame,
        "rows": case.rows,
        "columns": case.columns,
        "frames": case.frames,
        "other": {"instance": case.other_sop_instance_uid, "frame": case.other_frame} if case.unit == "pair" else None,
        "readings": [
            {"number": one.number, "reader": one.reader, "kind": one.kind, "marks": marks_json(one.marks), "at": one.at}
            for one in told.readings
        ],
    }
