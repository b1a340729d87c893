"""Who asks: the bearer token of a request (RFC 6750), and the registries that it opens."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request

from kaname.access.tokens import Grant, check_token
from kaname.errors import Forbidden
from kaname.node import Node

SCHEME = "bearer"


def token_checker(node: Node) -> Callable[[Request], Grant]:
    """A dependency for every route that shows data: the grant of its token, or ``Forbidden``."""

    def granted(request: Request) -> Grant:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != SCHEME or not secret.strip():
            raise Forbidden("token-missing")
        return check_token(node.index, secret.strip(), registry=None, clock=node.clock)

    return granted
