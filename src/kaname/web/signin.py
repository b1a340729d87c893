"""Signing in to the console: a password, or a secret that works once, becomes a cookie that lasts a working day.

The address with the secret shows a button, and only pressing it uses the secret up: mail programs and browsers fetch
addresses ahead, and would leave nothing for the person.
"""

from __future__ import annotations

from hashlib import sha256

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from kaname.access.accounts import sign_in
from kaname.access.sessions import ABOUT, SESSION_HOURS, Session, check_session, end_session, open_session
from kaname.errors import Forbidden
from kaname.node import Node
from kaname.web.answer import status_of
from kaname.web.pages import PageRoute, form_of, page, read_form

COOKIE = "kaname_console_"
"""Begins the name of the cookie."""
FORM_TOKEN = "form"  # noqa: S105 -- the name of a field
SEE_OTHER = 303


def session_routes(node: Node, prefix: str = "") -> APIRouter:
    """A router of which every route asks for a session first, and of forms for the token of that session."""

    def check(request: Request) -> None:
        secret = request.cookies.get(cookie_name(COOKIE, node), "")
        request.state.session = check_session(node.index, secret, place="console", clock=node.clock)

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
        return page(request, "signin", secret=request.query_params.get("once", ""), refused="")

    def signed_in(request: Request) -> Response:
        """Looks at name and password, or uses the secret up."""
        form = form_of(request)
        by = "address" if "once" in form else "password"
        try:
            if by == "address":
                session = open_session(node.index, form["once"], place="console", clock=node.clock)
            else:
                session = sign_in(node.index, form.get("name", ""), form.get("password", ""), node.clock)
        except Forbidden as refused:
            if refused.code == "password-wrong":  # each costs a hash: nobody fills the ledger by asking
                node.ledger.append("signin-refused", refused.code, actor=node.settings.name)
            return page(request, "signin", status_of(refused), secret="", refused=refused.code)
        node.ledger.append("signed-in", session.grant.name, actor=session.grant.name, facts={"by": by})
        answer = RedirectResponse("/", SEE_OTHER)
        keep_cookie(request, answer, cookie_name(COOKIE, node), session)
        return answer

    def signed_out(request: Request) -> Response:
        """Ends the session."""
        session = session_of(request)
        end_session(node.index, session.secret)
        node.ledger.append("signed-out", session.grant.name, actor=session.grant.name)
        answer = RedirectResponse("/signin", SEE_OTHER)
        answer.delete_cookie(cookie_name(COOKIE, node))
        return answer

    routes.add_api_route("/signin", offered, methods=["GET"])
    routes.add_api_route("/signin", signed_in, methods=["POST"], dependencies=[Depends(read_form)])
    leaving = session_routes(node)
    leaving.add_api_route("/signout", signed_out, methods=["POST"], dependencies=[Depends(own_form)])
    routes.include_router(leaving)
    return routes


def cookie_name(begin: str, node: Node, about: str = "") -> str:
    """The name of a cookie of this node: browsers keep those of all ports of a host together, so each node has its own.

    Args:
        begin: How it begins.
        node: Whose cookie.
        about: What the session is for, if there may be several.
    """
    return begin + sha256(f"{node.settings.name}{ABOUT}{about}".encode()).hexdigest()[:16]


def keep_cookie(request: Request, answer: Response, name: str, session: Session) -> None:
    """Gives the browser the secret of its session. It is sent over TLS alone where the browser itself speaks TLS."""
    secure = request.headers.get("origin", "").startswith("https://") or request.url.scheme == "https"
    answer.set_cookie(
        name, session.secret, max_age=SESSION_HOURS * 3600, httponly=True, samesite="strict", secure=secure, path="/"
    )
