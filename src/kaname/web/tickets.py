"""Tickets to the viewer: ``POST /api/v1/viewer/tickets`` and the button of the console make them.

A ticket opens one study, once, within minutes. The session behind it sees that study in its registry and, where its
owner is a reader there, takes answers about it; nothing else, whatever more its owner may do here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from kaname.access.sessions import ABOUT, SIGNIN_MINUTES, Session, check_session, make_signin
from kaname.access.tokens import Duty, Grant
from kaname.archive.query import search
from kaname.archive.question import ask
from kaname.dicom.keys import is_uid
from kaname.errors import Forbidden, NotYet, Refused
from kaname.node import Node
from kaname.web.signin import cookie_name
from kaname.web.token import grant_of, guarded_routes

COOKIE = "kaname_viewer_"
"""Begins the names of the viewer's cookies: one per study, so that two studies can be open side by side."""
COOKIES_MOST = 16
TAKEN_ALONG: tuple[Duty, ...] = ("browse", "read")
"""Duties that a session of the viewer has, as far as whoever opens it has them."""


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
    duties = tuple(duty for duty in TAKEN_ALONG if duty in grant.duties)
    narrow = replace(grant, registries=tuple(registries), duties=duties)
    secret = make_signin(node.index, narrow, place="viewer", clock=node.clock, about=study)
    return Ticket(f"{origin}/open?ticket={secret}", SIGNIN_MINUTES)


def viewer_origin(node: Node, request: Request) -> str:
    """Where the viewer stands, seen from who asks: the same host, another port; empty when it has no door."""
    if not node.settings.viewer_port:
        return ""
    asked = urlsplit(request.headers.get("origin", "")) if request.headers.get("origin") else request.url
    host = asked.hostname or node.settings.host
    return f"{asked.scheme}://{f'[{host}]' if ':' in host else host}:{node.settings.viewer_port}"


def opened_sessions(node: Node, request: Request, study: str = "") -> Iterator[Session]:
    """The sessions whose cookies the browser shows at the viewer's origin, of one study if it is named."""
    shown = [name for name in request.cookies if name.startswith(COOKIE)][:COOKIES_MOST]
    for name in [cookie_name(COOKIE, node, study)] if study else shown:
        secret = request.cookies.get(name, "")
        if cookie_name(COOKIE, node, secret.partition(ABOUT)[2]) != name:
            continue
        try:
            yield check_session(node.index, secret, place="viewer", clock=node.clock)
        except Forbidden:
            continue
