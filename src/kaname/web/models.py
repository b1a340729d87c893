"""``/api/v1/models``: versions, how they were judged, what is at work here, what was said of a study."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from kaname.errors import Refused
from kaname.models.flow import at_work, predictions, show, versions
from kaname.node import Node
from kaname.web.datasets import VERSION_MOST
from kaname.web.token import grant_of, guarded_routes


def model_routes(node: Node) -> APIRouter:
    """For who may browse; a model or study of another registry does not exist for the token."""
    routes = guarded_routes(node, "/api/v1/models")

    def all_versions(request: Request) -> list[dict[str, Any]]:
        """Every registered version of the token's registries, by name and number."""
        return [version.to_json() for version in versions(node, grant_of(request).registries)]

    def deployed(request: Request) -> list[dict[str, Any]]:
        """Models at work on this node, the first one first."""
        found = at_work(node, grant_of(request).registries)
        return [asdict(one) | {"digest": one.card.digest} for one in found]

    def of_study(study: str, request: Request) -> list[dict[str, Any]]:
        """What models said of a study, by model and pack."""
        return [asdict(one) for one in predictions(node, grant_of(request).registries, study)]

    def one_version(name: str, version: Annotated[int, Path(le=VERSION_MOST)], request: Request) -> dict[str, Any]:
        """One version with its evaluation."""
        found = show(node, name, version)
        if found.card.registry not in grant_of(request).registries:
            raise Refused("not-found")
        return found.to_json()

    routes.add_api_route("", all_versions, methods=["GET"])
    routes.add_api_route("/deployed", deployed, methods=["GET"])
    routes.add_api_route("/predictions", of_study, methods=["GET"])
    routes.add_api_route("/{name}/{version}", one_version, methods=["GET"])
    return routes
