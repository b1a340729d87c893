"""``/audit``: why somebody may do something here, or may not, in the words of the policies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kaname.access import policy, training
from kaname.access.accounts import accounts
from kaname.access.model import DUTIES, Channel, Grant
from kaname.access.policy import Decision
from kaname.access.projects import Project, projects
from kaname.database import reading
from kaname.errors import Forbidden, Refused
from kaname.node import Node
from kaname.web.pages import page
from kaname.web.pairing import Shell
from kaname.web.permit import may, permitted
from kaname.web.signin import session_routes

PATH = "/audit"
POLICY = re.compile(r'(?:^//[^\n]*\n)*^@id\("([a-z-]+)"\)\n.*?;\n', re.DOTALL | re.MULTILINE)
CHANNELS: tuple[Channel, ...] = ("console", "viewer", "token")


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision, and the policies that made it."""

    decision: Decision
    grant: Grant
    project: Project | None
    state: str
    untrained: tuple[str, ...]
    """Courses that the project asks for and of which they have no proof that holds: they are no member meanwhile."""
    policies: tuple[str, ...]
    """Text of each that applied."""


def audit_routes(node: Node, shell: Shell) -> APIRouter:
    """For who reads the ledger of the whole node."""
    routes = session_routes(node)

    def why(request: Request) -> Response:
        """Asks, and answers."""
        for registry in node.settings.registries:
            if registry not in permitted(request):
                raise Forbidden("not-permitted", registry=registry)
        known = {one.name: one for one in accounts(node.index, node.clock)}
        with reading(node.index) as connection:
            named = {one.id: one for one in projects(connection, node.settings.registries)}
        asked = {
            name: request.query_params.get(name, "") for name in ("name", "duty", "registry", "project", "channel")
        }
        explained = None
        if asked["name"]:
            if asked["name"] not in known or (asked["project"] and asked["project"] not in named):
                raise Refused("not-found")
            explained = _explained(node, known[asked["name"]].parts, named.get(asked["project"]), asked)
        facts: dict[str, Any] = {
            "people": list(known),
            "duties": DUTIES,
            "places": node.settings.registries,
            "projects": list(named),
            "channels": CHANNELS,
            "asked": asked,
            "explained": explained,
            "ledger": node.settings.role != "gateway",
        }
        return page(request, "why", **shell(request), **facts)

    routes.add_api_route(PATH, why, methods=["GET"], dependencies=[may("audit")])
    return routes


def _explained(node: Node, parts: Any, project: Project | None, asked: dict[str, str]) -> Explained:  # noqa: ANN401
    duty, registry, channel = asked["duty"], asked["registry"], asked["channel"] or "console"
    if duty not in DUTIES or registry not in node.settings.registries or channel not in CHANNELS:
        raise Refused("query-invalid", term="duty")
    if project is not None and project.registry != registry:
        raise Refused("query-invalid", term="project")
    at = node.clock.stamp()
    state, untrained = "open", ()
    if project is not None:
        state = project.standing(at)
        with reading(node.index) as connection:
            untrained = training.missing(connection, asked["name"], project.courses, at)
    counted = tuple(part for part in parts if not (untrained and project and part.project == project.id))
    grant = Grant(asked["name"], counted, channel=channel)
    of = (project.id,) if project is not None else ()
    decision = grant.decision(duty, registry, of, state)
    texts = _texts()
    applied = tuple(texts[name] for name in (*decision.permits, *decision.against))
    return Explained(decision, grant, project, state, untrained, applied)


def _texts() -> dict[str, str]:
    """Each policy by its name, with the comment above it."""
    found: dict[str, str] = {}
    for name in policy.NAMES:
        for match in POLICY.finditer(policy.sources()[name]):
            found[match[1]] = match[0].strip()
    return found
