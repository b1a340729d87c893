"""The apps behind the two doors. Which routes stand on them hangs on the node's role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from kaname.access.elsewhere import elsewhere_of
from kaname.node import Node
from kaname.web.answer import tell_outcomes
from kaname.web.guard import Guard
from kaname.web.health import health_routes
from kaname.web.limits import Limits, Rates
from kaname.web.pages import show_outcomes
from kaname.web.permit import anybody
from kaname.web.token import guarded_routes
from kaname.web.traces import Traces

BODY_LIMIT_BYTES = 1 << 20
"""Largest body on the door for people, but where derived objects come in."""
READING_LIMIT_BYTES = 1 << 16
"""Largest body at the viewer's origin: what a reader drew on one image."""
PARCEL_LIMIT_BYTES = 16 << 30
"""Largest parcel on the door for partners, unless the caller says otherwise."""


def make_app(node: Node, rates: Rates | None = None) -> ASGIApp:
    """The door for people: health, the console, and on the de-identified side DICOMweb and the API, for a token.

    Args:
        node: Whose door it is.
        rates: How often somebody may ask, where that is not what the settings say.
    """
    app = _bare_app("Kaname", node, rates)
    show_outcomes(app)
    app.include_router(health_routes(node))
    _open_elsewhere(app, node)
    if node.settings.role != "gateway":
        return Guard(app, BODY_LIMIT_BYTES, _open_rooms(app, node))
    from kaname.web.hospital import hospital_routes

    app.include_router(hospital_routes(node))
    return Guard(app, BODY_LIMIT_BYTES)


def make_viewer_app(node: Node) -> ASGIApp:
    """The viewer's own origin, on a node of the de-identified side: OHIF, and the studies that a ticket opened."""
    from kaname.web.viewer import viewer_routes

    app = _bare_app("Kaname, viewer", node)
    app.include_router(viewer_routes(node))
    return Guard(app, READING_LIMIT_BYTES)


def make_peer_app(node: Node, *, limit_bytes: int = PARCEL_LIMIT_BYTES) -> ASGIApp:
    """The door for partners; to be served behind mutual TLS only.

    Args:
        node: A node of the de-identified side.
        limit_bytes: Largest parcel that is taken in.
    """
    from kaname.web.peer import enrolment_routes, peer_routes

    app = _bare_app("Kaname, partners", node)
    app.include_router(peer_routes(node))
    app.include_router(enrolment_routes(node))
    return Guard(app, limit_bytes)


def _open_elsewhere(app: FastAPI, node: Node) -> None:
    """The way to the identity provider of an organisation, where the node has one; the sign-in page then names it."""
    about = elsewhere_of(node.settings)
    if about is not None:
        from kaname.web.elsewhere import elsewhere_routes

        app.state.elsewhere = about.title
        app.include_router(elsewhere_routes(node, about))


def _open_rooms(app: FastAPI, node: Node) -> Mapping[str, int]:
    """Rooms of the de-identified side: a gateway never imports them. Returns paths that take larger bodies."""
    from kaname.web.airlock import airlock_routes
    from kaname.web.annotation import annotation_routes
    from kaname.web.console import console_routes
    from kaname.web.datasets import dataset_routes
    from kaname.web.dicomweb import dicomweb_routes
    from kaname.web.models import model_routes
    from kaname.web.runs import run_routes
    from kaname.web.stow import STOW_LIMIT_BYTES, STOW_PATH, stow_routes
    from kaname.web.tickets import ticket_routes

    app.include_router(dicomweb_routes(node))
    app.include_router(stow_routes(node))
    app.include_router(annotation_routes(node))
    app.include_router(dataset_routes(node))
    if node.settings.role == "cloud":  # where the worker runs jobs
        app.include_router(run_routes(node))
        app.include_router(airlock_routes(node))
    app.include_router(model_routes(node))
    app.include_router(ticket_routes(node))
    app.include_router(console_routes(node))
    about = guarded_routes(node, "/api/v1")

    def openapi() -> dict[str, Any]:
        """What this door offers, as OpenAPI."""
        return app.openapi()

    offered = anybody("what the door offers is the same for every token")
    about.add_api_route("/openapi.json", openapi, methods=["GET"], include_in_schema=False, dependencies=[offered])
    app.include_router(about)
    return {STOW_PATH: STOW_LIMIT_BYTES}


def _rates(node: Node) -> Rates:
    return Rates(researcher_frames_hour=node.settings.researcher_frames_hour)


def _bare_app(title: str, node: Node, rates: Rates | None = None) -> FastAPI:
    app = FastAPI(title=title, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    tell_outcomes(app)
    app.add_middleware(Traces, node=node)
    app.add_middleware(Limits, rates=rates or _rates(node))
    return app
