"""``/api/v1/annotation``: tasks are made, cases handed out, readings taken in.

Each route asks for its duty. A reader is shown cases that they have not read, and never what anybody answered; counts
and agreement, from which answers could be guessed, are for curators. A task of a registry that the token does not open
does not exist for it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body, Depends, Query, Request

from kaname.access.model import Duty, need_any
from kaname.annotation import flow
from kaname.annotation.marks import given_of, marks_json
from kaname.annotation.model import Case, Kind, Sought, State, Taken, Task
from kaname.annotation.questions import question_json
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.web.permit import may, permitted
from kaname.web.token import grant_of, guarded_routes

DUTY_OF: dict[Kind, Duty] = {"reading": "read", "adjudication": "adjudicate", "correction": "adjudicate"}
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The query of a list of cases."""

    state: State = "open"
    study: str = ""
    """Study Instance UID."""
    instance: str = ""
    """SOP Instance UID."""
    after: str = ""
    """``next`` of the page before."""
    limit: Annotated[int, Query(ge=1, le=flow.PAGE_LIMIT)] = 100


def annotation_routes(node: Node) -> APIRouter:
    """The routes; what they do stands in :mod:`kaname.annotation.flow`."""
    routes = guarded_routes(node, "/api/v1/annotation")

    def make(request: Request, body: Annotated[object, Body()]) -> Answer:
        """Makes a task of series that the archive holds, or adds what came since. Duty: curate."""
        name, registry, modality, series = _wanted(body)
        grant = grant_of(request)
        grant.need("curate", registry)
        gathered = flow.make(node, name, registry, modality=modality, series=series, actor=grant.name)
        counts = {"cases": gathered.cases, "added": gathered.added, "without_frames": gathered.without_frames}
        return _task_json(gathered.task) | counts

    def listed(request: Request) -> list[Answer]:
        """The tasks of the token's registries; for a curator with their progress. Duty: read, adjudicate or curate."""
        curated = grant_of(request).registries_for("curate")
        return [
            _task_json(task)
            | ({"progress": asdict(flow.progress(node, task.name))} if task.registry in curated else {})
            for task in flow.tasks(node, permitted(request))
        ]

    def cases(name: str, request: Request, asked: Annotated[Asked, Depends()]) -> Answer:
        """Cases to read (duty: read; those not read by the bearer yet), to decide or to correct (duty: adjudicate)."""
        grant, task = grant_of(request), _task_for(node, request, name)
        need_any(grant, ("read", "adjudicate") if asked.state == "open" else ("adjudicate",), task.registry)
        unread_by = "" if asked.state == "settled" else grant.name
        sought = Sought(asked.state, unread_by, asked.after, asked.limit, asked.study, asked.instance)
        found = flow.cases(node, name, sought)
        more = found[-1].id if len(found) == asked.limit else ""
        return {"cases": [_case_json(node, case) for case in found], "next": more}

    def read(id: str, request: Request, body: Annotated[object, Body()]) -> Answer:  # noqa: A002
        """Takes one reading of a case in; the same again changes nothing. Duty: that of its kind."""
        kind, rest = _kind(body)
        case = flow.case_of(node, id)
        return asdict(_take(node, request, case.task, kind, [{"case": id, **rest}])[0])

    def read_many(name: str, request: Request, body: Annotated[object, Body()]) -> list[Answer]:
        """Takes many readings of one task in, all or none; the same again changes nothing. Duty: that of their kind."""
        kind, rest = _kind(body)
        readings = rest.get("readings")
        if rest.keys() != {"readings"} or not isinstance(readings, list):
            raise Refused("reading-invalid", part="readings")
        return [asdict(taken) for taken in _take(node, request, name, kind, readings)]

    def agreement(name: str, request: Request) -> list[Answer]:
        """How far every two readers of a task agree. Duty: curate."""
        _task_for(node, request, name)
        return [asdict(pair) for pair in flow.agreement(node, name)]

    routes.add_api_route("/tasks", make, methods=["POST"], dependencies=[may("curate")])
    routes.add_api_route("/tasks", listed, methods=["GET"], dependencies=[may("read", "adjudicate", "curate")])
    routes.add_api_route("/tasks/{name}/cases", cases, methods=["GET"], dependencies=[may("read", "adjudicate")])
    routes.add_api_route(
        "/tasks/{name}/readings", read_many, methods=["POST"], dependencies=[may("read", "adjudicate")]
    )
    routes.add_api_route("/tasks/{name}/agreement", agreement, methods=["GET"], dependencies=[may("curate")])
    routes.add_api_route("/cases/{id}/readings", read, methods=["POST"], dependencies=[may("read", "adjudicate")])
    return routes


def _task_for(node: Node, request: Request, name: str) -> Task:
    task = flow.task_of(node, name)
    if task.registry not in permitted(request):
        raise Refused("not-found")
    return task


def _take(node: Node, request: Request, name: str, kind: Kind, given: list[Json]) -> tuple[Taken, ...]:
    grant, task = grant_of(request), _task_for(node, request, name)
    grant.need(DUTY_OF[kind], task.registry)
    return flow.take(node, name, grant.name, kind, [given_of(one) for one in given])


def _wanted(body: object) -> tuple[str, str, str, tuple[str, ...]]:
    """Name, registry, modality and series of a task that is asked for.

    Raises:
        Refused: ``query-invalid``.
    """
    match cast("Json", body):
        case {"name": str(name), "registry": str(registry), **rest} if not rest.keys() - {"modality", "series"}:
            modality, series = rest.get("modality", ""), rest.get("series", [])
            if isinstance(modality, str) and isinstance(series, list):
                uids = tuple(uid for uid in series if isinstance(uid, str))
                if len(uids) == len(series):
                    return name, registry, modality, uids
        case _:
            pass
    raise Refused("query-invalid", term="task")


def _kind(body: object) -> tuple[Kind, dict[str, Json]]:
    """The kind of a request's readings (``reading`` when it says none), and the rest of it."""
    fields = cast("Json", body)
    if isinstance(fields, dict):
        for kind in DUTY_OF:
            if fields.get("kind", "reading") == kind:
                return kind, {name: value for name, value in fields.items() if name != "kind"}
    raise Refused("reading-invalid", part="kind")


def _task_json(task: Task) -> Answer:
    return {
        "name": task.name,
        "registry": task.registry,
        "readers": task.readers,
        "question": question_json(task.question),
        "made_at": task.made_at,
    }


def _case_json(node: Node, case: Case) -> Answer:
    """A case; one that is no longer open with its verdict and the answers, whose readers are not named."""
    shown: Answer = {
        "id": case.id,
        "study_instance_uid": case.study_instance_uid,
        "series_instance_uid": case.series_instance_uid,
        "sop_instance_uid": case.sop_instance_uid,
        "frame": case.frame,
        "rows": case.rows,
        "columns": case.columns,
        "unit": case.unit,
        "frames": case.frames,
        "other_sop_instance_uid": case.other_sop_instance_uid,
        "other_frame": case.other_frame,
    }
    if case.verdict.state == "open":
        return shown
    answers = [{"kind": one.kind, "marks": marks_json(one.marks)} for one in flow.readings(node, case.id)]
    return shown | {"verdict": asdict(case.verdict), "answers": answers}
