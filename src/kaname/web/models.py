"""``/api/v1/models``: versions, how they were judged, what is at work here, what was said of a study."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from kaname.compute.flow import project_of
from kaname.models.flow import at_work, predictions, show, versions
from kaname.node import Node
from kaname.web.datasets import Version
from kaname.web.permit import may, permitted
from kaname.web.reached import reached
from kaname.web.token import guarded_routes


def model_routes(node: Node) -> APIRouter:
    """For who may browse; a model or study of another registry does not exist for the token."""
    routes = guarded_routes(node, "/api/v1/models")

    def all_versions(request: Request) -> list[dict[str, Any]]:
        """Every registered version of the token's registries, or trained in its projects, by name and number."""
        found = versions(node, permitted(request), reached(node, request).projects)
        return [version.to_json() for version in found]

    def deployed(request: Request) -> list[dict[str, Any]]:
        """Models at work on this node, the first one first."""
        found = at_work(node, permitted(request))
        return [asdict(one) | {"digest": one.card.digest} for one in found]

    def of_study(study: str, request: Request) -> list[dict[str, Any]]:
        """What models said of a study, by model and pack."""
        return [asdict(one) for one in predictions(node, permitted(request), study)]

    def one_version(name: str, version: Version, request: Request) -> dict[str, Any]:
        """One version with its evaluation."""
        found = show(node, name, version)
        reached(node, request).need_released(found.card.registry, project_of(node, found.card.run))
        return found.to_json()

    routes.add_api_route("", all_versions, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/deployed", deployed, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/predictions", of_study, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/{name}/{version}", one_version, methods=["GET"], dependencies=[may("browse")])
    return routes
