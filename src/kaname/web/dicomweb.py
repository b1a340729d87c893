"""``/dicomweb``: search (QIDO-RS, PS3.18 section 10.6) and retrieve (WADO-RS, section 10.4).

The registries of a permit go into every question: what lies outside of them does not exist for it (404, never 403).
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from kaname.access.model import Duty
from kaname.archive.model import Level
from kaname.archive.query import search
from kaname.archive.question import ask
from kaname.node import Node
from kaname.web.accept import json_form
from kaname.web.permit import may, permitted
from kaname.web.token import guarded_routes
from kaname.web.wado import Wado

STUDY = "/studies/{StudyInstanceUID}"
SERIES = STUDY + "/series/{SeriesInstanceUID}"
INSTANCE = SERIES + "/instances/{SOPInstanceUID}"
SEARCHES: tuple[tuple[str, Level], ...] = (
    ("/studies", "study"),
    ("/series", "series"),
    ("/instances", "instance"),
    (STUDY + "/series", "series"),
    (STUDY + "/instances", "instance"),
    (SERIES + "/instances", "instance"),
)
RETRIEVALS: tuple[tuple[str, Callable[[Wado], Response], Duty], ...] = (
    (STUDY, Wado.instances, "pixels"),
    (SERIES, Wado.instances, "pixels"),
    (INSTANCE, Wado.instance, "pixels"),
    (STUDY + "/metadata", Wado.metadata, "browse"),
    (SERIES + "/metadata", Wado.metadata, "browse"),
    (INSTANCE + "/metadata", Wado.instance_metadata, "browse"),
    (INSTANCE + "/frames/{frames}", Wado.frames, "pixels"),
    (INSTANCE + "/bulkdata/{path:path}", Wado.bulk_data, "pixels"),
)
"""What is answered, and the duty that it asks for."""
MORE = '299 kaname "There are additional results that can be requested"'
"""Warning header of an answer that was cut at its limit (PS3.18 section 8.3.4.4)."""


def dicomweb_routes(node: Node) -> APIRouter:
    """Search on three levels, retrieve on four."""
    routes = guarded_routes(node, "/dicomweb")
    for path, level in SEARCHES:
        routes.add_api_route(
            path, _searched(node, level), methods=["GET"], name=f"search{path}", dependencies=[may("browse")]
        )

    def retrieval(answer: Callable[[Wado], Response]) -> Callable[..., Response]:
        def retrieved(request: Request) -> Response:
            return answer(Wado.of(node, permitted(request), request))

        return retrieved

    for path, answer, duty in RETRIEVALS:
        routes.add_api_route(path, retrieval(answer), methods=["GET"], name=f"retrieve{path}", dependencies=[may(duty)])
    return routes


def _searched(node: Node, level: Level) -> Callable[..., Response]:
    def searched(request: Request) -> Response:
        """The terms of a search are those of the query and those of the path."""
        form = json_form(request.headers.get("accept", ""))
        question = ask(level, [*request.query_params.multi_items(), *request.path_params.items()])
        answer = search(node, question, permitted(request))
        return Response(answer.to_json(), media_type=form, headers={"Warning": MORE} if answer.more else None)

    return searched
