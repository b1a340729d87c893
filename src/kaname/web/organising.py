"""``/organisations``: who people and projects belong to. Ending one takes two persons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from kaname.access import organisations
from kaname.access.accounts import accounts
from kaname.access.organisations import KINDS
from kaname.access.pairs import Pair
from kaname.access.remembered import changing
from kaname.database import reading
from kaname.errors import Forbidden
from kaname.ledger import Json
from kaname.node import Node
from kaname.web.pages import form_of, page
from kaname.web.pairing import EVERYWHERE, Doing, Shell, ask
from kaname.web.pairing import PATH as PAIRS
from kaname.web.permit import may, permitted
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes

PATH = "/organisations"
ENDING = "organisation-end"


def ending(node: Node) -> Doing:
    """Ending an organisation: its people are out at once, its projects closed for good."""

    def end(connection: Connection, pair: Pair, by: str) -> Mapping[str, Any]:
        gone = organisations.end(connection, pair.about, node.clock.stamp())
        facts: dict[str, Json] = {"accounts": list(gone.accounts), "projects": list(gone.projects), "pair": pair.id}
        node.ledger.append("organisation-ended", pair.about, actor=by, facts=facts, connection=connection)
        return {}

    return Doing(ENDING, "people", end)


def organisation_routes(node: Node, shell: Shell) -> APIRouter:
    """The page and what its forms do, for who looks after the people of all the node's registries."""
    routes = session_routes(node, PATH)
    doing = ending(node)

    def listed(request: Request) -> Response:
        """All of them."""
        with reading(node.index) as connection:
            found = organisations.organisations(connection)
        people = Counter(one.organisation for one in accounts(node.index, node.clock))
        facts: dict[str, Any] = {"found": found, "people": people, "kinds": KINDS, "whole": _whole(node, request)}
        return page(request, "organisations", **shell(request), **facts)

    def made(request: Request) -> Response:
        """Makes one."""
        form, by = form_of(request), session_of(request).grant.name
        _need_whole(node, request)
        with changing(node.index) as connection:
            entries = form.get("id", ""), form.get("title", ""), form.get("kind", "")
            one = organisations.make(connection, *entries, node.clock.stamp())
            facts: dict[str, Json] = {"kind": one.kind, "title": one.title}
            node.ledger.append("organisation-made", one.id, actor=by, facts=facts, connection=connection)
        return RedirectResponse(PATH, SEE_OTHER)

    def asked(id: str, request: Request) -> Response:  # noqa: A002 -- the word for what is ours
        """Asks to end one."""
        _need_whole(node, request)
        with reading(node.index) as connection:
            organisations.standing(connection, id)
        ask(node, session_of(request).grant, doing, id, EVERYWHERE, form_of(request).get("reason", ""))
        return RedirectResponse(PAIRS, SEE_OTHER)

    routes.add_api_route("", listed, methods=["GET"], dependencies=[may("people")])
    routes.add_api_route("", made, methods=["POST"], dependencies=[may("people"), Depends(own_form)])
    routes.add_api_route("/{id}/end", asked, methods=["POST"], dependencies=[may("people"), Depends(own_form)])
    return routes


def _whole(node: Node, request: Request) -> bool:
    return {*node.settings.registries} <= {*permitted(request)}


def _need_whole(node: Node, request: Request) -> None:
    """An organisation is of the whole node.

    Raises:
        Forbidden: ``not-permitted``.
    """
    if not _whole(node, request):
        missing = next(one for one in node.settings.registries if one not in permitted(request))
        raise Forbidden("not-permitted", registry=missing)
