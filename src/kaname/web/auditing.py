"""``/audit``: why somebody may do something here, or may not, in the words of the policies."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kaname.access.accounts import accounts
from kaname.access.model import DUTIES, Channel
from kaname.access.projects import projects
from kaname.access.why import Assumed, Why, why
from kaname.database import reading
from kaname.errors import Forbidden, Refused
from kaname.node import Node
from kaname.web.pages import page
from kaname.web.pairing import Shell
from kaname.web.permit import may, permitted
from kaname.web.signin import session_routes

PATH = "/audit"
CHANNELS: tuple[Channel, ...] = ("console", "viewer", "token")


def audit_routes(node: Node, shell: Shell) -> APIRouter:
    """For who reads the ledger of the whole node."""
    routes = session_routes(node)

    def explained(request: Request) -> Response:
        """Asks, and answers."""
        for registry in node.settings.registries:
            if registry not in permitted(request):
                raise Forbidden("not-permitted", registry=registry)
        with reading(node.index) as connection:
            named = [one.id for one in projects(connection, node.settings.registries)]
        asked = {
            name: request.query_params.get(name, "") for name in ("name", "duty", "registry", "project", "channel")
        }
        facts: dict[str, Any] = {
            "people": [one.name for one in accounts(node.index, node.clock)],
            "duties": DUTIES,
            "places": node.settings.registries,
            "projects": named,
            "channels": CHANNELS,
            "asked": asked,
            "explained": _explained(node, asked) if asked["name"] else None,
            "ledger": node.settings.role != "gateway",
        }
        return page(request, "why", **shell(request), **facts)

    routes.add_api_route(PATH, explained, methods=["GET"], dependencies=[may("audit")])
    return routes


def _explained(node: Node, asked: dict[str, str]) -> Why:
    duty, channel = asked["duty"], asked["channel"] or "console"
    if duty not in DUTIES or asked["registry"] not in node.settings.registries or channel not in CHANNELS:
        raise Refused("query-invalid", term="duty")
    how = Assumed(channel=channel)
    return why(node.index, node.clock, asked["name"], duty, asked["registry"], project=asked["project"], assumed=how)
