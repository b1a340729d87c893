"""What every node has for people: signing in and out, second factors, one's own account, and the files of the pages."""

from __future__ import annotations

from fastapi import APIRouter

from kaname.node import Node
from kaname.web.account import account_routes
from kaname.web.factors import factor_routes
from kaname.web.frame import Menu
from kaname.web.pages import PageRoute, static_file
from kaname.web.permit import anybody
from kaname.web.second import second_routes
from kaname.web.signin import signin_routes


def entrance_routes(node: Node, menu: Menu) -> APIRouter:
    """The routes.

    Args:
        node: Any node.
        menu: What the pages of its other rooms are.
    """
    routes = APIRouter(include_in_schema=False)
    routes.include_router(signin_routes(node))
    routes.include_router(second_routes(node))
    routes.include_router(factor_routes(node, menu))
    routes.include_router(account_routes(node, menu))
    files = APIRouter(route_class=PageRoute)
    files.add_api_route(
        "/static/{name}",
        static_file,
        methods=["GET"],
        dependencies=[anybody("style and script of the pages, the same for all")],
    )
    routes.include_router(files)
    return routes
