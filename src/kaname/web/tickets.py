"""Tickets to the viewer: ``POST /api/v1/viewer/tickets`` and the button of the console make them.

A ticket opens one study, once, within minutes. The session behind it reads that study in its registry and nothing else,
whatever more its owner may do here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from kaname.access.sessions import SIGNIN_MINUTES, make_signin
from kaname.access.tokens import Grant
from kaname.archive.query import search
from kaname.archive.question import ask
from kaname.dicom.keys import is_uid
from kaname.errors import NotYet, Refused
from kaname.node import Node
from kaname.web.token import grant_of, guarded_routes


class Wish(BaseModel):
    """What a client wants to see."""

    model_config = ConfigDict(extra="forbid")
    study: str = Field(max_length=64)
    """Study Instance UID."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An address that opens one study in the viewer, once."""

    url: str
    minutes: int


def ticket_routes(node: Node) -> APIRouter:
    """One route."""
    routes = guarded_routes(node, "/api/v1/viewer")

    def tickets(wish: Wish, request: Request) -> dict[str, Any]:
        """Makes a ticket for one study that the token opens."""
        ticket = make_ticket(node, grant_of(request), wish.study, viewer_origin(node, request))
        return {"url": ticket.url, "minutes": ticket.minutes}

    routes.add_api_route("/tickets", tickets, methods=["POST"])
    return routes


def make_ticket(node: Node, grant: Grant, study: str, origin: str) -> Ticket:
    """A ticket for a study of the registries that ``grant`` opens.

    Args:
        node: A node of the de-identified side.
        grant: Who asks.
        study: Study Instance UID.
        origin: The viewer's, as the asker's browser names it; empty when there is none.

    Raises:
        Forbidden: ``duty-missing``.
        Refused: ``not-found``.
        NotYet: ``viewer-closed``.
    """
    grant.need("browse")
    if not is_uid(study):
        raise Refused("not-found")
    question = ask("study", [("StudyInstanceUID", study)])
    registries = [registry for registry in grant.registries if search(node, question, (registry,)).documents]
    if not registries:
        raise Refused("not-found")
    if not origin:
        raise NotYet("viewer-closed")
    narrow = replace(grant, registries=tuple(registries), duties=("browse",))
    secret = make_signin(node.index, narrow, place="viewer", clock=node.clock, about=study)
    return Ticket(f"{origin}/open?ticket={secret}", SIGNIN_MINUTES)


def viewer_origin(node: Node, request: Request) -> str:
    """Where the viewer stands, seen from who asks: the same host, another port; empty when it has no door."""
    if not node.settings.viewer_port:
        return ""
    asked = urlsplit(request.headers.get("origin", "")) if request.headers.get("origin") else request.url
    host = asked.hostname or node.settings.host
    return f"{asked.scheme}://{f'[{host}]' if ':' in host else host}:{node.settings.viewer_port}"
