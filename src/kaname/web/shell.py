"""What every page of the console shows around its content: where one is, who one is, and where one may go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import Request

from kaname.access.model import Duty, Grant
from kaname.node import Node
from kaname.web.frame import frame
from kaname.web.islands import built
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
    ("/withdrawals", "withdrawals", ("browse", "withdraw")),
    ("/ledger", "ledger", ("audit",)),
    ("/audit", "why", ("audit",)),
    ("/people", "people", ("people",)),
    ("/organisations", "organisations", ("people",)),
    ("/projects", "projects", ("people",)),
    ("/tokens", "node-tokens", ("people",)),
    ("/pairs", "pairs", ("people",)),
)
"""Address and word of each page, and the duties of which one opens it."""
OF_PROJECTS = ("/research", "/airlock")
"""Pages that show something to who is a member of projects alone."""


def shell(node: Node, request: Request) -> dict[str, Any]:
    """Facts for ``layout.html``, by the names that it uses.

    Args:
        node: A node of the de-identified side.
        request: On a route of :func:`kaname.web.signin.session_routes`.
    """
    return {
        **frame(node, request, menu(session_of(request).grant)),
        "viewer": viewer_origin(node, request),
        "viewer_prepared": prepared().is_dir(),
        "islands_built": built().is_dir(),
    }


def menu(grant: Grant) -> list[tuple[str, str]]:
    """Address and word of each page that this person has a use for, once they have shown who they are if it asks."""
    proved = replace(grant, fresh=True)

    def useful(address: str, duties: tuple[Duty, ...]) -> bool:
        return any(map(proved.may, duties)) if address in OF_PROJECTS else bool(proved.registries_for(*duties))

    return [("/", "home"), *((address, word) for address, word, duties in PAGES if useful(address, duties))]
