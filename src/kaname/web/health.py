"""``/healthz``: whether this node can do its work now. It asks for no token and tells nothing about what is kept."""

from __future__ import annotations

from fastapi import APIRouter

from kaname.node import Node
from kaname.web.permit import anybody


def health_routes(node: Node) -> APIRouter:
    """One route. 200 when the index answers, 503 with the reason when it does not."""
    routes = APIRouter()

    def healthz() -> dict[str, str]:
        node.ledger.head()
        return {"status": "ok", "role": node.settings.role}

    routes.add_api_route(
        "/healthz", healthz, methods=["GET"], dependencies=[anybody("says only whether the node answers")]
    )
    return routes
