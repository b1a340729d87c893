"""``/api/v1/datasets``: the frozen versions of the registries that a token opens, or that projects open to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from kaname.datasets.flow import content, names, show, versions
from kaname.datasets.listing import counts
from kaname.node import Node
from kaname.web.permit import may
from kaname.web.reached import reached
from kaname.web.token import grant_of, guarded_routes

VERSION_MOST = 2**31 - 1
"""What a database takes for a number."""
Version = Annotated[int, Path(ge=1, le=VERSION_MOST)]
"""The number of a version, in an address."""


def dataset_routes(node: Node) -> APIRouter:
    """Lists of versions, never of subjects: what a list names is asked for on the command line of the node."""
    routes = guarded_routes(node, "/api/v1/datasets")

    def newest(request: Request) -> list[dict[str, Any]]:
        """The newest version of every dataset, by name."""
        open_to = reached(node, request)
        found = names(node, grant_of(request).registries)
        return [asdict(dataset) for dataset in found if open_to.sees_dataset(dataset.question.registry, dataset.name)]

    def all_versions(name: str, request: Request) -> list[dict[str, Any]]:
        """Every version of one dataset, the first one first. One of another registry does not exist for this token."""
        found = versions(node, name)
        reached(node, request).need_dataset(found[0].question.registry, name)
        return [asdict(dataset) for dataset in found]

    def one_version(name: str, version: Version, request: Request) -> dict[str, Any]:
        """One version, with the numbers of its subjects, instances and labels in each split."""
        found = show(node, name, version)
        reached(node, request).need_dataset(found.question.registry, name)
        return asdict(found) | {"splits": [asdict(part) for part in counts(content(node, found))]}

    routes.add_api_route("", newest, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/{name}", all_versions, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/{name}/{version}", one_version, methods=["GET"], dependencies=[may("browse")])
    return routes
