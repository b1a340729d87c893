"""Reading: the tasks that wait for this person, one case after the other, and images to look at without a question.

Which annotator a page shows follows from the images, never from the registry: a film, a slide, two pictures side by
side or one. The answer about the whole is a plain form; what is drawn comes with it as JSON. A reader sees their own
earlier answer and nobody else's; who decides between readers sees all of them, without names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from kaname.access.model import Grant
from kaname.annotation import flow
from kaname.annotation.model import Case, Given, Kind, Mark, Question, Sought, Task
from kaname.archive import retrieve
from kaname.archive.model import Located
from kaname.errors import Refused
from kaname.node import Node
from kaname.web.annotation import DUTY_OF
from kaname.web.filled import filled_marks
from kaname.web.islands import (
    Asked,
    element_of,
    header_of,
    is_whole,
    island_file,
    setting,
)
from kaname.web.looking import look_routes
from kaname.web.pages import PageRoute, form_of, language_of, page
from kaname.web.permit import anybody, may, permitted
from kaname.web.shell import shell
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes

READER_KINDS: tuple[Kind, ...] = ("reading", "adjudication")
COUNTED_MOST = 100
"""Cases of a task that are counted for one person; more are told as "so many or more"."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class Work:
    """A task, and how much of it waits for this person; ``None`` where that is not their duty."""

    task: Task
    reading: int | None
    adjudication: int | None


def reading_routes(node: Node) -> APIRouter:
    """The pages, and the files of the elements in them."""
    routes = APIRouter(include_in_schema=False)
    files = APIRouter(route_class=PageRoute)

    def file(name: str, request: Request) -> Response:
        """A file of the elements."""
        return island_file(name, request.headers.get("if-none-match", ""))

    files.add_api_route(
        "/static/islands/{name}",
        file,
        methods=["GET"],
        dependencies=[anybody("programs of the pages, the same for all")],
    )
    routes.include_router(files)
    routes.include_router(_task_routes(node))
    routes.include_router(look_routes(node))
    return routes


def _task_routes(node: Node) -> APIRouter:
    routes = session_routes(node)

    def tasks(request: Request) -> Response:
        """My work."""
        grant = session_of(request).grant
        work = [_work(node, grant, task) for task in flow.tasks(node, permitted(request))]
        said: dict[str, Any] = {"saved": _saved(request), "done": _done(request, work)}
        return page(request, "tasks", **shell(node, request), work=work, most=COUNTED_MOST, **said)

    def next_case(name: str, request: Request) -> Response:
        """Opens the next case of a task."""
        grant = session_of(request).grant
        task = _task(node, request, name)
        kind = _kind(request.query_params.get("kind", ""), grant, task)
        after = request.query_params.get("after", "")
        found = _cases(node, grant, task, kind, after, 1) or _cases(node, grant, task, kind, "", 1)
        said = {"kind": kind} | ({"saved": _saved(request)} if _saved(request) else {})
        if not found:
            return RedirectResponse(f"/tasks?{urlencode({'done': task.name, **said})}", SEE_OTHER)
        return RedirectResponse(f"/cases/{found[0].id}?{urlencode(said)}", SEE_OTHER)

    def case(id: str, request: Request) -> Response:  # noqa: A002 -- the word for what is ours
        """One case with its question."""
        found = flow.case_of(node, id)
        task = _task(node, request, found.task)
        kind = _kind(request.query_params.get("kind", ""), session_of(request).grant, task)
        facts = _case_facts(node, request, task, found, kind)
        return page(request, "case", **shell(node, request), **facts)

    def answered(id: str, request: Request) -> Response:  # noqa: A002
        """Takes a reading in and goes on to the next case."""
        form = form_of(request)
        grant = session_of(request).grant
        found = flow.case_of(node, id)
        task = _task(node, request, found.task)
        kind = _kind(form.get("kind", ""), grant, task)
        flow.take(node, task.name, grant.name, kind, [Given(id, filled_marks(task.question, form))])
        said = {"kind": kind, "after": id, "saved": node.clock.stamp()}
        return RedirectResponse(f"/tasks/{task.name}/next?{urlencode(said)}", SEE_OTHER)

    routes.add_api_route("/tasks", tasks, methods=["GET"], dependencies=[may("read", "adjudicate")])
    routes.add_api_route("/tasks/{name}/next", next_case, methods=["GET"], dependencies=[may("read", "adjudicate")])
    routes.add_api_route("/cases/{id}", case, methods=["GET"], dependencies=[may("read", "adjudicate")])
    routes.add_api_route(
        "/cases/{id}", answered, methods=["POST"], dependencies=[may("read", "adjudicate"), Depends(own_form)]
    )
    return routes


