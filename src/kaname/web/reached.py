"""What who calls a route reaches by its duties: whole registries, and of others what open projects of theirs open."""

from __future__ import annotations

from fastapi import Request

from kaname.access.model import Grant
from kaname.access.reach import Reach, reach
from kaname.node import Node


def reached(node: Node, request: Request) -> Reach:
    """On a route with :func:`kaname.web.permit.may`: what its duties open here and now, and nothing beyond."""
    grant: Grant = request.state.grant
    return reach(node.index, grant, request.state.duties, node.clock)
