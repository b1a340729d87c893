"""The console: what this node holds and what waits for a person, for who has signed in.

A session shows the registries of its owner and nothing of others. Every number comes from a room; nothing is counted
here.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from kaname.node import Node
from kaname.upkeep.queues import queues
from kaname.web.browsing import browsing_routes
from kaname.web.frame import frame_routes
from kaname.web.media import media_routes
from kaname.web.overview import overview
from kaname.web.pages import form_of, page
from kaname.web.reading import reading_routes
from kaname.web.research import research_routes
from kaname.web.reviewing import decide, reviews
from kaname.web.seeing import seeing_routes
from kaname.web.shell import shell
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes


def console_routes(node: Node) -> APIRouter:
    """The pages, signing in and out, and the few files that they use."""
    routes = frame_routes(node)
    pages = session_routes(node)

    def first(request: Request) -> Response:
        """The first page."""
        return page(request, "first", **shell(node, request), **overview(node, session_of(request).grant))

    def waiting(request: Request) -> Response:
        """The numbers of the worker's queues alone: a page asks for them again and again."""
        return page(request, "queues", queues=queues(node))

    def airlock(request: Request) -> Response:
        """What wants out."""
        return page(request, "airlock", **shell(node, request), **reviews(node, session_of(request).grant))

    def decided(request_id: str, request: Request) -> Response:
        """A decision about one request."""
        form = form_of(request)
        grant = session_of(request).grant
        decide(node, grant, request_id, form.get("decision", ""), form.get("reason", ""))
        return RedirectResponse("/airlock", SEE_OTHER)

    pages.add_api_route("/", first, methods=["GET"])
    pages.add_api_route("/queues", waiting, methods=["GET"])
    pages.add_api_route("/airlock", airlock, methods=["GET"])
    pages.add_api_route("/airlock/{request_id}", decided, methods=["POST"], dependencies=[Depends(own_form)])
    routes.include_router(pages)
    for others in (seeing_routes, browsing_routes, research_routes, reading_routes, media_routes):
        routes.include_router(others(node))
    return routes
