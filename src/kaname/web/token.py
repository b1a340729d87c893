"""Who asks: the bearer token of a request (RFC 6750)."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from kaname.access.model import Grant
from kaname.access.tokens import check_token, owner_of
from kaname.errors import Forbidden
from kaname.node import Node

SCHEME = "bearer"


def guarded_routes(node: Node, prefix: str) -> APIRouter:
    """A router of which every route asks for a good token before anything else; each declares its policy.

    Args:
        node: Whose tokens count.
        prefix: Of every path of the router.
    """

    def check(request: Request) -> None:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        secret = shown.strip()
        if scheme.lower() != SCHEME or not secret:
            raise Forbidden("token-missing")
        address = request.client.host if request.client else ""
        request.state.grant = check_token(node.index, secret, registry=None, clock=node.clock, address=address)
        request.state.owner = owner_of(node.index, secret)

    return APIRouter(prefix=prefix, dependencies=[Depends(check)])


def grant_of(request: Request) -> Grant:
    """What who asks may do: of a token, or of a session."""
    grant = request.state.grant
    assert isinstance(grant, Grant)
    return grant
