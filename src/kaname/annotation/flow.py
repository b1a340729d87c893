"""Asking readers: a task over series, cases handed out blind, readings added, labels settled.

A reader never learns what another one answered: the list of open cases says nothing of readings, and what an answer
made of its case is not told to who gave it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, select

from kaname.annotation import gather, rows
from kaname.annotation.agreement import agreements
from kaname.annotation.arrivals import locate
from kaname.annotation.index import CASES
from kaname.annotation.marks import check, marks_json
from kaname.annotation.model import (
    Agreement,
    Case,
    Gathered,
    Given,
    Kind,
    Marked,
    Progress,
    Reading,
    SettledLabel,
    Sought,
    Taken,
    Task,
)
from kaname.annotation.questions import question_from
from kaname.annotation.settle import deciding, settle
from kaname.database import reading, writing
from kaname.errors import Forbidden, Refused
from kaname.ledger import Json, canonical
from kaname.node import Node
from kaname.registries import load
from kaname.store import digest_bytes

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
PAGE_LIMIT = 1000
"""Cases in one answer, and readings in one request."""
SERIES_AT_ONCE = 50
"""Series whose cases are written in one transaction."""


def make(
    node: Node, name: str, registry: str, *, modality: str = "", series: Collection[str] = (), actor: str = ""
) -> Gathered:
    """Makes a task of what the archive holds now, or adds to it what came since. Called again it changes nothing.

    Args:
        node: A node of the de-identified side.
        name: Of the task: letters, digits, ``.``, ``_``, ``-``, at most 63. A name stays with its registry.
        registry: Whose series; its file says what is asked.
        modality: Modality (0008,0060) of the series taken; empty takes all.
        series: Series Instance UIDs taken; empty takes all.
        actor: Who makes it; the node itself by default.

    Raises:
        Refused: ``task-name``, ``task-registry``, ``unknown-registry``; ``task-question`` when the registry asks its
            readers nothing; ``not-found`` for a series that the archive does not hold;
            ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``, ``index-busy``.
    """
    if not NAME.fullmatch(name):
        raise Refused("task-name")
    actor = actor or node.settings.name
    task = _task(node, name, registry, actor)
    with reading(node.index) as connection:
        packs = gather.untaken(connection, task, modality, series)
    added = without_frames = 0
    for start in range(0, len(packs), SERIES_AT_ONCE):
        found = [gather.cases_of(node.store, task, one) for one in packs[start : start + SERIES_AT_ONCE]]
        without_frames += sum(none for _, none in found)
        added += _add(node, task, [case for cases, _ in found for case in cases], actor)
    with writing(node.index) as connection:
        rows.one_at_a_time(connection)
        locate(connection, node.store, name)
        progress = rows.progress_of(connection, name)
    return Gathered(task, progress.open + progress.disputed + progress.settled, added, without_frames)


def tasks(node: Node, registries: Collection[str]) -> tuple[Task, ...]:
    """The tasks of these registries, by name."""
    with reading(node.index) as connection:
        return rows.tasks_of(connection, registries)


def task_of(node: Node, name: str) -> Task:
    """One task.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        return rows.task_of(connection, name)


def case_of(node: Node, id: str) -> Case:  # noqa: A002 -- the word for what is ours
    """One case.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        return _case(connection, id)


def progress(node: Node, name: str) -> Progress:
    """How many cases of a task are open, disputed and settled.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        rows.task_of(connection, name)
        return rows.progress_of(connection, name)


def cases(node: Node, name: str, sought: Sought) -> tuple[Case, ...]:
    """Cases of a task by id, which is no order of anything else; at most :data:`PAGE_LIMIT`.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        rows.task_of(connection, name)
        limit = min(sought.limit, PAGE_LIMIT)
        return rows.sought_cases(connection, name, replace(sought, limit=limit), node.settings.name)


def readings(node: Node, case: str) -> tuple[Reading, ...]:
    """All readings of a case, in their order: for adjudicators and curators, never for readers."""
    with reading(node.index) as connection:
        return rows.readings_of(connection, case)


def to_decide(node: Node, case: Case, reader: str) -> tuple[Reading, ...]:
    """All readings of a case, for somebody who is about to adjudicate it: the rules of :func:`take`, before they look.

    Raises:
        Refused: ``case-not-disputed``: who also reads would see what another one answered.
        Forbidden: ``own-reading``: who has read it could still change their answer.
    """
    found = readings(node, case.id)
    _check_adjudication(case, [one for one in found if (one.origin, one.reader) == (node.settings.name, reader)])
    return found


def take(node: Node, name: str, reader: str, kind: Kind, given: Sequence[Given]) -> tuple[Taken, ...]:
    """Adds one reader's answers: all of them, or none. The same answers again change nothing.

    Args:
        node: A node of the de-identified side.
        name: Of the task.
        reader: Who answers.
        kind: ``reading``: an independent look; a later one of the same reader takes the place of the earlier.
            ``adjudication``: the decision over a dispute. ``correction``: over whatever stood, nothing included.
        given: At most :data:`PAGE_LIMIT`, each about another case.

    Raises:
        Refused: ``not-found``; ``reading-invalid`` with the ``part``; ``case-not-disputed``.
        Forbidden: ``own-reading`` when one person would both read and adjudicate a case.
        NotYet: ``index-busy``, ``storage-full``.
    """
    if len(given) > PAGE_LIMIT or len({answer.case for answer in given}) < len(given):
        raise Refused("reading-invalid", part="case")
    with writing(node.index) as connection:
        rows.one_at_a_time(connection)
        task = rows.task_of(connection, name)
        taken = [_take(node, connection, task, _draft(node, reader, kind, answer)) for answer in given]
        fresh = [answer for answer, found in zip(given, taken, strict=True) if found.new]
        if fresh:
            told: list[Json] = [[answer.case, marks_json(answer.marks)] for answer in fresh]
            facts: dict[str, Json] = {
                "digest": digest_bytes(canonical(told)),
                "kind": kind,
                "readings": len(fresh),
            }
            event = node.ledger.append("readings-taken", name, actor=reader, facts=facts, connection=connection)
            for answer in fresh:
                judge(connection, task, _case(connection, answer.case), event.sequence)
    return tuple(taken)


def judge(connection: Connection, task: Task, case: Case, due: int) -> None:
    """Writes down what the readings of a case come to; ``due`` names the event, when upstream is to hear of it."""
    verdict = settle(rows.readings_of(connection, case.id), task.readers)
    told = "settled" in {verdict.state, case.verdict.state}
    rows.write_verdict(connection, case, verdict, due if told else 0)


def labels(node: Node, name: str) -> tuple[SettledLabel, ...]:
    """The settled labels of a task with the marks that decided them, by SOP Instance UID and frame.

    Raises:
        Refused: ``not-found``; ``object-missing``, ``object-damaged``.
        NotYet: ``index-busy``, ``storage-unreachable``.
    """
    with writing(node.index) as connection:
        return labels_in(node, connection, rows.task_of(connection, name))


def labels_in(node: Node, connection: Connection, task: Task) -> tuple[SettledLabel, ...]:
    """The same within a transaction that may write; images that arrived after their labels are found first.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    rows.one_at_a_time(connection)
    locate(connection, node.store, task.name)
    settled = (CASES.c.task == task.name, CASES.c.state == "settled", CASES.c.pack != "")
    read = groupby(rows.readings_of_task(connection, task.name, "settled"), key=lambda one: one.case)
    marks = {case: deciding(found) for case, found in read}
    found = (_label(row, marks[row.id]) for row in connection.execute(select(CASES).where(*settled)))
    return tuple(sorted(found, key=lambda label: label.place))


