"""One's own account: who one is here, password and factors, open sessions, and tokens of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from kaname.access.accounts import account, checked_password, set_password
from kaname.access.factors import factors
from kaname.access.model import DUTIES, Duty, Grant, parts_json
from kaname.access.organisations import find
from kaname.access.own_sessions import end_others, open_sessions
from kaname.access.sessions import Opening, begin_session
from kaname.access.tokens import DAYS_MOST, issue, revoke_token, tokens
from kaname.database import reading, writing
from kaname.errors import Forbidden, Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.web.frame import Menu, frame
from kaname.web.pages import DIGITS_MOST, form_of, page
from kaname.web.permit import anybody
from kaname.web.signin import COOKIE, SEE_OTHER, cookie_name, keep_cookie, own_form, session_of, session_routes

PATH = "/account"
OWN = "everybody looks after their own account"
IN_PERSON: frozenset[Duty] = frozenset({"release", "identity", "withdraw", "people"})
"""What no token of a person is made for: it asks for the person."""
DAYS = 90


def account_routes(node: Node, menu: Menu) -> APIRouter:
    """``/account`` and what its forms do."""
    routes = session_routes(node, PATH)

    def own(request: Request) -> Response:
        """Everything of one's own."""
        return page(
            request, "account", **frame(node, request, menu(session_of(request).grant)), **_facts(node, request)
        )

    def password(request: Request) -> Response:
        """Sets another password for who knows the old one. All other sessions end."""
        return _password(node, request)

    def ended(request: Request) -> Response:
        """Ends all sessions of one's own but this."""
        name = _owner(request)
        gone = end_others(node.index, session_of(request))
        node.ledger.append("sessions-ended", name, actor=session_of(request).grant.name, facts={"sessions": gone})
        return RedirectResponse(PATH, SEE_OTHER)

    def token(request: Request) -> Response:
        """Makes a token, shown once."""
        secret = _token(node, request)
        return page(request, "token", **frame(node, request, menu(session_of(request).grant)), secret=secret)

    def revoked(id: str, request: Request) -> Response:  # noqa: A002 -- the word for what is ours
        """Takes a token of one's own away."""
        name = _owner(request)
        revoke_token(node.index, id, owner=name)
        node.ledger.append("token-revoked", name, actor=session_of(request).grant.name, facts={"token": id})
        return RedirectResponse(PATH, SEE_OTHER)

    routes.add_api_route("", own, methods=["GET"], dependencies=[anybody(OWN)])
    for path, act in (
        ("/password", password),
        ("/sessions", ended),
        ("/tokens", token),
        ("/tokens/{id}/revoke", revoked),
    ):
        routes.add_api_route(path, act, methods=["POST"], dependencies=[anybody(OWN), Depends(own_form)])
    return routes


def _password(node: Node, request: Request) -> Response:
    session, form = session_of(request), form_of(request)
    name = _owner(request)
    checked_password(node.index, name, form.get("old", ""), node.clock)
    if form.get("new", "") != form.get("again", ""):
        raise Refused("password-differs")
    set_password(node.index, name, form.get("new", ""), node.clock)
    parts = account(node.index, name, node.clock).parts
    with writing(node.index) as connection:
        opening = Opening(Grant(name, parts, session.grant.duties), name, session.factors)
        mine = begin_session(connection, opening, place="console", clock=node.clock)
    node.ledger.append("password-changed", name, actor=session.grant.name)
    answer = RedirectResponse(PATH, SEE_OTHER)
    keep_cookie(request, answer, cookie_name(COOKIE, node), mine)
    return answer


def _token(node: Node, request: Request) -> str:
    """The secret of a new token.

    Raises:
        Forbidden: ``account-none``, ``proof-old``.
        Refused: ``token-empty``, ``token-origin``, ``query-invalid``.
    """
    name, session = _owner(request), session_of(request)
    if not session.grant.fresh:
        raise Forbidden("proof-old")
    form = form_of(request)
    grant = _narrowed(session.grant, form)
    origins = form.get("origins", "").replace(",", " ").split()
    secret = issue(node.index, grant, days=_days(form), clock=node.clock, owner=name, origins=origins)
    facts: dict[str, Json] = {
        "duties": list(grant.duties),
        "registries": list(grant.registries),
        "days": _days(form),
    }
    node.ledger.append("token-made", name, actor=session.grant.name, facts=facts)
    return secret


def _owner(request: Request) -> str:
    """Name of the account behind the session.

    Raises:
        Forbidden: ``account-none``.
    """
    owner = session_of(request).owner
    if not owner:
        raise Forbidden("account-none")
    return owner


def _facts(node: Node, request: Request) -> dict[str, Any]:
    session = session_of(request)
    shown = {"expires_at": session.expires_at, "fresh": session.grant.fresh, "parts": parts_json(session.grant.parts)}
    if not session.owner:
        return {"mine": None, **shown}
    mine = account(node.index, session.owner, node.clock)
    with reading(node.index) as connection:
        title = find(connection, mine.organisation).title if mine.organisation else ""
    return {
        **shown,
        "mine": mine,
        "organisation": title,
        "factors": factors(node.index, session.owner),
        "sessions": open_sessions(node.index, session, node.clock),
        "tokens": tokens(node.index, session.owner),
        "now": node.clock.stamp(),
        "offered": _offered(session.grant),
        "days": DAYS,
        "days_most": DAYS_MOST,
    }


def _offered(grant: Grant) -> tuple[Duty, ...]:
    """Duties that a token of this person may have."""
    by_token = replace(grant, channel="token")
    return tuple(duty for duty in DUTIES if duty not in IN_PERSON and by_token.may(duty))


def _narrowed(grant: Grant, form: Mapping[str, str]) -> Grant:
    """No more than what the person does, and of that what they chose.

    Raises:
        Refused: ``token-empty`` when nothing is left.
    """
    duties = tuple[Duty, ...](duty for duty in _offered(grant) if f"duty-{duty}" in form)
    parts = tuple(part for part in grant.parts if f"registry-{part.registry}" in form)
    if not duties or not parts:
        raise Refused("token-empty")
    return Grant(grant.name, parts, duties)


def _days(form: Mapping[str, str]) -> int:
    asked = form.get("days", "")
    if not (asked.isascii() and asked.isdecimal()) or len(asked) > DIGITS_MOST:
        raise Refused("query-invalid", term="days")
    return int(asked)
