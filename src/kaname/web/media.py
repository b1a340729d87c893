"""``/media``: what the pages show of an instance, for who has signed in and may see its registry.

Everything is named by its series, in which an instance is found at once:

* ``/media/{series}/{sop}/frames/{n}`` a frame, from 1, as JPEG or PNG;
* ``/media/{series}/{sop}/thumbnail`` its first frame, small;
* ``/media/{series}/{sop}/video`` a film's stream, by HTTP Range straight from the pack;
* ``/media/{series}/{sop}/times`` when each frame of a film is shown: milliseconds, a JSON array;
* ``/media/{series}/slide`` the levels of a slide; ``/media/{series}/tiles/{level}/{x}/{y}`` one tile as it is stored.

What is not there is answered as JSON with its reason, so that a page can say which frame is missing and show the rest.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from hashlib import sha256

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from kaname.access.sessions import check_session
from kaname.archive import films, pictures, retrieve, slides
from kaname.archive.model import Located
from kaname.dicom.keys import is_uid
from kaname.errors import Refused
from kaname.node import Node
from kaname.web.multipart import begun
from kaname.web.permit import may, permitted
from kaname.web.signin import COOKIE, cookie_name

PREFIX = "/media"
MP4 = "video/mp4"
THUMBNAIL_PIXELS = 192
OK, PARTIAL, NOT_MODIFIED, UNSATISFIABLE = 200, 206, 304, 416
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,8})")
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


def media_routes(node: Node) -> APIRouter:
    """The routes, behind a session of the console."""

    def check(request: Request) -> None:
        secret = request.cookies.get(cookie_name(COOKIE, node), "")
        session = check_session(
            node.index, secret, place="console", clock=node.clock, demanded=node.settings.second_factor
        )
        request.state.session, request.state.grant = session, session.grant

    routes = APIRouter(prefix=PREFIX, dependencies=[Depends(check)], include_in_schema=False)
    _add_pictures(routes, node)
    _add_films(routes, node)
    _add_slides(routes, node)
    return routes


def _add_pictures(routes: APIRouter, node: Node) -> None:
    def frame(series: str, uid: str, number: str, request: Request) -> Response:
        """One frame."""
        located = _located(node, request, series, uid)
        tag = _tag(located.member.digest, number)
        if tag in request.headers.get("if-none-match", ""):
            return _unchanged(tag)
        data, media_type = pictures.picture(node, located, _whole(number))
        return Response(data, media_type=media_type, headers={"ETag": tag})

    def thumbnail(series: str, uid: str, request: Request) -> Response:
        """The first frame, small."""
        located = _located(node, request, series, uid)
        tag = _tag(located.member.digest, "thumbnail")
        if tag in request.headers.get("if-none-match", ""):
            return _unchanged(tag)
        data = pictures.thumbnail(node, located, 1, THUMBNAIL_PIXELS)
        return Response(data, media_type=pictures.JPEG, headers={"ETag": tag})

    routes.add_api_route("/{series}/{uid}/frames/{number}", frame, methods=["GET"], dependencies=[may("pixels")])
    routes.add_api_route("/{series}/{uid}/thumbnail", thumbnail, methods=["GET"], dependencies=[may("pixels")])


def _add_films(routes: APIRouter, node: Node) -> None:
    def video(series: str, uid: str, request: Request) -> Response:
        """The stream of a film, or the part of it that is asked for (RFC 9110 section 14)."""
        found = films.film(node, _located(node, request, series, uid))
        status, first, end = _asked(request.headers.get("range", ""), found.length)
        if status == UNSATISFIABLE:
            return Response(status_code=status, headers={"Content-Range": f"bytes */{found.length}"})
        headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - first)}
        if status == PARTIAL:
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{found.length}"
        pieces = begun(films.stream(node, found, first, end))
        return StreamingResponse(pieces, status, media_type=MP4, headers=headers)

    def times(series: str, uid: str, request: Request) -> Response:
        """When each frame is shown."""
        return JSONResponse(films.frame_times(_located(node, request, series, uid)))

    routes.add_api_route("/{series}/{uid}/video", video, methods=["GET"], dependencies=[may("pixels")])
    routes.add_api_route("/{series}/{uid}/times", times, methods=["GET"], dependencies=[may("pixels")])


def _add_slides(routes: APIRouter, node: Node) -> None:
    def slide(series: str, request: Request) -> Response:
        """The levels of a slide."""
        return JSONResponse(asdict(slides.slide(node, permitted(request), _uid(series))))

    def tile(series: str, level: str, column: str, row: str, request: Request) -> Response:
        """One tile."""
        place = (_whole(level), _whole(column), _whole(row))
        data, media_type = slides.tile(node, permitted(request), _uid(series), *place)
        return Response(data, media_type=media_type)

    routes.add_api_route("/{series}/slide", slide, methods=["GET"], dependencies=[may("pixels")])
    routes.add_api_route("/{series}/tiles/{level}/{column}/{row}", tile, methods=["GET"], dependencies=[may("pixels")])


def _located(node: Node, request: Request, series: str, uid: str) -> Located:
    registries = permitted(request)
    return retrieve.instance(node, registries, retrieve.study_of(node, registries, _uid(series)), series, _uid(uid))


def _uid(value: str) -> str:
    """A UID of a path: what is none never reaches the database."""
    if not is_uid(value):
        raise Refused("not-found")
    return value


def _whole(value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise Refused("query-invalid", term="number")
    return int(value)


def _asked(header: str, length: int) -> tuple[int, int, int]:
    """HTTP status, first byte and end of what a Range header asks for.

    A header of several ranges, or of none that we read, is ignored, as it may be: everything is sent.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return OK, 0, length
    if match[1]:
        first, end = int(match[1]), min(length, int(match[2]) + 1) if match[2] else length
    else:
        first, end = max(0, length - int(match[2])), length
    return (PARTIAL, first, end) if first < end else (UNSATISFIABLE, 0, 0)


def _tag(digest: str, of: str) -> str:
    return f'"{sha256(f"{digest} {of}".encode()).hexdigest()[:32]}"'


def _unchanged(tag: str) -> Response:
    return Response(status_code=NOT_MODIFIED, headers={"ETag": tag})
