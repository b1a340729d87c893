"""Setting up second factors of one's own, and taking them away.

Whoever has none yet is led here by the password alone, and the first one set up is theirs. Whoever has one shows it
before another is added or taken away: a password alone never does that.
"""

from __future__ import annotations

from typing import Any

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from kaname.access.challenges import ANSWER_MINUTES, Asked, ask, take
from kaname.access.factors import Kind, factors, remove_factor
from kaname.access.passkeys import add_passkey, registration
from kaname.access.recovery import make_codes
from kaname.access.sealing import sealer
from kaname.access.sessions import Session, prove_again
from kaname.access.totp import App, add_totp, app_address, new_secret
from kaname.errors import Forbidden
from kaname.node import Node
from kaname.web.answer import status_of
from kaname.web.frame import Menu, frame
from kaname.web.pages import form_of, page
from kaname.web.permit import anybody
from kaname.web.second import SET_UP
from kaname.web.signin import (
    COOKIE,
    NOT_KEPT,
    SEE_OTHER,
    cookie_name,
    keep_cookie,
    own_form,
    passkey_site,
    places,
    session_of,
    session_routes,
)

OWN = "everybody looks after their own factors; it asks for one of those first"
QR_PIXELS = 5
"""Width of one module of a QR code."""
SECRET_GROUP = 4


def factor_routes(node: Node, menu: Menu) -> APIRouter:
    """``/account/second`` and what its forms do."""
    routes = session_routes(node, SET_UP, weak=True)

    def own(request: Request) -> Response:
        """What one has, and what one may add."""
        session = _owner(node, request)
        facts: dict[str, Any] = {
            "own": factors(node.index, session.owner),
            "demanded": _demanded(node, session),
            **places(node, request),
        }
        return page(request, "factors", **_frame(node, request, menu), **facts)

    def new_app(request: Request) -> Response:
        """A new secret for an app, as a picture and as text."""
        return _app(node, request, menu, new_secret(), "")

    def app_added(request: Request) -> Response:
        """Keeps the secret once the app shows the right code."""
        return _app_added(node, request, menu)

    def passkey(request: Request) -> Response:
        """What a browser is told to make a passkey."""
        asked = Asked.of("enrol", _owner(node, request))
        seal = sealer(node.settings.keys)
        return JSONResponse(registration(node.index, seal, passkey_site(node), asked, node.clock), headers=NOT_KEPT)

    def passkey_added(request: Request) -> Response:
        """Keeps the passkey that the browser has made."""
        form, session = form_of(request), _owner(node, request)
        given = form.get("credential", ""), form.get("label", "")
        asked, first = Asked.of("enrol", session), session.grant.weak
        add_passkey(node.index, passkey_site(node), asked, *given, node.clock, first=first)
        return _added(node, request, "passkey")

    def codes(request: Request) -> Response:
        """New recovery codes, shown once."""
        session = _owner(node, request)
        made = make_codes(node.index, sealer(node.settings.keys), session.owner, node.clock)
        node.ledger.append("recovery-codes-made", session.owner, actor=session.grant.name)
        return page(request, "codes", **_frame(node, request, menu), codes=made)

    def removed(id: str, request: Request) -> Response:  # noqa: A002 -- the word for what is ours
        """Takes one away."""
        session = _owner(node, request)
        gone = remove_factor(node.index, session.owner, id, demanded=_demanded(node, session))
        node.ledger.append("factor-removed", session.owner, actor=session.grant.name, facts={"kind": gone.kind})
        return RedirectResponse(SET_UP, SEE_OTHER)

    routes.add_api_route("", own, methods=["GET"], dependencies=[anybody(OWN)])
    for path, act in (
        ("/app", new_app),
        ("/app/confirm", app_added),
        ("/passkey/question", passkey),
        ("/passkey", passkey_added),
        ("/codes", codes),
        ("/remove/{id}", removed),
    ):
        routes.add_api_route(path, act, methods=["POST"], dependencies=[anybody(OWN), Depends(own_form)])
    return routes


def _owner(node: Node, request: Request) -> Session:
    """The session, once it may change what its owner signs in with.

    Raises:
        Forbidden: ``account-none``, ``second-factor-missing`` (one is there and was not shown), ``proof-old``.
    """
    session = session_of(request)
    if not session.owner:
        raise Forbidden("account-none")
    if session.grant.weak and factors(node.index, session.owner):
        raise Forbidden("second-factor-missing")
    if not session.grant.fresh:
        raise Forbidden("proof-old")
    return session


def _demanded(node: Node, session: Session) -> bool:
    return not {part.role for part in session.grant.parts}.isdisjoint(node.settings.second_factor)


def _frame(node: Node, request: Request, menu: Menu) -> dict[str, Any]:
    """No menu before a second factor that is demanded: none of its pages would open."""
    grant = session_of(request).grant
    return frame(node, request, [] if grant.weak else menu(grant))


def _app(node: Node, request: Request, menu: Menu, secret: str, refused: str, status: int = 200) -> Response:
    session = _owner(node, request)
    sealed = sealer(node.settings.keys).seal(secret.encode(), session.owner)
    address = app_address(secret, session.owner, f"Kaname {node.settings.name}")
    groups = [secret[at : at + SECRET_GROUP] for at in range(0, len(secret), SECRET_GROUP)]
    facts: dict[str, Any] = {
        "question": ask(node.index, Asked.of("totp", session), node.clock, {"sealed": sealed}),
        "picture": segno.make(address, error="m").svg_inline(scale=QR_PIXELS, omitsize=True, border=4),
        "secret": " ".join(groups),
        "minutes": ANSWER_MINUTES,
        "refused": refused,
    }
    return page(request, "app", status, **_frame(node, request, menu), **facts)


def _app_added(node: Node, request: Request, menu: Menu) -> Response:
    session, form = _owner(node, request), form_of(request)
    seal = sealer(node.settings.keys)
    kept = take(node.index, form.get("question", ""), Asked.of("totp", session), node.clock)
    secret = seal.open(kept["sealed"], session.owner).decode()
    app = App(session.owner, secret, form.get("label", ""), first=session.grant.weak)
    try:
        add_totp(node.index, seal, app, form.get("code", ""), node.clock)
    except Forbidden as refused:
        return _app(node, request, menu, secret, refused.code, status_of(refused))
    return _added(node, request, "totp")


def _added(node: Node, request: Request, kind: Kind) -> Response:
    """Back to the list, with another secret for the session: it has just been shown."""
    session = session_of(request)
    node.ledger.append("factor-added", session.owner, actor=session.grant.name, facts={"kind": kind})
    answer = RedirectResponse(SET_UP, SEE_OTHER)
    proved = prove_again(node.index, session, kind, clock=node.clock)
    keep_cookie(request, answer, cookie_name(COOKIE, node), proved)
    return answer
