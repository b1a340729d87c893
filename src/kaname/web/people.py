"""``/people``: who has an account, what they do here, and giving and taking that. Leaving counts at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from kaname.access import training
from kaname.access.accounts import NAME_MOST, Account, account, accounts, enter, parts_now
from kaname.access.entries import last_second
from kaname.access.giving import HIGHEST, check_parts, give, has_in_hand, operators_stay, take
from kaname.access.model import PEOPLE, Grant, Part, Role
from kaname.access.named import same_person
from kaname.access.organisations import organisations, standing
from kaname.access.remembered import changing
from kaname.access.sessions import make_signin, take_everything
from kaname.access.tokens import tokens
from kaname.database import reading
from kaname.errors import Forbidden, Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.web.pages import form_of, page
from kaname.web.pairing import Shell
from kaname.web.permit import may, permitted
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes

PATH = "/people"
Change = Callable[[Connection, Node, Grant, Account, Mapping[str, str]], tuple[str, dict[str, Json]]]
"""Changes something about somebody as the fields of a form say; returns which event that is, and its facts."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as who looks after some registries sees them."""

    account: Account
    parts: tuple[Part, ...]
    """In those registries."""
    in_hand: bool
    """Whether all that they do is in those registries."""


def people_routes(node: Node, shell: Shell) -> APIRouter:
    """The pages and what their forms do; each change is a ledger event."""
    routes = session_routes(node, PATH)

    def listed(request: Request) -> Response:
        """Everybody who does something in the registries of who looks."""
        found = [one for one in accounts(node.index, node.clock) if _visible(request, one)]
        people = [_person(node, request, one) for one in found]
        return page(request, "people", **shell(request), **_choices(node, request), people=people)

    def one(name: str, request: Request) -> Response:
        """One person."""
        known = _known(node, request, name)
        with reading(node.index) as connection:
            proofs = training.proofs(connection, name)
        facts: dict[str, Any] = {
            "whose": _person(node, request, known),
            "proofs": proofs,
            "owned": tokens(node.index, name),
            "now": node.clock.stamp(),
        }
        return page(request, "person", **shell(request), **_choices(node, request), **facts)

    def added(request: Request) -> Response:
        """Makes an account, with a first part or none, and an address that signs in once."""
        form, by = form_of(request), session_of(request).grant
        name, organisation, part = form.get("name", "").strip(), form.get("organisation", ""), _part(form)
        until = last_second(form.get("until", ""))
        with changing(node.index) as connection:
            if organisation:
                standing(connection, organisation)
            enter(connection, name, (), node.clock, organisation=organisation, until=until)
            if part.role:
                give(connection, by, name, part, node.settings.registries)
            facts = {"organisation": organisation, "registry": part.registry, "role": part.role, "until": until}
            node.ledger.append("user-added", name, actor=by.name, facts={**facts}, connection=connection)
        return _address(node, shell, request, name)

    def addressed(request: Request) -> Response:
        """Makes an address that signs somebody in once: for who has no password, or lost a factor."""
        name, by = _name(request), session_of(request).grant
        if same_person(name, by.name):
            raise Forbidden("own-part")
        check_parts(by, _known(node, request, name).parts, node.settings.registries)
        return _address(node, shell, request, name)

    changes = {"/give": _given, "/take": _taken, "/training": _trained, "/end": _ended}
    acts = {"/add": added, "/address": addressed} | {path: _by_form(node, change) for path, change in changes.items()}
    routes.add_api_route("", listed, methods=["GET"], dependencies=[may("people")])
    for path, act in acts.items():
        routes.add_api_route(path, act, methods=["POST"], dependencies=[may("people"), Depends(own_form)])
    routes.add_api_route("/{name:path}", one, methods=["GET"], dependencies=[may("people")])
    return routes


def _by_form(node: Node, change: Change) -> Callable[[Request], Response]:
    def changed(request: Request) -> Response:
        """Changes one thing about somebody."""
        name, by = _name(request), session_of(request).grant
        known = _known(node, request, name)
        with changing(node.index) as connection:
            action, facts = change(connection, node, by, known, form_of(request))
            node.ledger.append(action, name, actor=by.name, facts=facts, connection=connection)
        return RedirectResponse(PATH if action == "user-revoked" else f"{PATH}/{quote(name)}", SEE_OTHER)

    return changed


def _given(
    connection: Connection, node: Node, by: Grant, known: Account, form: Mapping[str, str]
) -> tuple[str, dict[str, Json]]:
    part = _part(form)
    give(connection, by, known.name, part, node.settings.registries)
    return "part-given", {"role": part.role, "registry": part.registry}


def _taken(
    connection: Connection, node: Node, by: Grant, known: Account, form: Mapping[str, str]
) -> tuple[str, dict[str, Json]]:
    part = _part(form)
    take(connection, by, known.name, part, node.settings.registries, node.clock.stamp())
    return "part-taken", {"role": part.role, "registry": part.registry, "project": part.project}


def _trained(
    connection: Connection, node: Node, _by: Grant, known: Account, form: Mapping[str, str]
) -> tuple[str, dict[str, Json]]:
    entry = form.get("course", ""), form.get("proof", ""), form.get("until", "")
    made = training.record(connection, known.name, *entry, node.clock.stamp())
    return "training-recorded", {"course": made.course, "proof": made.proof, "until": made.until}


def _ended(
    connection: Connection, node: Node, by: Grant, known: Account, _form: Mapping[str, str]
) -> tuple[str, dict[str, Json]]:
    check_parts(by, known.parts, node.settings.registries)
    with operators_stay(connection, node.clock.stamp()):
        gone = take_everything(connection, known.name)
    return "user-revoked", {"revoked": gone}


def _address(node: Node, shell: Shell, request: Request, name: str) -> Response:
    """An address that signs somebody in, shown once."""
    with reading(node.index) as connection:
        parts = parts_now(connection, name)
    secret = make_signin(node.index, Grant(name, parts), place="console", clock=node.clock, owner=name)
    node.ledger.append("signin-made", name, actor=session_of(request).grant.name)
    console = request.headers["origin"]  # the form was sent from there: own_form has looked
    return page(request, "address", **shell(request), name=name, address=f"{console}/signin?once={secret}")


def _choices(node: Node, request: Request) -> dict[str, Any]:
    """What the forms offer."""
    with reading(node.index) as connection:
        standing_now = [one for one in organisations(connection) if not one.ended_at]
    whole = {*permitted(request)} >= {*node.settings.registries}
    return {
        "roles": [role for role in PEOPLE if whole or role not in HIGHEST],
        "places": permitted(request),
        "organisations": standing_now,
        "name_most": NAME_MOST,
    }


def _visible(request: Request, one: Account) -> bool:
    """Who does something in the registries of who looks; who does nothing anywhere is there for all of those."""
    return not one.parts or any(part.registry in permitted(request) for part in one.parts)


def _person(node: Node, request: Request, one: Account) -> Person:
    parts = tuple(part for part in one.parts if part.registry in permitted(request))
    return Person(one, parts, has_in_hand(session_of(request).grant, one.parts, node.settings.registries))


def _known(node: Node, request: Request, name: str) -> Account:
    """Somebody whom who asks may know of.

    Raises:
        Refused: ``not-found``.
    """
    found = account(node.index, name, node.clock)
    if not _visible(request, found):
        raise Refused("not-found")
    return found


def _name(request: Request) -> str:
    return form_of(request).get("name", "")


def _part(form: Mapping[str, str]) -> Part:
    """The part that a form names."""
    role, registry, project = (form.get(field, "") for field in ("role", "registry", "project"))
    return Part(cast("Role", role), registry, project)
