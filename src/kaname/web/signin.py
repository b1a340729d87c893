"""Signing in to the console: a password, a passkey, or a secret that works once, becomes a cookie for a working day.

Who is asked for a second factor is led to it next (:mod:`kaname.web.second`). The address with the secret shows a
button, and only pressing it uses the secret up: mail programs and browsers fetch addresses ahead, and would leave
nothing for the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from kaname.access.accounts import sign_in, sign_in_by
from kaname.access.challenges import Asked
from kaname.access.passkeys import Site, check_passkey, question, site_of
from kaname.access.sealing import sealer
from kaname.access.sessions import ABOUT, SESSION_HOURS, Session, check_session, end_session, open_session
from kaname.errors import Forbidden, Refused
from kaname.node import Node
from kaname.web.answer import status_of
from kaname.web.pages import PageRoute, form_of, page, read_form
from kaname.web.permit import anybody

COOKIE = "kaname_console_"
"""Begins the name of the cookie."""
FORM_TOKEN = "form"  # noqa: S105 -- the name of a field
HOST_ONLY = "__Host-"
"""A browser keeps a cookie of such a name only when it came over TLS, for this very host, for all of its paths."""
SEE_OTHER = 303
NOT_KEPT = {"Cache-Control": "no-store"}
NOTED = ("password-wrong", "passkey-copied")
"""Refusals that cost a hash, or took somebody's key: nobody fills the ledger by asking."""


def session_routes(node: Node, prefix: str = "", *, weak: bool = False) -> APIRouter:
    """A router of which every route asks for a session first.

    Args:
        node: Whose sessions count.
        prefix: Of every path of the router.
        weak: Whether a session is enough whose owner has not shown a second factor that is asked of them.
    """

    def check(request: Request) -> None:
        secret = request.cookies.get(cookie_name(COOKIE, node), "")
        session = check_session(
            node.index, secret, place="console", clock=node.clock, demanded=node.settings.second_factor
        )
        if session.grant.weak and not weak:
            raise Forbidden("second-factor-missing")
        request.state.session, request.state.grant = session, session.grant

    return APIRouter(prefix=prefix, dependencies=[Depends(check)], route_class=PageRoute, include_in_schema=False)


def session_of(request: Request) -> Session:
    """The session of a request on such a router."""
    session = request.state.session
    assert isinstance(session, Session)
    return session


async def own_form(request: Request) -> None:
    """A dependency of a route behind a session: the fields of a form of that very session.

    Raises:
        Forbidden: ``form-foreign``.
        Refused: ``query-invalid``.
    """
    await read_form(request)
    if not session_of(request).sent_from_its_own_form(form_of(request).get(FORM_TOKEN, "")):
        raise Forbidden("form-foreign")


