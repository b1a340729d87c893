"""What the pages of every node have: signing in and out, the few files they use, and what stands around the content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request

from kaname.node import Node
from kaname.registries import load
from kaname.web.pages import PageRoute, language_of, static_file
from kaname.web.signin import session_of, signin_routes


def frame_routes(node: Node) -> APIRouter:
    """Signing in and out, and the files of the pages."""
    routes = APIRouter(include_in_schema=False)
    routes.include_router(signin_routes(node))
    files = APIRouter(route_class=PageRoute)
    files.add_api_route("/static/{name}", static_file, methods=["GET"])
    routes.include_router(files)
    return routes


def frame(node: Node, request: Request, menu: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Facts for ``layout.html``, by the names that it uses.

    Args:
        node: Any node.
        request: On a route of :func:`kaname.web.signin.session_routes`.
        menu: Address and word of each page that this person has a use for.
    """
    session = session_of(request)
    return {
        "node": node.settings,
        "person": session.grant.name,
        "duties": session.grant.duties,
        "menu": menu,
        "form_token": session.form_token,
        "names": names_of(request),
    }


def names_of(request: Request) -> dict[str, str]:
    """Name of each registry of the session, in the reader's language."""
    loaded = [load(registry) for registry in session_of(request).grant.registries]
    return {registry.id: getattr(registry, f"name_{language_of(request)}") for registry in loaded}
