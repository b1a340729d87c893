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

from kaname.access.model import Duty, Grant
from kaname.access.sessions import ABOUT, SIGNIN_MINUTES, Session, check_session, make_signin
from kaname.archive.query import search
from kaname.archive.question import ask
from kaname.dicom.keys import is_uid
from kaname.errors import Forbidden, NotYet, Refused
from kaname.node import Node
from kaname.web.permit import may
from kaname.web.signin import cookie_name, cookie_start
from kaname.web.token import grant_of, guarded_routes

COOKIE = "kaname_viewer_"
"""Begins the names of the viewer's cookies: one per study, so that two studies can be open side by side."""
COOKIES_MOST = 16
TAKEN_ALONG: tuple[Duty, ...] = ("browse", "pixels", "read")
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
        origin, owner = viewer_origin(node, request), request.state.owner
        ticket = make_ticket(node, grant_of(request), wish.study, origin, owner)
        return {"url": ticket.url, "minutes": ticket.minutes}

    routes.add_api_route("/tickets", tickets, methods=["POST"], dependencies=[may("pixels")])
    return routes


def make_ticket(node: Node, grant: Grant, study: str, origin: str, owner: str = "") -> Ticket:
    """A ticket for a study of the registries that ``grant`` opens.

    Args:
        node: A node of the de-identified side.
        grant: Who asks.
        study: Study Instance UID.
        origin: The viewer's, as the asker's browser names it; empty when there is none.
        owner: The account whose session or token asks, if any: what that person may no longer see, the viewer shows
            no longer.

    Raises:
        Refused: ``not-found``.
        NotYet: ``viewer-closed``.
    """
    if not is_uid(study):
        raise Refused("not-found")
    question = ask("study", [("StudyInstanceUID", study)])
    registries = [
        registry for registry in grant.registries_for("pixels") if search(node, question, (registry,)).documents
    ]
    if not registries:
        raise Refused("not-found")
    if not origin:
        raise NotYet("viewer-closed")
    duties = tuple(duty for duty in TAKEN_ALONG if duty in grant.duties)
    parts = tuple(part for part in grant.parts if part.registry in registries)
    narrow = replace(grant, parts=parts, duties=duties)
    secret = make_signin(node.index, narrow, place="viewer", clock=node.clock, about=study, owner=owner)
    return Ticket(f"{origin}/open?ticket={secret}", SIGNIN_MINUTES)


def viewer_origin(node: Node, request: Request) -> str:
    """Where the viewer stands, seen from who asks: the same host, another port; empty when it has no door.

    Raises:
        Refused: ``query-invalid`` for an origin that is none.
    """
    if not node.settings.viewer_port:
        return ""
    try:
        asked = urlsplit(request.headers.get("origin") or str(request.url))
        host = asked.hostname or node.settings.host
    except ValueError as error:  # e.g. half of an IPv6 address
        raise Refused("query-invalid", term="origin") from error
    return f"{asked.scheme}://{f'[{host}]' if ':' in host else host}:{node.settings.viewer_port}"


def opened_sessions(node: Node, request: Request, study: str = "") -> Iterator[Session]:
    """The sessions whose cookies the browser shows at the viewer's origin, of one study if it is named."""
    shown = [name for name in request.cookies if name.startswith(cookie_start(COOKIE, node))][:COOKIES_MOST]
    for name in [cookie_name(COOKIE, node, study)] if study else shown:
        secret = request.cookies.get(name, "")
        if cookie_name(COOKIE, node, secret.partition(ABOUT)[2]) != name:
            continue
        try:
            yield check_session(
                node.index, secret, place="viewer", clock=node.clock, demanded=node.settings.second_factor
            )
        except Forbidden:
            continue
