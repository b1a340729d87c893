"""How a page is made: a template, words in the reader's language, and headers that let nothing foreign run in it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast, get_args
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from kaname.access.sessions import SESSION_HOURS, SIGNIN_MINUTES
from kaname.errors import Forbidden, KanameError, Refused, reasons
from kaname.web.answer import status_of

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
LANGUAGE_COOKIE = "kaname_language"
YEAR_SECONDS = 365 * 24 * 3600
STATIC = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "passkey.js": "text/javascript",
    "kaname.svg": "image/svg+xml",
}
HTML = "text/html"
KEPT_HEADERS = ("www-authenticate", "retry-after")
FORM_FIELDS_MOST = 32
PATH_MOST = 512
"""Letters of a path that one goes on to."""
PROOFS = {"second-factor-missing": "/second", "proof-old": "/proof"}
"""Where one goes on being told so."""
SEE_OTHER = 303
DIGITS_MOST = 9


@cache
def words() -> dict[str, dict[Language, str]]:
    """Every text of the pages, by its key, in both languages."""
    return tomllib.loads(files("kaname.web").joinpath("words.toml").read_text(encoding="utf-8"))


def language_of(request: Request) -> Language:
    """What the reader asked for by ``?lang=``, or the last time; Japanese at first."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in LANGUAGES:
            return asked
    return "ja"


def page(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:  # noqa: ANN401 -- facts of any shape
    """A page of ours.

    Args:
        request: Whose language is taken.
        template: Its name in ``templates``, without ``.html``.
        status: HTTP status.
        facts: What the template shows; everything is escaped.
    """
    language = language_of(request)

    def say(key: str, **values: object) -> str:
        return words()[key][language].format(**values)

    def sentence(code: str) -> str:
        known = reasons().get(code)  # a row may be older than the list of codes
        return getattr(known, language) if known else code

    text = (
        _environment()
        .get_template(f"{template}.html")
        .render(
            {
                "say": say,
                "number": _number,
                "figure": _figure,
                "time": _time,
                "reason": sentence,
                "minutes": SIGNIN_MINUTES,
                "hours": SESSION_HOURS,
                "elsewhere": getattr(request.app.state, "elsewhere", ""),  # set where this node has a provider
                "language": language,
                "path": quote("/" + request.url.path.lstrip("/\\")),  # two of them would name another host
                "query": {name: value for name, value in request.query_params.items() if name != "lang"},
                **facts,
            }
        )
    )
    answer = HTMLResponse(text, status, headers=page_headers(str(facts.get("viewer", ""))))
    if request.query_params.get("lang") == language:
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_SECONDS, samesite="strict", httponly=True)
    return answer


def page_headers(viewer: str = "") -> dict[str, str]:
    """Headers of a page: nothing inline, nothing from elsewhere.

    Args:
        viewer: The viewer's origin, if a form of the page ends there.
    """
    return {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            "connect-src 'self'; media-src 'self'; "
            f"form-action 'self' {viewer}".rstrip()
            + "; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",  # without it a browser would not say where a form comes from
        "Cache-Control": "no-store",
    }


class PageRoute(APIRoute):
    """A route of pages: an outcome that is no success is a page, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route, with its outcomes told in the reader's language."""
        inner = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await inner(request)
            except KanameError as error:
                return _to_proof(request, error) or reason_page(request, error)

        return told


def local_path(asked: str) -> str:
    """A path of this very origin to go on to; the first page where ``asked`` is none."""
    plain = asked.startswith("/") and asked.isascii() and asked.isprintable() and not {"\\", " "} & {*asked}
    return asked if plain and not asked.startswith("//") and len(asked) <= PATH_MOST else "/"


def _to_proof(request: Request, error: KanameError) -> Response | None:
    """The way to where one shows who one is, for who has opened an address that asks for it."""
    opened = request.method == "GET" and HTML in request.headers.get("accept", "")
    if error.code not in PROOFS or not opened or "hx-request" in request.headers:
        return None
    return RedirectResponse(_proof_address(request, error), SEE_OTHER, {"Cache-Control": "no-store"})


