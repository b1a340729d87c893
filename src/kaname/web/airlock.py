"""``/api/v1/airlock``: what wants out, and the decisions of those who check it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response

from kaname.access.reach import reach
from kaname.airlock.flow import cancel, find, look, requests, review
from kaname.airlock.model import Request as Release
from kaname.airlock.model import State
from kaname.errors import Refused
from kaname.node import Node
from kaname.web.permit import may, permitted
from kaname.web.reached import reached
from kaname.web.token import grant_of, guarded_routes


def airlock_routes(node: Node) -> APIRouter:
    """A list for those who asked and those who check; each route says which duty it needs."""
    routes = guarded_routes(node, "/api/v1/airlock")

    def all_requests(request: Request, state: State | None = None) -> list[dict[str, Any]]:
        """Requests of the token's registries, the newest first: all of them for who checks, else one's own."""
        grant = grant_of(request)
        checks = reach(node.index, grant, ("check",), node.clock)
        found = requests(node, permitted(request), state, projects=reached(node, request).projects)
        return [asdict(one) for one in found if checks.sees(one.registry, one.project) or one.requester == grant.name]

    def one_file(request_id: str, name: str, request: Request) -> Response:
        """The log (``log``) or a JSON file of a request, for who checks it."""
        _known(node, request_id, request)
        return Response(look(node, request_id, name), media_type="text/plain; charset=utf-8")

    def decide(
        request_id: str,
        request: Request,
        decision: Annotated[str, Body()],
        reason: Annotated[str, Body()],
    ) -> dict[str, Any]:
        """``{"decision": "approve" | "reject", "reason": "…"}``."""
        _known(node, request_id, request)
        if decision not in {"approve", "reject"}:
            raise Refused("query-invalid", entry="decision")
        approve = decision == "approve"
        return asdict(review(node, request_id, approve=approve, actor=grant_of(request).name, reason=reason))

    def take_back(request_id: str, request: Request) -> dict[str, Any]:
        """The one who asked takes it back."""
        _known(node, request_id, request)
        return asdict(cancel(node, request_id, grant_of(request).name))

    routes.add_api_route("", all_requests, methods=["GET"], dependencies=[may("check", "research")])
    routes.add_api_route("/{request_id}/files/{name}", one_file, methods=["GET"], dependencies=[may("check")])
    routes.add_api_route("/{request_id}/review", decide, methods=["POST"], dependencies=[may("release")])
    routes.add_api_route("/{request_id}/cancel", take_back, methods=["POST"], dependencies=[may("research")])
    return routes


def _known(node: Node, request_id: str, request: Request) -> Release:
    """A request of a registry or project that the route is permitted in; any other does not exist for the token."""
    found = find(node, request_id)
    reached(node, request).need(found.registry, found.project)
    return found
