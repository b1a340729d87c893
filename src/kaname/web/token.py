"""Who asks: the bearer token of a request (RFC 6750), and the registries that it opens."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from kaname.access.tokens import Duty, Grant, check_token
from kaname.errors import Forbidden
from kaname.node import Node

SCHEME = "bearer"


def guarded_routes(node: Node, prefix: str, duty: Duty | None = "browse") -> APIRouter:
    """A router of which every route asks for a good token before anything else, whatever the route itself does.

    Args:
        node: Whose tokens count.
        prefix: Of every path of the router.
        duty: What the bearer must be permitted; ``None`` leaves it to each route to ask (:meth:`Grant.need`).
    """

    def check(request: Request) -> None:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != SCHEME or not secret.strip():
            raise Forbidden("token-missing")
        grant = check_token(node.index, secret.strip(), registry=None, clock=node.clock)
        if duty is not None:
            grant.need(duty)
        request.state.grant = grant

    return APIRouter(prefix=prefix, dependencies=[Depends(check)])


def grant_of(request: Request) -> Grant:
    """What the token of a request on such a router permits."""
    grant = request.state.grant
    assert isinstance(grant, Grant)
    return grant
