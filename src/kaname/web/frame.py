"""What stands around the content of the pages of every node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Request

from kaname.access.model import Grant
from kaname.node import Node
from kaname.registries import load
from kaname.web.pages import language_of
from kaname.web.signin import session_of

Menu = Callable[[Grant], Sequence[tuple[str, str]]]
"""Address and word of each page that somebody has a use for."""


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
        "grant": session.grant,
        "menu": menu,
        "form_token": session.form_token,
        "names": names_of(request),
    }


def names_of(request: Request) -> dict[str, str]:
    """Name of each registry of the session, in the reader's language."""
    loaded = [load(registry) for registry in session_of(request).grant.registries]
    return {registry.id: getattr(registry, f"name_{language_of(request)}") for registry in loaded}
