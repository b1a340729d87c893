"""Images of a series to look at, one at a time, without a question: in the element that fits them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from kaname.archive import retrieve
from kaname.archive.describe import number
from kaname.archive.model import Located
from kaname.dicom.keys import is_uid
from kaname.errors import Refused
from kaname.node import Node
from kaname.web.islands import MATRIX_COLUMNS, MATRIX_ROWS, element_of, header_of, setting
from kaname.web.pages import language_of, page
from kaname.web.permit import may, permitted
from kaname.web.shell import shell
from kaname.web.signin import session_routes

LISTED_MOST = 500
"""Instances of a series that its page leads to."""


def look_routes(node: Node) -> APIRouter:
    """``/images/{series}`` and ``/images/{series}/{uid}``."""
    routes = session_routes(node)

    def look(series: str, request: Request, uid: str = "") -> Response:
        """Images of a series, one at a time, without a question."""
        if not is_uid(series):
            raise Refused("not-found")
        study = retrieve.study_of(node, permitted(request), series)
        there = sorted(retrieve.instances(node, permitted(request), study, series), key=_place)
        shown = next((one for one in there if uid in {"", one.member.sop_instance_uid}), None)
        if shown is None:
            raise Refused("not-found")
        if element_of(shown) == "slide-annotator":
            there = [shown]  # its instances are levels of one picture
        facts: dict[str, Any] = {
            "element": element_of(shown),
            "setting": setting(language_of(request), [(shown, 1)], None, whole=False),
            "header": header_of(shown),
            "series": series,
            "study": study,
            "instances": [one.member.sop_instance_uid for one in there[:LISTED_MOST]],
            "instance": shown.member.sop_instance_uid,
        }
        return page(request, "images", **shell(node, request), **facts)

    routes.add_api_route("/images/{series}", look, methods=["GET"], dependencies=[may("pixels")])
    routes.add_api_route("/images/{series}/{uid}", look, methods=["GET"], dependencies=[may("pixels")])
    return routes


def _place(located: Located) -> tuple[int, str]:
    """Instances by their number; of a slide, the largest level first."""
    metadata = located.member.metadata
    size = (number(metadata, MATRIX_COLUMNS) or 0) * (number(metadata, MATRIX_ROWS) or 0)
    return -size or number(metadata, "00200013") or 0, located.member.sop_instance_uid
