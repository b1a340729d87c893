"""The console: what this node holds and what waits for a person, for who has signed in.

A session shows the registries of its owner and nothing of others. Every number comes from a room; nothing is counted
here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from kaname.access.tokens import Duty, Grant
from kaname.archive.query import search
from kaname.archive.question import ask
from kaname.errors import Refused
from kaname.node import Node
from kaname.registries import load
from kaname.upkeep.holdings import holdings
from kaname.web.overview import overview
from kaname.web.pages import PageRoute, form_of, language_of, page, static_file
from kaname.web.reviewing import decide, reviews
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes, signin_routes
from kaname.web.tickets import make_ticket, viewer_origin
from kaname.web.viewer import prepared

STUDIES_A_PAGE = 50
DIGITS_MOST = 9


@dataclass(frozen=True, slots=True)
class Study:
    """One row of the list of studies."""

    uid: str
    subject: str
    date: str
    """``2026-11-21``; shifted, as all dates behind the crossing."""
    modalities: str
    description: str
    series: int
    instances: int


def console_routes(node: Node) -> APIRouter:
    """The pages, signing in and out, and the few files that they use."""
    routes = APIRouter(include_in_schema=False)
    routes.include_router(signin_routes(node))
    files = APIRouter(route_class=PageRoute)
    files.add_api_route("/static/{name}", static_file, methods=["GET"])
    routes.include_router(files)
    pages = session_routes(node)

    def first(request: Request) -> Response:
        """The first page."""
        return page(request, "first", **_shell(node, request), **overview(node, session_of(request).grant))

    def studies(request: Request) -> Response:
        """The studies of one registry, the newest first."""
        return page(request, "studies", **_shell(node, request), **_studies(node, request))

    def look(study: str, request: Request) -> Response:
        """Opens a study at the viewer's origin."""
        ticket = make_ticket(node, session_of(request).grant, study, viewer_origin(node, request))
        return RedirectResponse(ticket.url, SEE_OTHER)

    def airlock(request: Request) -> Response:
        """What wants out."""
        return page(request, "airlock", **_shell(node, request), **reviews(node, session_of(request).grant))

    def decided(request_id: str, request: Request) -> Response:
        """A decision about one request."""
        form = form_of(request)
        grant = session_of(request).grant
        decide(node, grant, request_id, form.get("decision", ""), form.get("reason", ""))
        return RedirectResponse("/airlock", SEE_OTHER)

    pages.add_api_route("/", first, methods=["GET"])
    pages.add_api_route("/studies", studies, methods=["GET"])
    pages.add_api_route("/studies/{study}/look", look, methods=["POST"], dependencies=[Depends(own_form)])
    pages.add_api_route("/airlock", airlock, methods=["GET"])
    pages.add_api_route("/airlock/{request_id}", decided, methods=["POST"], dependencies=[Depends(own_form)])
    routes.include_router(pages)
    return routes


def _shell(node: Node, request: Request) -> dict[str, Any]:
    """What every page shows around its content."""
    session = session_of(request)
    return {
        "node": node.settings,
        "person": session.grant.name,
        "menu": _menu(session.grant),
        "form_token": session.form_token,
        "names": _names(request),
        "viewer": viewer_origin(node, request),
        "viewer_prepared": prepared().is_dir(),
    }


def _menu(grant: Grant) -> list[tuple[str, str]]:
    """Address and word of each page that this person has a use for."""
    pages: list[tuple[str, str, Duty]] = [("/studies", "studies", "browse"), ("/airlock", "airlock", "check")]
    return [("/", "home"), *((address, word) for address, word, duty in pages if duty in grant.duties)]


def _names(request: Request) -> dict[str, str]:
    """Name of each registry of the session, in the reader's language."""
    loaded = [load(registry) for registry in session_of(request).grant.registries]
    return {registry.id: getattr(registry, f"name_{language_of(request)}") for registry in loaded}


def _studies(node: Node, request: Request) -> dict[str, Any]:
    grant = session_of(request).grant
    grant.need("browse")
    registries = grant.registries
    registry = request.query_params.get("registry", registries[0])
    if registry not in registries:
        raise Refused("not-found")
    asked = request.query_params.get("offset", "0")
    if not asked.isdecimal() or len(asked) > DIGITS_MOST:
        raise Refused("query-invalid", term="offset")
    offset = int(asked)
    question = ask("study", [("limit", str(STUDIES_A_PAGE)), ("offset", str(offset))])
    answer = search(node, question, (registry,))
    return {
        "registry": registry,
        "counts": {holding.registry: holding.studies for holding in holdings(node, registries)},
        "studies": [_study(json.loads(document)) for document in answer.documents],
        "offset": offset,
        "more": answer.more,
        "page_length": STUDIES_A_PAGE,
    }


def _study(document: dict[str, Any]) -> Study:
    def value(tag: str) -> str:
        values = document.get(tag, {}).get("Value", [""])
        return " ".join(str(one) for one in values)

    date = value("00080020")
    return Study(
        uid=value("0020000D"),
        subject=value("00100020"),
        date=f"{date[:4]}-{date[4:6]}-{date[6:]}" if date else "",
        modalities=value("00080061"),
        description=value("00081030"),
        series=int(value("00201206") or 0),
        instances=int(value("00201208") or 0),
    )
