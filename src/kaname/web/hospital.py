"""The hospital's own console: what waits for a person, as it came and as the crossing made it; what has left.

The only pages that name patients. They stand on the gateway's own door, each is asked for by somebody signed in with
the duty to check, and each look at an item is a ledger event. Nothing of them is kept by the browser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from kaname.access.model import Duty, Grant
from kaname.errors import Refused
from kaname.gateway import held, sight, status
from kaname.gateway.follow import tiers
from kaname.gateway.hospital import open_hospital
from kaname.gateway.overview import overview
from kaname.gateway.watch import watched_folders
from kaname.node import Node
from kaname.web.auditing import audit_routes
from kaname.web.entrance import entrance_routes
from kaname.web.frame import frame
from kaname.web.identity import identity_routes
from kaname.web.node_tokens import token_routes
from kaname.web.organising import ending, organisation_routes
from kaname.web.pages import page, whole_number
from kaname.web.pairing import pair_routes
from kaname.web.people import people_routes
from kaname.web.permit import anybody, may, permitted
from kaname.web.signin import session_of, session_routes

ITEMS_A_PAGE = 50
PAGES: tuple[tuple[str, str, Duty], ...] = (
    ("/held", "hospital-held", "browse"),
    ("/identity", "identity", "identity"),
    ("/audit", "why", "audit"),
    ("/people", "people", "people"),
    ("/organisations", "organisations", "people"),
    ("/tokens", "node-tokens", "people"),
    ("/pairs", "pairs", "people"),
)
"""Address and word of each page, and the duty that opens it."""


def hospital_routes(node: Node) -> APIRouter:
    """The pages of a gateway, signing in and out, and the few files that they use."""
    routes = entrance_routes(node, _menu)
    pages = session_routes(node)

    def first(request: Request) -> Response:
        """How much is where."""
        return page(request, "hospital", **_shell(node, request), **_overview(node, request))

    def waiting(request: Request) -> Response:
        """What waits, one by one."""
        return page(request, "hospital_held", **_shell(node, request), **_waiting(node, request))

    def look(kind: str, id: str, request: Request) -> Response:  # noqa: A002 -- the word for what is ours
        """One of them."""
        return page(request, "hospital_item", **_shell(node, request), **_item(node, request, kind, id))

    shown = anybody("it shows no more than the registries that its reader may browse")
    pages.add_api_route("/", first, methods=["GET"], dependencies=[shown])
    pages.add_api_route("/held", waiting, methods=["GET"], dependencies=[may("browse")])
    pages.add_api_route("/held/{kind}/{id}", look, methods=["GET"], dependencies=[may("identity")])
    for which, draw in (("before", sight.before), ("after", sight.after)):
        pages.add_api_route(
            f"/held/{{kind}}/{{id}}/{which}.png",
            _picture(node, which, draw),
            methods=["GET"],
            dependencies=[may("identity")],
        )
    routes.include_router(pages)
    for others in (identity_routes, people_routes, organisation_routes, token_routes, audit_routes):
        routes.include_router(others(node, partial(_shell, node)))
    routes.include_router(pair_routes(node, partial(_shell, node), (ending(node),)))
    return routes


def _picture(node: Node, which: str, draw: Callable[..., bytes]) -> Callable[[str, str, Request], Response]:
    def picture(kind: str, id: str, request: Request) -> Response:  # noqa: A002
        """A picture of an item, not kept by the browser."""
        frame = whole_number(request, "frame") or 1
        one = _seen(node, request, kind, id, f"{which} {frame}")
        headers = {"Cache-Control": "no-store"}
        return Response(draw(open_hospital(node), one, frame), media_type="image/png", headers=headers)

    return picture


def _shell(node: Node, request: Request) -> dict[str, Any]:
    """What every page shows around its content."""
    return frame(node, request, _menu(session_of(request).grant))


def _menu(grant: Grant) -> list[tuple[str, str]]:
    """Address and word of each page that this person has a use for, once they have shown who they are if it asks."""
    proved = replace(grant, fresh=True)
    return [("/", "home"), *((address, word) for address, word, duty in PAGES if proved.may(duty))]


def _overview(node: Node, request: Request) -> dict[str, Any]:
    registries = session_of(request).grant.registries_for("browse")
    hospital = open_hospital(node)
    rows = [row for row in status.held(hospital) if isinstance(row, dict) and row["registry"] in registries]
    return {
        "parts": overview(hospital, registries),
        "tiers": tiers(hospital) if registries else [],
        "waiting": [row for row in rows if row["state"] != "waiting"],
        "watched": [one for one in watched_folders(hospital) if one.registry in registries],
    }


def _waiting(node: Node, request: Request) -> dict[str, Any]:
    registry, reason = (request.query_params.get(name, "") for name in ("registry", "reason"))
    if registry and registry not in permitted(request):
        raise Refused("not-found")
    offset = whole_number(request, "offset")
    asked = (registry,) if registry else permitted(request)
    found = held.items(open_hospital(node), asked, reason=reason, offset=offset, limit=ITEMS_A_PAGE + 1)
    return {
        "registry": registry,
        "chosen_reason": reason,
        "items": found[:ITEMS_A_PAGE],
        "more": len(found) > ITEMS_A_PAGE,
        "offset": offset,
        "page_length": ITEMS_A_PAGE,
        "looks": session_of(request).grant.may("identity"),
    }


def _item(node: Node, request: Request, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
    hospital = open_hospital(node)
    one = _seen(node, request, kind, id, "words")
    frames = sight.frames(hospital, one)
    return {
        "item": one,
        "said": held.words_of(hospital, one),
        "frames": frames,
        "frame": min(whole_number(request, "frame") or 1, max(frames, 1)),
    }


def _seen(node: Node, request: Request, kind: str, id: str, part: str) -> held.Item:  # noqa: A002
    """The item, once it is written down that somebody looks at it.

    Raises:
        Refused: ``not-found``.
    """
    one = held.item(open_hospital(node), permitted(request), kind, id)
    facts = {"kind": one.kind, "part": part, "reason": one.reason, "registry": one.registry}
    node.ledger.append("held-viewed", one.id, actor=session_of(request).grant.name, facts={**facts})
    return one
