"""The console: what this node holds and what waits for a person, for who has signed in.

A session shows the registries of its owner and nothing of others. Every number comes from a room; nothing is counted
here.
"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from kaname.node import Node
from kaname.upkeep.queues import queues
from kaname.web.auditing import audit_routes
from kaname.web.browsing import browsing_routes
from kaname.web.entrance import entrance_routes
from kaname.web.media import media_routes
from kaname.web.node_tokens import token_routes
from kaname.web.organising import ending, organisation_routes
from kaname.web.overview import overview
from kaname.web.pages import form_of, page
from kaname.web.pairing import pair_routes
from kaname.web.people import people_routes
from kaname.web.permit import anybody, may
from kaname.web.projecting import closing, project_routes
from kaname.web.reading import reading_routes
from kaname.web.research import research_routes
from kaname.web.reviewing import decide, reviews
from kaname.web.seeing import seeing_routes
from kaname.web.shell import menu, shell
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes


def console_routes(node: Node) -> APIRouter:
    """The pages, signing in and out, and the few files that they use."""
    routes = entrance_routes(node, menu)
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

    pages.add_api_route(
        "/", first, methods=["GET"], dependencies=[anybody("each part of it shows what its reader may see")]
    )
    pages.add_api_route("/queues", waiting, methods=["GET"], dependencies=[may("operate", "curate", "browse")])
    pages.add_api_route("/airlock", airlock, methods=["GET"], dependencies=[may("check")])
    pages.add_api_route(
        "/airlock/{request_id}", decided, methods=["POST"], dependencies=[may("release"), Depends(own_form)]
    )
    routes.include_router(pages)
    for others in (seeing_routes, browsing_routes, research_routes, reading_routes, media_routes):
        routes.include_router(others(node))
    around = partial(shell, node)
    for looked_after in (people_routes, organisation_routes, project_routes, token_routes, audit_routes):
        routes.include_router(looked_after(node, around))
    routes.include_router(pair_routes(node, around, (closing(node), ending(node))))
    return routes
