"""``/tokens``: every token of the node that who looks after people has in hand; making those of programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from kaname.access.accounts import NAME_MOST, accounts
from kaname.access.giving import has_in_hand
from kaname.access.model import Duty, Grant
from kaname.access.named import same_person
from kaname.access.tokens import DAYS_MOST, Token, issue, revoke_token, tokens
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.web.pages import DIGITS_MOST, form_of, page
from kaname.web.pairing import Shell
from kaname.web.permit import may, permitted
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes

PATH = "/tokens"
OFFERED: tuple[Duty, ...] = ("browse", "pixels", "store", "curate", "research", "check")
"""What a program may be given here. Nothing that decides, names a patient or looks after people: those ask for a
person, and whoever makes a token would give it to themselves."""
DAYS = 90


def token_routes(node: Node, shell: Shell) -> APIRouter:
    """The page and what its forms do."""
    routes = session_routes(node, PATH)

    def listed(request: Request) -> Response:
        """All tokens, the newest first."""
        facts: dict[str, Any] = {"found": _in_hand(node, request), "offered": OFFERED, "places": permitted(request)}
        more: dict[str, Any] = {"days": DAYS, "days_most": DAYS_MOST, "now": node.clock.stamp()}
        return page(request, "node_tokens", **shell(request), **facts, **more)

    def made(request: Request) -> Response:
        """Makes a program's token, shown once."""
        form, by = form_of(request), session_of(request).grant
        name = form.get("name", "").strip()
        duties = tuple[Duty, ...](duty for duty in OFFERED if f"duty-{duty}" in form)
        places = tuple(place for place in permitted(request) if f"registry-{place}" in form)
        if not 0 < len(name) <= NAME_MOST or not name.isprintable() or not duties or not places:
            raise Refused("entry-invalid", entry="name" if duties and places else "duty")
        if any(same_person(name, one.name) for one in accounts(node.index, node.clock)):
            raise Refused("entry-exists", entry="name")
        origins = form.get("origins", "").replace(",", " ").split()
        grant = Grant.of_program(name, places, duties)
        secret = issue(node.index, grant, days=_days(form), clock=node.clock, origins=origins)
        facts: dict[str, Json] = {
            "days": _days(form),
            "duties": list[Json](duties),
            "origins": list[Json](origins),
            "registries": list[Json](places),
        }
        node.ledger.append("token-made", name, actor=by.name, facts=facts)
        return page(request, "node_token", **shell(request), secret=secret, name=name)

    def revoked(id: str, request: Request) -> Response:  # noqa: A002 -- the word for what is ours
        """Takes one away, at once."""
        found = next((one for one in _in_hand(node, request) if one.id == id), None)
        if found is None:
            raise Refused("not-found")
        revoke_token(node.index, id)
        about, by = found.grant.name, session_of(request).grant.name
        node.ledger.append("token-revoked", about, actor=by, facts={"token": id})
        return RedirectResponse(PATH, SEE_OTHER)

    routes.add_api_route("", listed, methods=["GET"], dependencies=[may("people")])
    routes.add_api_route("", made, methods=["POST"], dependencies=[may("people"), Depends(own_form)])
    routes.add_api_route("/{id}/revoke", revoked, methods=["POST"], dependencies=[may("people"), Depends(own_form)])
    return routes


def _in_hand(node: Node, request: Request) -> list[Token]:
    """Tokens of which every registry is looked after by who asks."""
    by = session_of(request).grant
    return [one for one in tokens(node.index) if has_in_hand(by, one.grant.parts, node.settings.registries)]


def _days(form: Mapping[str, str]) -> int:
    typed = form.get("days", "")
    if not (typed.isascii() and typed.isdecimal()) or len(typed) > DIGITS_MOST:
        raise Refused("query-invalid", term="days")
    return int(typed)
