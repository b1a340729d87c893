"""Showing once more who one is: the second factor after a password, and again before what asks for it.

Whatever was shown, the session gets another secret: a cookie from before opens nothing afterwards.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from kaname.access.accounts import account, checked_password
from kaname.access.challenges import Asked
from kaname.access.factors import factors
from kaname.access.passkeys import check_passkey, question
from kaname.access.recovery import spend_code
from kaname.access.sealing import sealer
from kaname.access.sessions import Factor, Session, prove_again
from kaname.access.totp import check_totp
from kaname.errors import Forbidden
from kaname.node import Node
from kaname.web.answer import status_of
from kaname.web.frame import frame
from kaname.web.pages import form_of, local_path, page
from kaname.web.permit import anybody
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

Asking = Literal["second", "proof"]
SET_UP = "/account/second"
OWN = "whoever has a session may show who they are"
FIELDS: dict[Factor, str] = {"passkey": "credential", "recovery": "recovery", "password": "password", "totp": "code"}
"""What the field of each is called."""
TAKEN: dict[Asking, tuple[Factor, ...]] = {"second": ("passkey", "recovery"), "proof": ("passkey", "password")}
"""What is taken beside a code: a recovery code is too dear for showing again what was shown before."""


def second_routes(node: Node) -> APIRouter:
    """``/second`` after a password, ``/proof`` before what asks for it, and what a passkey is asked."""
    routes = session_routes(node, weak=True)

    def asked(request: Request) -> Response:
        """Asks for a second factor; whoever has none sets one up first."""
        session, onward = session_of(request), _onward(request)
        if not session.grant.weak:
            return RedirectResponse(onward, SEE_OTHER)
        if not factors(node.index, session.owner):
            return RedirectResponse(SET_UP, SEE_OTHER)
        return _form(node, request, "second", onward)

    def shown(request: Request) -> Response:
        """Takes a code, a passkey's answer or a recovery code."""
        return _proved(node, request, "second")

    def asked_again(request: Request) -> Response:
        """Asks anybody who is signed in to show once more who they are."""
        return _form(node, request, "proof", _onward(request))

    def shown_again(request: Request) -> Response:
        """Takes a password, a code or a passkey's answer."""
        return _proved(node, request, "proof")

    def passkey(request: Request) -> Response:
        """What a browser is asked to show a passkey of this person."""
        asked = Asked.of("prove", session_of(request))
        return JSONResponse(question(node.index, passkey_site(node), asked, node.clock), headers=NOT_KEPT)

    for path, ask, take in (("/second", asked, shown), ("/proof", asked_again, shown_again)):
        routes.add_api_route(path, ask, methods=["GET"], dependencies=[anybody(OWN)])
        routes.add_api_route(path, take, methods=["POST"], dependencies=[anybody(OWN), Depends(own_form)])
    routes.add_api_route("/second/question", passkey, methods=["POST"], dependencies=[anybody(OWN), Depends(own_form)])
    return routes


def _onward(request: Request) -> str:
    return local_path(request.query_params.get("next", ""))


def _form(node: Node, request: Request, asking: Asking, onward: str, status: int = 200, refused: str = "") -> Response:
    session = session_of(request)
    kinds = {one.kind for one in factors(node.index, session.owner)} if session.owner else set[str]()
    ways: set[str] = {*kinds} if asking == "second" else {*kinds} - {"recovery"}
    if asking == "proof" and session.owner and account(node.index, session.owner, node.clock).password:
        ways.add("password")
    facts = {"asking": asking, "ways": ways, "onward": onward, "refused": refused, **places(node, request)}
    return page(request, "prove", status, **frame(node, request, []), **facts)


def _proved(node: Node, request: Request, asking: Asking) -> Response:
    session, onward = session_of(request), local_path(form_of(request).get("next", ""))
    by: Factor = _shown(request, asking)
    about = session.grant.name
    try:
        _check(node, session, by, form_of(request).get(FIELDS[by], ""))
    except Forbidden as refused:
        if refused.code != "signin-locked":
            facts = {"by": by, "reason": refused.code}
            node.ledger.append("proof-refused", about, actor=about, facts={**facts})
        return _form(node, request, asking, onward, status_of(refused), refused.code)
    proved = prove_again(node.index, session, by, clock=node.clock)
    node.ledger.append("proof-shown", about, actor=about, facts={"by": by})
    answer = RedirectResponse(onward, SEE_OTHER)
    keep_cookie(request, answer, cookie_name(COOKIE, node), proved)
    return answer


def _shown(request: Request, asking: Asking) -> Factor:
    form = form_of(request)
    given: list[Factor] = [factor for factor in TAKEN[asking] if form.get(FIELDS[factor])]
    return given[0] if given else "totp"


def _check(node: Node, session: Session, by: Factor, text: str) -> None:
    """Returns when what was shown is right.

    Raises:
        Forbidden: ``code-wrong``, ``app-locked``, ``passkey-refused``, ``passkey-copied``, ``answer-late``,
            ``password-wrong``, ``signin-locked``; ``account-none`` where nobody's account stands behind the session.
    """
    if not session.owner:
        raise Forbidden("account-none")
    seal = sealer(node.settings.keys)
    if by == "passkey":
        asked = Asked.of("prove", session)
        check_passkey(node.index, seal, passkey_site(node), asked, text, node.clock)
    elif by == "recovery":
        spend_code(node.index, seal, session.owner, text, node.clock)
    elif by == "password":
        checked_password(node.index, session.owner, text, node.clock)
    else:
        check_totp(node.index, seal, session.owner, text, node.clock)
