"""What every page of the console shows around its content: where one is, who one is, and where one may go."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from kaname.access.tokens import Duty, Grant
from kaname.node import Node
from kaname.registries import load
from kaname.web.islands import built
from kaname.web.pages import language_of
from kaname.web.signin import session_of
from kaname.web.tickets import viewer_origin
from kaname.web.viewer import prepared

PAGES: tuple[tuple[str, str, tuple[Duty, ...]], ...] = (
    ("/tasks", "tasks", ("read", "adjudicate")),
    ("/collection", "collection", ("browse",)),
    ("/studies", "studies", ("browse",)),
    ("/held", "held", ("browse",)),
    ("/research", "research", ("browse", "research")),
    ("/airlock", "airlock", ("check",)),
    ("/withdrawals", "withdrawals", ("browse",)),
    ("/ledger", "ledger", ("check",)),
)
"""Address and word of each page, and the duties of which one opens it."""


def shell(node: Node, request: Request) -> dict[str, Any]:
    """Facts for ``layout.html``, by the names that it uses.

    Args:
        node: A node of the de-identified side.
        request: On a route of :func:`kaname.web.signin.session_routes`.
    """
    session = session_of(request)
    return {
        "node": node.settings,
        "person": session.grant.name,
        "duties": session.grant.duties,
        "menu": _menu(session.grant),
        "form_token": session.form_token,
        "names": names_of(request),
        "viewer": viewer_origin(node, request),
        "viewer_prepared": prepared().is_dir(),
        "islands_built": built().is_dir(),
    }


def names_of(request: Request) -> dict[str, str]:
    """Name of each registry of the session, in the reader's language."""
    loaded = [load(registry) for registry in session_of(request).grant.registries]
    return {registry.id: getattr(registry, f"name_{language_of(request)}") for registry in loaded}


def _menu(grant: Grant) -> list[tuple[str, str]]:
    """Address and word of each page that this person has a use for."""
    return [("/", "home"), *((address, word) for address, word, duties in PAGES if {*duties} & {*grant.duties})]