def agreement(node: Node, name: str) -> tuple[Agreement, ...]:
    """How far every two readers of a task agree, each by their last independent reading of a case.

    A reader of another node is called ``<node>/<name>``.

    Raises:
        Refused: ``not-found``.
    """
    here = node.settings.name
    answers: dict[str, dict[str, str]] = {}
    with reading(node.index) as connection:
        rows.task_of(connection, name)
        for one in rows.readings_of_task(connection, name):
            if one.kind == "reading":
                who = one.reader if one.origin == here else f"{one.origin}/{one.reader}"
                answers.setdefault(who, {})[one.case] = one.label
    return agreements(answers)


def _label(row: Row[*tuple[Any, ...]], marks: tuple[Marked, ...]) -> SettledLabel:
    return SettledLabel(
        subject=row.subject,
        series_instance_uid=row.series_instance_uid,
        sop_instance_uid=row.sop_instance_uid,
        frame=row.frame,
        label=row.label,
        settled=row.settled,
        pack=row.pack,
        marks=marks,
        other_sop_instance_uid=row.other_sop_instance_uid,
        other_frame=row.other_frame,
        other_pack=row.other_pack,
    )


def _task(node: Node, name: str, registry: str, actor: str) -> Task:
    asked = load(registry).annotation
    with writing(node.index) as connection:
        rows.one_at_a_time(connection)
        known = rows.find_task(connection, name)
        if known is not None:
            if known.registry != registry:
                raise Refused("task-registry")
            return known
        if asked is None:
            raise Refused("task-question")
        question = question_from(asked)
        task = Task(name, registry, question, asked.readers, node.clock.stamp())
        rows.add_task(connection, task)
        facts: dict[str, Json] = {
            "labels": [label.value for label in question.labels],
            "readers": task.readers,
            "registry": registry,
        }
        node.ledger.append("annotation-task-made", name, actor=actor, facts=facts, connection=connection)
    return task


def _add(node: Node, task: Task, found: Sequence[Case], actor: str) -> int:
    with writing(node.index) as connection:
        rows.one_at_a_time(connection)
        added = rows.add_cases(connection, gather.still_there(connection, found))
        if added:
            facts: dict[str, Json] = {"cases": added}
            node.ledger.append("cases-added", task.name, actor=actor, facts=facts, connection=connection)
    return added


def _draft(node: Node, reader: str, kind: Kind, given: Given) -> Reading:
    return Reading(given.case, node.settings.name, 0, reader, kind, given.marks, node.clock.stamp())


def _take(node: Node, connection: Connection, task: Task, draft: Reading) -> Taken:
    case = _case(connection, draft.case)
    if case.task != task.name:
        raise Refused("not-found")
    check(draft.marks, task.question, case)
    before = rows.readings_of(connection, draft.case)
    own = [old for old in before if (old.origin, old.reader) == (node.settings.name, draft.reader)]
    last = own[-1] if own else None
    if last is not None and (last.kind, last.marks) == (draft.kind, draft.marks):
        return Taken(draft.case, last.number, new=False)
    if draft.kind == "adjudication":
        _check_adjudication(case, own)
    elif draft.kind == "reading" and any(old.kind == "adjudication" for old in own):
        raise Forbidden("own-reading")
    added = rows.next_reading(before, draft)
    rows.add_reading(connection, added)
    return Taken(added.case, added.number, new=True)


def _check_adjudication(case: Case, own: Sequence[Reading]) -> None:
    if any(old.kind == "reading" for old in own):
        raise Forbidden("own-reading")
    if case.verdict.state != "disputed" and case.verdict.settled != "adjudicated":
        raise Refused("case-not-disputed", case=case.id)


def _case(connection: Connection, id: str) -> Case:  # noqa: A002
    case = rows.find_case(connection, id)
    if case is None or not case.pack:
        raise Refused("not-found")
    return case
