"""Pages of who looks after a node: where images are, what did not pass, what was withdrawn, what the ledger says."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from kaname.errors import Forbidden, Refused
from kaname.evaluation.pictures import Picture
from kaname.node import Node
from kaname.upkeep.board import Place, board, days, hospital_days
from kaname.upkeep.holdings import held_back
from kaname.upkeep.refusals import refusals
from kaname.upkeep.withdrawals import withdrawals
from kaname.web.charts import bars, paired_days
from kaname.web.frame import names_of
from kaname.web.pages import language_of, page, whole_number, words
from kaname.web.permit import may, permitted
from kaname.web.shell import shell
from kaname.web.signin import own_form, session_routes

EVENTS_A_PAGE = 100


def seeing_routes(node: Node) -> APIRouter:
    """The pages, behind a session."""
    routes = session_routes(node)

    def collection(request: Request) -> Response:
        """Each facility of each registry."""
        return page(request, "collection", **shell(node, request), **_collection(node, request))

    def held(request: Request) -> Response:
        """What did not pass, one by one."""
        registries = permitted(request)
        reasons, each = held_back(node, registries), refusals(node, registries)
        return page(request, "held", **shell(node, request), held_back=reasons, refusals=each)

    def withdrawn(request: Request) -> Response:
        """Withdrawals and where they stand."""
        found = withdrawals(node, permitted(request))
        return page(request, "withdrawals", **shell(node, request), withdrawals=found)

    def ledger(request: Request) -> Response:
        """What happened, the newest first."""
        return page(request, "ledger", **shell(node, request), **_events(node, request), verified=None, broken="")

    def verify(request: Request) -> Response:
        """Walks the whole chain and says whether it holds."""
        facts = shell(node, request) | _events(node, request)
        try:
            head = node.ledger.verify()
        except Refused as refused:
            return page(request, "ledger", **facts, verified=None, broken=refused.code)
        return page(request, "ledger", **facts, verified=head, broken="")

    routes.add_api_route("/collection", collection, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/held", held, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/withdrawals", withdrawn, methods=["GET"], dependencies=[may("browse", "withdraw")])
    routes.add_api_route("/ledger", ledger, methods=["GET"], dependencies=[may("audit")])
    routes.add_api_route("/ledger", verify, methods=["POST"], dependencies=[may("audit"), Depends(own_form)])
    return routes


def _collection(node: Node, request: Request) -> dict[str, Any]:
    registry = request.query_params.get("registry", "")
    if registry and registry not in permitted(request):
        raise Refused("not-found")
    chosen = (registry,) if registry else permitted(request)
    places = board(node, chosen)
    return {
        "registry": registry,
        "places": places,
        "by_registry": _by_registry(request, places),
        "by_day": _by_day(node, request, chosen),
        "in_hospitals": _in_hospitals(node, request, chosen),
        "tier": node.settings.role,
    }


def _by_registry(request: Request, places: tuple[Place, ...]) -> Picture:
    say, names = words(), names_of(request)
    language = language_of(request)
    found = dict.fromkeys((place.registry for place in places), 0)
    for place in places:
        found[place.registry] += place.usable
    headings = say["column-registry"][language], say["column-usable"][language]
    counts = [(names[registry], number) for registry, number in found.items()]
    return bars("usable", say["board-usable"][language], headings, counts)


def _by_day(node: Node, request: Request, registries: tuple[str, ...]) -> Picture:
    say, language = words(), language_of(request)
    headings = (say["column-day"][language], say["column-received"][language], say["column-usable"][language])
    counts = [(one.day, one.received, one.usable) for one in days(node, registries)]
    return paired_days("days", say["board-days"][language], headings, counts)


def _in_hospitals(node: Node, request: Request, registries: tuple[str, ...]) -> Picture | None:
    """``None`` where no hospital has said anything yet."""
    say, language = words(), language_of(request)
    headings = (say["column-day"][language], say["column-came_in"][language], say["column-in_hospital"][language])
    counts = [(one.day, one.came_in, one.held) for one in hospital_days(node, registries)]
    return paired_days("hospitals", say["board-hospitals"][language], headings, counts) if counts else None


def _events(node: Node, request: Request) -> dict[str, Any]:
    """Events before a number, of one action if one is named. They tell of every registry, so all have to be open."""
    for registry in node.settings.registries:
        if registry not in permitted(request):
            raise Forbidden("not-permitted", registry=registry)
    before = whole_number(request, "before")
    action, actor = (request.query_params.get(name, "") for name in ("action", "actor"))
    events = node.ledger.latest(EVENTS_A_PAGE + 1, before=before, action=action or None, actor=actor or None)
    return {
        "events": events[:EVENTS_A_PAGE],
        "more": len(events) > EVENTS_A_PAGE,
        "action": action,
        "actor": actor,
        "chosen": {name: value for name, value in (("action", action), ("actor", actor)) if value},
        "head": node.ledger.head(),
    }
