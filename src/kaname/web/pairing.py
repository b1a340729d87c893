"""``/pairs``: what one person asked for, what another has to agree to, and doing it then, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from kaname.access import pairs
from kaname.access.model import Duty, Grant
from kaname.access.pairs import Pair
from kaname.access.remembered import changing
from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.web.frame import names_of
from kaname.web.pages import form_of, page
from kaname.web.permit import may
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes

Shell = Callable[[Request], dict[str, Any]]
"""What stands around the content of a page."""
PATH = "/pairs"
EVERYWHERE = ""
"""Registry of what belongs to the whole node: for who has the duty in all of its registries."""


@dataclass(frozen=True, slots=True)
class Doing:
    """Something that takes two persons."""

    action: str
    duty: Duty
    """Of who may ask, and of who may agree, in the registry that it is about."""
    do: Callable[[Connection, Pair, str], Mapping[str, Any]]
    """Does it, in the transaction that uses the agreement up; returns facts for the page."""
    template: str = ""
    """Of a page that shows what came of it, once; none where there is nothing to show."""


@dataclass(frozen=True, slots=True)
class Line:
    """A pair, as somebody sees it."""

    pair: Pair
    state: pairs.PairState
    own: bool
    place: str
    """Name of the registry."""


def pair_routes(node: Node, shell: Shell, doings: Sequence[Doing], path: str = PATH) -> APIRouter:
    """The list, the decisions, and doing what was agreed to.

    Args:
        node: Any node.
        shell: What stands around the pages.
        doings: What takes two persons on this node.
        path: Of the list.
    """
    routes = session_routes(node, path)
    known = {one.action: one for one in doings}

    def listed(request: Request) -> Response:
        """What waits for an agreement, and what was decided lately."""
        return page(request, "pairs", **shell(request), pairs=lines(node, request, doings), pairs_path=path)

    def decided(id: str, request: Request) -> Response:  # noqa: A002 -- the word for what is ours
        """Agrees, or does not."""
        grant, decision = session_of(request).grant, form_of(request).get("decision", "")
        if decision not in {"agree", "refuse"}:
            raise Refused("query-invalid", term="decision")
        with writing(node.index) as connection:
            _open_to(node, grant, known, pairs.find(connection, id))
            decide = pairs.agree if decision == "agree" else pairs.refuse
            note(node, connection, decide(connection, id, grant, node.clock), grant.name)
        return RedirectResponse(path, SEE_OTHER)

    def done(id: str, request: Request) -> Response:  # noqa: A002
        """Does what was agreed to; who asked for it, and once."""
        grant = session_of(request).grant
        with changing(node.index) as connection:
            doing = _open_to(node, grant, known, pairs.find(connection, id))
            pair = pairs.take(connection, id, grant.name, doing.action, node.clock)
            note(node, connection, pair, grant.name)
            facts = doing.do(connection, pair, grant.name)
        if doing.template:
            return page(request, doing.template, **shell(request), pair=pair, pairs_path=path, **facts)
        return RedirectResponse(path, SEE_OTHER)

    duties = tuple[Duty, ...](dict.fromkeys(one.duty for one in doings))
    asked = may(duties[0], *duties[1:])
    routes.add_api_route("", listed, methods=["GET"], dependencies=[asked])
    routes.add_api_route("/{id}", decided, methods=["POST"], dependencies=[asked, Depends(own_form)])
    routes.add_api_route("/{id}/do", done, methods=["POST"], dependencies=[asked, Depends(own_form)])
    return routes


def lines(node: Node, request: Request, doings: Sequence[Doing]) -> list[Line]:
    """Pairs that somebody may ask for or agree to, the newest first."""
    grant, names, at = session_of(request).grant, names_of(request), node.clock.stamp()
    with reading(node.index) as connection:
        found = [
            pair
            for doing in doings
            for pair in pairs.pairs(connection, _registries(node, grant, doing), (doing.action,))
        ]
    newest = sorted(found, key=lambda pair: (pair.asked_at, pair.id), reverse=True)
    return [
        Line(pair, pair.state(at), pair.asked_by == grant.name, names.get(pair.registry, pair.registry))
        for pair in newest
    ]


def ask(node: Node, grant: Grant, doing: Doing, about: str, registry: str, reason: str) -> Pair:
    """Asks for something that somebody else has to agree to.

    Raises:
        Refused: ``not-found`` where the duty is not theirs; ``pair-reason``.
    """
    if registry not in _registries(node, grant, doing):
        raise Refused("not-found")
    with writing(node.index) as connection:
        pair = pairs.ask(connection, doing.action, about, registry, grant.name, reason, node.clock)
        note(node, connection, pair, grant.name)
    return pair


def note(node: Node, connection: Connection, pair: Pair, actor: str) -> None:
    """Writes a step into the ledger. The reason stays with the pair: people write names into such lines."""
    facts: dict[str, Json] = {"action": pair.action, "pair": pair.id, "registry": pair.registry}
    step = pair.state(node.clock.stamp())
    node.ledger.append(f"pair-{step}", pair.about, actor=actor, facts=facts, connection=connection)


def _registries(node: Node, grant: Grant, doing: Doing) -> tuple[str, ...]:
    own = grant.registries_for(doing.duty)
    return (*own, EVERYWHERE) if {*node.settings.registries} <= {*own} else own


def _open_to(node: Node, grant: Grant, known: Mapping[str, Doing], pair: Pair) -> Doing:
    """What a pair is about; one of another registry or duty does not exist for this person.

    Raises:
        Refused: ``not-found``.
    """
    doing = known.get(pair.action)
    if doing is None or pair.registry not in _registries(node, grant, doing):
        raise Refused("not-found")
    return doing
