"""Signing in at the identity provider of one's organisation: away with a link, and back.

The session's cookie is ``SameSite=Strict``: a browser does not show it to a page that another site sent it to. So the
way back ends on a small page of ours, which goes on to the console by itself; that step comes from here. The cookie of
the way itself is ``Lax``, because it has to be shown right then; it opens nothing but this one answer, for ten minutes.
Both ways are plain links and redirects: the policy of our pages lets no form end at another site.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kaname.access.elsewhere import BACK, Elsewhere
from kaname.access.oidc import MINUTES, SignInElsewhere
from kaname.errors import Forbidden
from kaname.node import Node
from kaname.web.pages import PageRoute, page
from kaname.web.permit import anybody
from kaname.web.signin import COOKIE, SEE_OTHER, cookie_name, keep_cookie, own_name

WAY_COOKIE = "kaname_elsewhere_"
"""Begins the name of the cookie of somebody who is on the way."""
AWAY = "/elsewhere"


def elsewhere_routes(node: Node, about: Elsewhere) -> APIRouter:
    """The way to a provider and back."""
    signing = SignInElsewhere(about, node.index, node.clock)
    routes = APIRouter(route_class=PageRoute, include_in_schema=False)
    way, secure = own_name(WAY_COOKIE, node), about.client.address.startswith("https://")

    def away(_request: Request) -> Response:
        """To the provider."""
        begun = signing.begin()
        answer = RedirectResponse(begun.address, SEE_OTHER, {"Cache-Control": "no-store"})
        answer.set_cookie(
            way, begun.secret, max_age=MINUTES * 60, httponly=True, samesite="lax", secure=secure, path=AWAY
        )
        return answer

    def back(request: Request) -> Response:
        """From the provider: a session, and a page that goes on to the console."""
        try:
            session = signing.finish(request.cookies.get(way, ""), request.query_params)
        except Forbidden as refused:
            if refused.facts.get("part") != "state":  # anybody may invent one of those: nobody fills the ledger by that
                node.ledger.append("signin-refused", refused.code, actor=node.settings.name, facts=refused.facts)
            raise
        how = {"by": "elsewhere", "strong": "elsewhere" in session.factors}
        node.ledger.append("signed-in", session.grant.name, actor=session.grant.name, facts=how)
        answer = page(request, "elsewhere")
        answer.delete_cookie(way, path=AWAY)
        keep_cookie(request, answer, cookie_name(COOKIE, node), session, secure=secure)
        return answer

    whoever = anybody("whoever wants to sign in")
    routes.add_api_route(AWAY, away, methods=["GET"], dependencies=[whoever])
    routes.add_api_route(BACK, back, methods=["GET"], dependencies=[whoever])
    return routes