def signin_routes(node: Node) -> APIRouter:
    """Signing in and out."""
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)

    def offered(request: Request) -> Response:
        """The form, or the button of a one-time address."""
        return page(request, "signin", secret=request.query_params.get("once", ""), refused="", **places(node, request))

    def asked(_request: Request) -> Response:
        """What a browser is asked to show a passkey, whosever it is."""
        return JSONResponse(question(node.index, passkey_site(node), Asked("signin"), node.clock), headers=NOT_KEPT)

    def signed_in(request: Request) -> Response:
        """Looks at name and password, at a passkey, or uses the secret up."""
        form = form_of(request)
        by = "address" if "once" in form else "passkey" if "credential" in form else "password"
        try:
            session = _opened(node, form, by)
        except Forbidden as refused:
            if refused.code in NOTED:
                node.ledger.append("signin-refused", refused.code, actor=node.settings.name, facts=refused.facts)
            return page(request, "signin", status_of(refused), secret="", refused=refused.code, **places(node, request))
        node.ledger.append("signed-in", session.grant.name, actor=session.grant.name, facts={"by": by})
        before = request.cookies.get(cookie_name(COOKIE, node), "")
        if before:  # whoever used this browser until now is out
            end_session(node.index, before)
        answer = RedirectResponse("/", SEE_OTHER)
        keep_cookie(request, answer, cookie_name(COOKIE, node), session)
        return answer

    def signed_out(request: Request) -> Response:
        """Ends the session."""
        session = session_of(request)
        end_session(node.index, session.secret)
        node.ledger.append("signed-out", session.grant.name, actor=session.grant.name)
        answer = RedirectResponse("/signin", SEE_OTHER)
        name = cookie_name(COOKIE, node)
        answer.delete_cookie(name, secure=name.startswith(HOST_ONLY), httponly=True, samesite="strict")
        return answer

    whoever = anybody("whoever wants to sign in")
    routes.add_api_route("/signin", offered, methods=["GET"], dependencies=[whoever])
    routes.add_api_route("/signin", signed_in, methods=["POST"], dependencies=[whoever, Depends(read_form)])
    routes.add_api_route("/signin/question", asked, methods=["POST"], dependencies=[whoever, Depends(read_form)])
    leaving = session_routes(node, weak=True)
    leaving.add_api_route(
        "/signout",
        signed_out,
        methods=["POST"],
        dependencies=[anybody("whoever has a session may end it"), Depends(own_form)],
    )
    routes.include_router(leaving)
    return routes


def passkey_site(node: Node) -> Site:
    """Where passkeys of this node count.

    Raises:
        Refused: ``passkey-elsewhere`` where they count nowhere.
    """
    site = site_of(node.settings)
    if site is None:
        raise Refused("passkey-elsewhere")
    return site


def places(node: Node, request: Request) -> dict[str, Any]:
    """Facts for pages that ask for a passkey: where those count, and whether the browser is there."""
    site = site_of(node.settings)
    origin = site.origin if site is not None else ""
    return {"passkey_origin": origin, "passkey_here": urlsplit(origin).netloc == request.headers.get("host", "")}


def own_name(begin: str, node: Node, about: str = "") -> str:
    """The name of a cookie of this node: browsers keep those of all ports of a host together, so each node has its own.

    Args:
        begin: How it begins.
        node: Whose cookie.
        about: What it is for, if there may be several.
    """
    return begin + sha256(f"{node.settings.name}{ABOUT}{about}".encode()).hexdigest()[:16]


def cookie_name(begin: str, node: Node, about: str = "") -> str:
    """The name of a session's cookie: as :func:`own_name`, and bound to the host where the console stands on TLS."""
    return cookie_start(begin, node) + own_name("", node, about)


def cookie_start(begin: str, node: Node) -> str:
    """What the names of all cookies of sessions of one kind begin with."""
    return (HOST_ONLY if node.settings.public_origin.startswith("https://") else "") + begin


def keep_cookie(request: Request, answer: Response, name: str, session: Session, *, secure: bool = False) -> None:
    """Gives the browser the secret of its session. It is sent over TLS alone where the browser itself speaks TLS.

    Args:
        request: What the browser sent.
        answer: What it gets.
        name: Of the cookie.
        session: Whose secret.
        secure: Whether it is known otherwise that the browser speaks TLS.
    """
    tls = request.headers.get("origin", "").startswith("https://") or request.url.scheme == "https"
    answer.set_cookie(
        name,
        session.secret,
        max_age=SESSION_HOURS * 3600,
        httponly=True,
        samesite="strict",
        secure=secure or tls or name.startswith(HOST_ONLY),
        path="/",
    )


def _opened(node: Node, form: Mapping[str, str], by: str) -> Session:
    """The session of who has shown who they are."""
    if by == "address":
        return open_session(node.index, form["once"], place="console", clock=node.clock)
    if by == "password":
        return sign_in(node.index, form.get("name", ""), form.get("password", ""), node.clock)
    seal = sealer(node.settings.keys)
    name = check_passkey(node.index, seal, passkey_site(node), Asked("signin"), form["credential"], node.clock)
    return sign_in_by(node.index, name, "passkey", node.clock)
