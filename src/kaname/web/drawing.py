"""Answers that a reader draws in the viewer: ``POST /readings`` at its own origin.

A session of the viewer is about one study. Who opened it as a reader is offered the tasks that ask about single images
of that study with boxes, and what they answered before themselves; never what anybody else did. The script that sends
an answer is our own; the viewer around it is not, so the route takes nothing but an answer to a case of that study,
from the viewer's own origin and with the token of that session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import APIRouter, Depends, Request

from kaname.access.sessions import Session
from kaname.annotation import flow
from kaname.annotation.marks import mark_of, marks_of
from kaname.annotation.model import STATES, Case, Given, Mark, Question, Reading, Sought, Task
from kaname.annotation.rows import case_id
from kaname.dicom.keys import is_uid
from kaname.errors import Forbidden, Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.web.pages import Language
from kaname.web.permit import anybody
from kaname.web.tickets import opened_sessions

TOKEN_HEADER = "Kaname-Form"  # noqa: S105 -- the name of a header
MEDIA_TYPE = "application/json"
CASES_MOST = 1000
"""Cases of a task whose own answers are offered; a study beyond it opens without those behind."""
FIELDS = {"study", "task", "instance", "frame", "after", "answer", "boxes"}


def drawing_routes(node: Node) -> APIRouter:
    """One route."""
    routes = APIRouter()

    def drawn(request: Request) -> dict[str, int]:
        """Takes the boxes of one image and the answer about it; the same again changes nothing."""
        body: dict[str, Json] = request.state.message
        session = _session(node, request, body)
        task, case = _case(node, session, body)
        marks = _marks(task.question, body)
        earlier = _own(node, session, case)
        if earlier and earlier[-1].marks != marks and earlier[-1].number != body["after"]:
            raise Refused("read-elsewhere", case=case.id)
        (taken,) = flow.take(node, task.name, session.grant.name, "reading", [Given(case.id, marks)])
        return {"number": taken.number}

    routes.add_api_route(
        "/readings",
        drawn,
        methods=["POST"],
        dependencies=[
            anybody("the session of the study that the message names says what its owner reads"),
            Depends(own_message),
        ],
    )
    return routes


async def own_message(request: Request) -> None:
    """A dependency: the fields of a message that a page of this very origin sent.

    Raises:
        Forbidden: ``form-foreign``.
        Refused: ``reading-invalid``.
    """
    host = request.headers.get("host", "")
    ours = bool(host) and request.headers.get("origin", "") in {f"http://{host}", f"https://{host}"}
    if not ours or request.headers.get("content-type", "") != MEDIA_TYPE:
        raise Forbidden("form-foreign")
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused("reading-invalid", part="reading") from error
    if not isinstance(body, dict) or cast("dict[str, Json]", body).keys() != FIELDS:
        raise Refused("reading-invalid", part="reading")
    request.state.message = body


def offered(node: Node, session: Session, language: Language) -> dict[str, Any]:
    """What a session's page needs to draw readings; empty when its owner reads nothing of the study.

    Args:
        node: A node of the de-identified side.
        session: Of the viewer.
        language: Of questions and labels.
    """
    tasks = [task for task in flow.tasks(node, session.grant.registries_for("read")) if _asks_for_boxes(task.question)]
    cases = {task.name: _cases(node, session, task) for task in tasks}
    asked = [task for task in tasks if cases[task.name]]
    if not asked:
        return {}
    own = [row for task in asked for row in _own_rows(node, session, task, cases[task.name])]
    return {"token": session.form_token, "tasks": [_told(task, language) for task in asked], "own": own}


def _asks_for_boxes(question: Question) -> bool:
    """Whether a question can be answered here: boxes on single images, and a label for the whole if any."""
    return question.unit == "frame" and "box" in question.geometries and question.answer in {None, "image"}


def _cases(node: Node, session: Session, task: Task) -> list[Case]:
    """The cases of a task that are about the study."""
    sought = [Sought(state, limit=CASES_MOST, study=session.about) for state in STATES]
    return [case for one in sought for case in flow.cases(node, task.name, one)]


def _told(task: Task, language: Language) -> dict[str, Any]:
    question = task.question
    labels = [{"value": label.value, "text": getattr(label, language)} for label in question.labels]
    return {
        "name": task.name,
        "question": getattr(question, language),
        "whole": question.answer is not None,
        "labels": labels,
    }


def _own_rows(node: Node, session: Session, task: Task, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """What the session's owner answered last about each case, where they did."""
    reader = session.grant.name
    sought = [Sought(state, reader, limit=CASES_MOST, study=session.about) for state in STATES]
    unread = {case.id for one in sought for case in flow.cases(node, task.name, one)}
    found = [(case, own[-1]) for case in cases if case.id not in unread and (own := _own(node, session, case))]
    return [
        {
            "task": task.name,
            "instance": case.sop_instance_uid,
            "frame": case.frame,
            "number": last.number,
            "answer": last.label if task.question.answer else "",
            "boxes": [{"label": mark.label, "points": mark.points} for mark in last.marks if mark.geometry == "box"],
        }
        for case, last in found
    ]


def _own(node: Node, session: Session, case: Case) -> list[Reading]:
    who = (node.settings.name, session.grant.name)
    return [one for one in flow.readings(node, case.id) if (one.origin, one.reader) == who]


def _session(node: Node, request: Request, body: Mapping[str, Json]) -> Session:
    """The session of the study that a message names.

    Raises:
        Forbidden: ``form-foreign``, ``duty-missing``.
        Refused: ``not-found`` when this browser has not opened that study.
    """
    study = body["study"]
    if not isinstance(study, str) or not is_uid(study):
        raise Refused("not-found")
    for session in opened_sessions(node, request, study):
        if not session.sent_from_its_own_form(request.headers.get(TOKEN_HEADER, "")):
            raise Forbidden("form-foreign")
        session.grant.need("read")
        return session
    raise Refused("not-found")


def _case(node: Node, session: Session, body: Mapping[str, Json]) -> tuple[Task, Case]:
    """The case that a message is about: of a task of the session's registries, and of its study.

    Raises:
        Refused: ``not-found``.
    """
    match body:
        case {"task": str(name), "instance": str(instance), "frame": int(frame)} if not isinstance(frame, bool):
            task = flow.task_of(node, name)
            if task.registry in session.grant.registries_for("read") and _asks_for_boxes(task.question):
                case = flow.case_of(node, case_id(name, (instance, frame)))
                if case.study_instance_uid == session.about:
                    return task, case
        case _:
            pass
    raise Refused("not-found")


def _marks(question: Question, body: Mapping[str, Json]) -> tuple[Mark, ...]:
    """The marks of a message: the answer about the whole where the question asks for one, and the boxes.

    Raises:
        Refused: ``reading-invalid`` with the ``part``.
    """
    boxes: list[Json] = []
    for box in body["boxes"] if isinstance(body["boxes"], list) else [None]:
        if not isinstance(box, dict) or box.keys() != {"label", "points"}:
            raise Refused("reading-invalid", part="mark")
        boxes.append({"geometry": "box", **box})
    if question.answer is None:
        return marks_of(boxes)
    return (mark_of({"geometry": question.answer, "label": body["answer"]}), *marks_of(boxes))