def _proof_address(request: Request, error: KanameError) -> str:
    """Where one shows who one is, and goes on from: to the page that was opened, or whose form was sent."""
    if error.code not in PROOFS:
        return ""
    try:
        at = urlsplit(str(request.url) if request.method == "GET" else request.headers.get("referer", ""))
    except ValueError:  # whatever a browser says it comes from
        at = urlsplit("")
    onward = f"{at.path}?{at.query}" if at.query else at.path
    own = at.netloc in {request.headers.get("host", ""), request.url.netloc}
    return f"{PROOFS[error.code]}?{urlencode({'next': local_path(onward) if own else '/'})}"


def reason_page(request: Request, error: KanameError) -> HTMLResponse:
    """What happened, what was kept and what to do, as a page; for who is not signed in, how to do that."""
    status = status_of(error)
    answer = page(
        request,
        "reason",
        status,
        code=error.code,
        part=str(error.facts.get("part", "")),
        proof=_proof_address(request, error),
    )
    if status == 401:  # noqa: PLR2004 -- RFC 9110 section 15.5.2
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def show_outcomes(app: FastAPI) -> None:
    """Makes an app that answers outcomes as JSON (:func:`kaname.web.answer.tell_outcomes`) show people a page of them.

    A browser that opens an address asks for HTML first; programs and the pages' own scripts do not.
    """
    for kind in (KanameError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _for_people(app.exception_handlers[kind]))


def _for_people(told: Callable[[Request, Any], Any]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        plain: Response = await told(request, error)
        if HTML not in request.headers.get("accept", ""):
            return plain
        shown = page(request, "reason", plain.status_code, code=json.loads(bytes(plain.body))["code"])
        shown.headers.update({name: plain.headers[name] for name in KEPT_HEADERS if name in plain.headers})
        return shown

    return answer


async def read_form(request: Request) -> None:
    """A dependency: the fields of a form that one of our own pages sent, for :func:`form_of`.

    Raises:
        Forbidden: ``form-foreign``.
        Refused: ``query-invalid``.
    """
    host = request.headers.get("host", "")
    if not host or request.headers.get("origin", "") not in {f"http://{host}", f"https://{host}"}:
        raise Forbidden("form-foreign")
    try:
        body = (await request.body()).decode("ascii")
        if "%00" in body or "\0" in body:  # PostgreSQL has no such letter
            raise Refused("query-invalid")
        fields = parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body), max_num_fields=FORM_FIELDS_MOST)
    except ValueError as error:
        raise Refused("query-invalid") from error
    request.state.form = dict(fields)


def form_of(request: Request) -> Mapping[str, str]:
    """The fields of the form, on a route that has :func:`read_form`."""
    return cast("dict[str, str]", request.state.form)


def whole_number(request: Request, name: str) -> int:
    """A number of the address; 0 when it is not there.

    Raises:
        Refused: ``query-invalid``.
    """
    asked = request.query_params.get(name, "") or "0"
    if not (asked.isascii() and asked.isdecimal()) or len(asked) > DIGITS_MOST:
        raise Refused("query-invalid", term=name)
    return int(asked)


def static_file(name: str) -> Response:
    """One of the few files that the pages use.

    Raises:
        Refused: ``not-found``.
    """
    if name not in STATIC:
        raise Refused("not-found")
    return Response(files("kaname.web").joinpath("static", name).read_bytes(), media_type=STATIC[name])


@cache
def _environment() -> Environment:
    loader = PackageLoader("kaname.web", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _figure(value: float | None, interval: Sequence[float] | None) -> str:
    """``0.912 (0.861–0.963)``; a dash where there is no figure."""
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else "")


def _time(stamp: str) -> str:
    """``2026-11-21T12:00:00Z`` as ``2026-11-21 12:00 UTC``."""
    return f"{stamp[:10]} {stamp[11:16]} UTC" if stamp else ""
