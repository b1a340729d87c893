"""The viewer's own origin: OHIF as its makers publish it, and the images of the studies that a ticket opened here.

Its thousands of lines are not ours, so it stands apart from the console: another port or host, other cookies, and only
the studies that somebody opened from the console or the API in the last working day. All that can be written there is
what a reader answers about them (:mod:`kaname.web.drawing`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from fastapi.routing import APIRoute

from kaname.access.sessions import open_session
from kaname.errors import Forbidden, NotYet, Refused
from kaname.node import Node
from kaname.web.dicomweb import dicomweb_routes
from kaname.web.drawing import drawing_routes, offered
from kaname.web.pages import Language, PageRoute, language_of, words
from kaname.web.permit import anybody, may
from kaname.web.signin import SEE_OTHER, cookie_name, keep_cookie
from kaname.web.tickets import COOKIE, opened_sessions

BASE = "/ohif"
STUDY = "StudyInstanceUID"
STUDY_NAMES = (STUDY, "0020000D")
"""How a search may name its study."""
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob: data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""OHIF writes styles into the page and decodes pixels in WebAssembly; nothing in it may evaluate text as code."""
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
LOCALES: dict[Language, str] = {"ja": "ja-JP", "en": "en-US"}
"""The viewer's names for languages."""
SAID = "drawing-"
"""Begins the words that the viewer's scripts show."""
FOR_EVER = "public, max-age=31536000, immutable"
DIGEST_LETTERS = 16
"""Letters of the digest that published file names carry."""


def prepared() -> Path:
    """The folder of the prepared viewer, whether or not it is there."""
    return Path(str(files("kaname.web").joinpath("static", "ohif")))


def viewer_routes(node: Node) -> APIRouter:
    """Opening a study by its ticket, the viewer's files, the images of what was opened, and answers about them."""
    routes = APIRouter(include_in_schema=False)
    routes.include_router(_pages(node))
    routes.include_router(drawing_routes(node))
    reading = APIRouter(prefix="/dicomweb", dependencies=[Depends(_only_opened(node))])
    for route in dicomweb_routes(node).routes:
        if isinstance(route, APIRoute) and route.methods == {"GET"}:
            path = route.path.removeprefix("/dicomweb")
            reading.add_api_route(path, route.endpoint, methods=["GET"], name=route.name, dependencies=[may("pixels")])
    routes.include_router(reading)
    return routes


def _pages(node: Node) -> APIRouter:
    routes = APIRouter(route_class=PageRoute)

    def opened(request: Request) -> Response:
        """Uses a ticket up and shows its study."""
        session = open_session(node.index, request.query_params.get("ticket", ""), place="viewer", clock=node.clock)
        about = sha256(session.about.encode()).hexdigest()
        node.ledger.append("study-opened", about, actor=session.grant.name)
        answer = RedirectResponse(f"{BASE}/viewer?StudyInstanceUIDs={quote(session.about)}", SEE_OTHER)
        keep_cookie(request, answer, cookie_name(COOKIE, node, session.about), session)
        return answer

    def file(path: str, request: Request) -> Response:
        """A file of the viewer; what has no dot in its last part is a place within it, for who has opened a study."""
        known = _known()
        if not known:
            raise NotYet("viewer-missing")
        if path in known:
            return _file(path)
        if "." in path.rpartition("/")[2]:
            raise Refused("not-found")
        if not any(opened_sessions(node, request)):
            raise Forbidden("session-ended")
        return _file("index.html")

    def settings(request: Request) -> Response:
        """What the viewer is told about this place, in the reader's language."""
        text = _settings(node, request, language_of(request))
        return Response(text, media_type=TYPES[".js"], headers={"Cache-Control": "no-store"})

    routes.add_api_route("/open", opened, methods=["GET"], dependencies=[anybody("the ticket in the address opens it")])
    ours = anybody("the viewer's own program; places within it ask for an opened study")
    routes.add_api_route(f"{BASE}/app-config.js", settings, methods=["GET"], dependencies=[ours])
    routes.add_api_route(BASE + "/{path:path}", file, methods=["GET"], dependencies=[ours])
    return routes


@cache
def _known() -> frozenset[str]:
    """Paths of the prepared files: whatever else is asked for never reaches the disk."""
    folder = prepared()
    return frozenset(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def _settings(node: Node, request: Request, language: Language) -> str:
    """The scripts that the viewer reads first. English is its own language; our table makes it Japanese."""
    ours = files("kaname.web").joinpath("static")
    reading = {session.about: offered(node, session, language) for session in opened_sessions(node, request)}
    told = {
        "language": LOCALES[language],
        "note": words()["viewer-note"][language],
        "say": {key.removeprefix(SAID): word[language] for key, word in words().items() if key.startswith(SAID)},
        "words": json.loads(ours.joinpath("viewer-ja.json").read_text(encoding="utf-8")) if language == "ja" else None,
        "reading": {study: offer for study, offer in reading.items() if offer},
    }
    scripts = [ours.joinpath(name).read_text(encoding="utf-8") for name in ("viewer-drawing.js", "viewer-config.js")]
    return "\n".join((f"window.kaname = {json.dumps(told, ensure_ascii=False)};", *scripts))


def _file(path: str) -> Response:
    name = path.rpartition("/")[2]
    named_by_content = any(len(part) == DIGEST_LETTERS for part in name.split(".")[:-1])
    headers = {
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": FOR_EVER if named_by_content else "no-store",
    }
    media_type = TYPES.get(Path(name).suffix, "application/octet-stream")
    return FileResponse(prepared() / path, media_type=media_type, headers=headers)


def _only_opened(node: Node) -> Callable[[Request], None]:
    """What stands before the images: studies that this browser opened here; all others do not exist."""

    def check(request: Request) -> None:
        named = request.path_params.get(STUDY, "")
        sessions = list(opened_sessions(node, request, named))
        if not sessions:
            raise Refused("not-found") if named else Forbidden("session-ended")
        studies = {session.about for session in sessions}
        asked = [value for name in STUDY_NAMES for value in request.query_params.getlist(name)]
        if not studies.issuperset(asked):
            raise Refused("not-found")
        if not asked:  # else the question names the study itself
            request.path_params[STUDY] = ",".join(sorted(studies))
        parts = sorted({part for session in sessions for part in session.grant.parts})
        request.state.grant = replace(sessions[0].grant, parts=tuple(parts))

    return check
