"""``/api/v1/datasets``: the frozen versions of the registries that a token opens."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from kaname.datasets.flow import content, names, show, versions
from kaname.datasets.listing import counts
from kaname.errors import Refused
from kaname.node import Node
from kaname.web.token import grant_of, guarded_routes

VERSION_MOST = 2**31 - 1
"""What a database takes for a number."""


def dataset_routes(node: Node) -> APIRouter:
    """Lists of versions, never of subjects: what a list names is asked for on the command line of the node."""
    routes = guarded_routes(node, "/api/v1/datasets")

    def newest(request: Request) -> list[dict[str, Any]]:
        """The newest version of every dataset, by name."""
        return [asdict(dataset) for dataset in names(node, grant_of(request).registries)]

    def all_versions(name: str, request: Request) -> list[dict[str, Any]]:
        """Every version of one dataset, the first one first. One of another registry does not exist for this token."""
        found = versions(node, name)
        if found[0].question.registry not in grant_of(request).registries:
            raise Refused("not-found")
        return [asdict(dataset) for dataset in found]

    def one_version(name: str, version: Annotated[int, Path(le=VERSION_MOST)], request: Request) -> dict[str, Any]:
        """One version, with the numbers of its subjects, instances and labels in each split."""
        found = show(node, name, version)
        if found.question.registry not in grant_of(request).registries:
            raise Refused("not-found")
        return asdict(found) | {"splits": [asdict(part) for part in counts(content(node, found))]}

    routes.add_api_route("", newest, methods=["GET"])
    routes.add_api_route("/{name}", all_versions, methods=["GET"])
    routes.add_api_route("/{name}/{version}", one_version, methods=["GET"])
    return routes
