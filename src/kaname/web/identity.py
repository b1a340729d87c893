"""``/identity``: at the hospital alone, from a subject back to the patient; one person asks, another agrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from kaname.access.pairs import Pair
from kaname.database import writing
from kaname.errors import Refused
from kaname.gateway import lookup
from kaname.gateway.hospital import open_hospital
from kaname.node import Node
from kaname.web.pages import form_of, page
from kaname.web.pairing import Doing, Shell, lines, note, pair_routes
from kaname.web.permit import may, permitted
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes

PATH = "/identity"
PAIRS = f"{PATH}/pairs"


def identity_routes(node: Node, shell: Shell) -> APIRouter:
    """The page, and what its forms do. What it shows is in no address, no ledger and no cache."""

    def show(connection: Connection, pair: Pair, by: str) -> Mapping[str, Any]:
        patient = lookup.patient_of(connection, open_hospital(node), pair)
        facts = {"pair": pair.id, "registry": pair.registry}
        node.ledger.append("identity-seen", pair.about, actor=by, facts={**facts}, connection=connection)
        return {"patient": patient}

    doing = Doing(lookup.ACTION, "identity", show, template="identity_seen")
    routes = session_routes(node)

    def asking(request: Request) -> Response:
        """The form, and what was asked for."""
        listed = lines(node, request, (doing,))
        return page(request, "identity", **shell(request), pairs=listed, pairs_path=PAIRS, places=permitted(request))

    def asked(request: Request) -> Response:
        """Asks to see who a subject is."""
        form, by = form_of(request), session_of(request).grant.name
        registry, subject = form.get("registry", ""), form.get("subject", "").strip()
        if registry not in permitted(request):
            raise Refused("not-found")
        with writing(node.index) as connection:
            pair = lookup.ask(connection, open_hospital(node), registry, subject, by, form.get("reason", ""))
            note(node, connection, pair, by)
        return RedirectResponse(PATH, SEE_OTHER)

    routes.add_api_route(PATH, asking, methods=["GET"], dependencies=[may("identity")])
    routes.add_api_route(PATH, asked, methods=["POST"], dependencies=[may("identity"), Depends(own_form)])
    routes.include_router(pair_routes(node, shell, (doing,), PAIRS))
    return routes