def _kind(asked: str, grant: Grant, task: Task) -> Kind:
    """The kind of reading that a page asks for; by default the first one that the person may give."""
    for kind in READER_KINDS:
        if kind == asked:
            grant.need(DUTY_OF[kind], task.registry)
            return kind
    return next(kind for kind in READER_KINDS if grant.may(DUTY_OF[kind], task.registry))


def _task(node: Node, request: Request, name: str) -> Task:
    """A task that this person reads or decides; any other does not exist for them."""
    task = flow.task_of(node, name)
    if task.registry not in permitted(request):
        raise Refused("not-found")
    return task


def _cases(node: Node, grant: Grant, task: Task, kind: Kind, after: str, limit: int) -> tuple[Case, ...]:
    """Cases that wait for this person: none that they have read."""
    state = "open" if kind == "reading" else "disputed"
    return flow.cases(node, task.name, Sought(state, grant.name, after, limit))


def _work(node: Node, grant: Grant, task: Task) -> Work:
    counts = {
        kind: len(_cases(node, grant, task, kind, "", COUNTED_MOST))
        if grant.may(DUTY_OF[kind], task.registry)
        else None
        for kind in READER_KINDS
    }
    return Work(task, counts["reading"], counts["adjudication"])


def _saved(request: Request) -> str:
    """When the answer before this page was saved; empty when none was."""
    stamp = request.query_params.get("saved", "")
    return stamp if _STAMP.fullmatch(stamp) else ""


def _done(request: Request, work: list[Work]) -> str:
    """The task that has nothing more for this person, as the page before said."""
    name = request.query_params.get("done", "")
    return name if name in {one.task.name for one in work} else ""


def _case_facts(node: Node, request: Request, task: Task, case: Case, kind: Kind) -> dict[str, Any]:
    grant = session_of(request).grant
    judging = kind == "adjudication"
    readings = flow.to_decide(node, case, grant.name) if judging else flow.readings(node, case.id)
    own = [one for one in readings if (one.origin, one.reader, one.kind) == (node.settings.name, grant.name, kind)]
    latest = {(one.origin, one.reader): one.marks for one in readings if one.kind == "reading"}
    asked = Asked(
        task.question,
        own[-1].marks if own else (),
        [*latest.values()] if judging else (),
    )
    pictures = _pictures(node, task, case)
    answer = next((mark for mark in asked.marks if mark.geometry == task.question.answer), Mark("image", ""))
    return {
        "task": task,
        "case": case,
        "kind": kind,
        "question": getattr(task.question, language_of(request)),
        "element": element_of(pictures[0][0]),
        "setting": setting(language_of(request), pictures, asked, whole=is_whole(case)),
        "header": header_of(pictures[0][0]),
        "answer": answer.label,
        "values": dict(answer.values),
        "others": [_told(task.question, marks) for marks in asked.readings],
        "saved": _saved(request),
    }


def _pictures(node: Node, task: Task, case: Case) -> list[tuple[Located, int]]:
    """What a case is about: one instance with a frame, or two."""

    def found(uid: str) -> Located:
        study, series = case.study_instance_uid, case.series_instance_uid
        return retrieve.instance(node, (task.registry,), study, series, uid)

    pictures = [(found(case.sop_instance_uid), max(1, case.frame))]
    if case.other_sop_instance_uid:
        pictures.append((found(case.other_sop_instance_uid), max(1, case.other_frame)))
    return pictures


def _told(question: Question, marks: Sequence[Mark]) -> dict[str, Any]:
    """What one reader said, for who decides: the answer, its items, and how many places they drew."""
    answer = next((mark for mark in marks if mark.geometry == question.answer), None)
    labels = {label.value: label for label in question.labels}
    said = [answer] if answer else marks
    return {
        "labels": [labels[value] for value in sorted({mark.label for mark in said}) if value in labels],
        "values": dict(answer.values) if answer else {},
        "places": len(marks) - (answer is not None),
    }
