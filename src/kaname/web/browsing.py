"""Studies: a list with filters in its address, so that a link can be sent to a colleague, and one page for each."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from kaname.access.model import Grant
from kaname.annotation import flow
from kaname.annotation.model import Sought
from kaname.dicom.keys import is_uid
from kaname.errors import Refused
from kaname.models.flow import predictions, versions
from kaname.node import Node
from kaname.upkeep.examination import items_of, series_of
from kaname.upkeep.studies import TEXT_MOST, Choices, Study, StudySearch, choices, find_studies, one_study
from kaname.web.pages import page, whole_number
from kaname.web.permit import may, permitted
from kaname.web.shell import shell
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes
from kaname.web.tickets import make_ticket, viewer_origin

STUDIES_A_PAGE = 50
FILTERS = ("registry", "modality", "facility", "subject", "since", "until", "text")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def browsing_routes(node: Node) -> APIRouter:
    """The list, the page of one study, and the button that opens the viewer."""
    routes = session_routes(node)

    def studies(request: Request) -> Response:
        """Studies, the newest first."""
        return page(request, "studies", **shell(node, request), **_studies(node, request))

    def study(uid: str, request: Request) -> Response:
        """One study."""
        return page(request, "study", **shell(node, request), **_study(node, request, uid))

    def look(uid: str, request: Request) -> Response:
        """Opens a study at the viewer's origin."""
        session = session_of(request)
        ticket = make_ticket(node, session.grant, uid, viewer_origin(node, request), session.owner)
        return RedirectResponse(ticket.url, SEE_OTHER)

    routes.add_api_route("/studies", studies, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/studies/{uid}", study, methods=["GET"], dependencies=[may("browse")])
    routes.add_api_route("/studies/{uid}/look", look, methods=["POST"], dependencies=[may("pixels"), Depends(own_form)])
    return routes


def _studies(node: Node, request: Request) -> dict[str, Any]:
    given = {name: request.query_params.get(name, "").strip() for name in FILTERS}
    wanted = _search(permitted(request), given)
    offset = whole_number(request, "offset")
    found, total = find_studies(node, wanted, offset, STUDIES_A_PAGE)
    asked = {name: value for name, value in given.items() if value}
    return {
        "studies": found,
        "total": total,
        "page_length": STUDIES_A_PAGE,
        "given": given,
        "asked": asked,
        "filters": _filters(choices(node, wanted), asked),
        "before": _address(asked, max(offset - STUDIES_A_PAGE, 0)) if offset else "",
        "after": _address(asked, offset + STUDIES_A_PAGE) if offset + STUDIES_A_PAGE < total else "",
    }


def _address(asked: dict[str, str], offset: int) -> str:
    return "/studies?" + urlencode({**asked, "offset": offset})


def _filters(counted: Choices, asked: dict[str, str]) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """Name of each filter; its values with their numbers and the address that chooses them, or that takes one back."""

    def link(name: str, value: str) -> str:
        others = {key: one for key, one in asked.items() if key != name}
        return "/studies?" + urlencode(others if asked.get(name) == value else {**others, name: value})

    found = (("registry", counted.registry), ("modality", counted.modality), ("facility", counted.facility))
    return [(name, [(value, number, link(name, value)) for value, number in of.items()]) for name, of in found]


def _search(registries: tuple[str, ...], given: dict[str, str]) -> StudySearch:
    """What is asked for.

    Raises:
        Refused: ``not-found`` for a registry that the session does not open; ``query-invalid`` for a date that is none.
    """
    if given["registry"] and given["registry"] not in registries:
        raise Refused("not-found")
    for name in ("since", "until"):
        if given[name] and not _DATE.fullmatch(given[name]):
            raise Refused("query-invalid", term=name)
    for name in FILTERS:
        if len(given[name]) > TEXT_MOST or not given[name].isprintable():
            raise Refused("query-invalid", term=name)
    dates = {name: given[name].replace("-", "") for name in ("since", "until")}
    return replace(StudySearch(registries), **{**given, **dates})


def _study(node: Node, request: Request, uid: str) -> dict[str, Any]:
    grant = session_of(request).grant
    found = one_study(node, permitted(request), uid) if is_uid(uid) else None
    if found is None:
        raise Refused("not-found")
    there = series_of(node, (found.registry,), uid)
    models = {version.card.digest: f"{version.card.name} {version.card.version}" for version in _models(node, found)}
    return {
        "study": found,
        "series": there,
        "stacks": any(one.look == "stack" or one.derived for one in there),
        "items": items_of(node, found.registry, found.subject, uid),
        "predictions": predictions(node, (found.registry,), uid),
        "models": models,
        "to_read": _to_read(node, grant, found),
    }


def _models(node: Node, study: Study) -> Any:  # noqa: ANN401 -- versions of models
    return versions(node, (study.registry,))


def _to_read(node: Node, grant: Grant, study: Study) -> list[tuple[str, str, int]]:
    """Tasks that ask this person about images of the study: name, id of the first case, number of cases."""
    if not grant.may("read", study.registry):
        return []
    found: list[tuple[str, str, int]] = []
    for task in flow.tasks(node, (study.registry,)):
        cases = flow.cases(node, task.name, Sought("open", grant.name, "", STUDIES_A_PAGE, study.uid))
        if cases:
            found.append((task.name, cases[0].id, len(cases)))
    return found
