"""How an outcome that is no success looks over HTTP: a status, and the sentences of its reason as JSON."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kaname.errors import Fact, Forbidden, KanameError, NotYet, Reason, Refused, reasons

UNPROCESSABLE = 422
UNAVAILABLE = 503
RETRY_SECONDS = 5
"""What a client is told to wait for when the answer is "not yet"."""
STATUS = {
    "query-invalid": 400,
    "multipart-invalid": 400,
    "token-missing": 401,
    "token-invalid": 401,
    "session-ended": 401,
    "not-permitted": 403,
    "not-found": 404,
    "object-missing": 404,
    "frame-out-of-range": 404,
    "no-film": 404,
    "no-frames": 404,
    "no-bulk-data": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "too-large": 413,
    "media-type": 415,
    "too-many-requests": 429,
    "object-damaged": 500,
    "bug": 500,
}
"""Where the code says more than the kind of outcome does: else Refused is 422, Forbidden 403, NotYet 503."""


def status_of(error: KanameError) -> int:
    """The HTTP status of an outcome."""
    if isinstance(error, NotYet):
        return STATUS.get(error.code, UNAVAILABLE)
    return STATUS.get(error.code, 403 if isinstance(error, Forbidden) else UNPROCESSABLE)


def tell_outcomes(app: FastAPI) -> None:
    """Makes an app answer every outcome, wrong path and bug in this one form. No answer carries a stack trace."""
    app.add_exception_handler(KanameError, _outcome)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


def reason_json(reason: Reason, status: int, facts: dict[str, Fact] | None = None) -> JSONResponse:
    """A reason as JSON: ``{"code", "ja", "en", "facts"}``."""
    body = {"code": reason.code, "ja": reason.ja, "en": reason.en, "facts": facts or {}}
    headers = {401: {"WWW-Authenticate": "Bearer"}, UNAVAILABLE: {"Retry-After": str(RETRY_SECONDS)}}.get(status)
    return JSONResponse(body, status, headers)


async def _outcome(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KanameError)
    return reason_json(error.reason, status_of(error), error.facts)


async def _invalid(_request: Request, _error: Exception) -> JSONResponse:
    """A parameter of the wrong type. Its value is not echoed."""
    error = Refused("query-invalid")
    return reason_json(error.reason, status_of(error))


async def _http(_request: Request, error: Exception) -> JSONResponse:
    """No such path, or no such verb on it."""
    assert isinstance(error, HTTPException)
    code = "method-not-allowed" if error.status_code == STATUS["method-not-allowed"] else "not-found"
    return reason_json(reasons()[code], STATUS[code])


async def _bug(_request: Request, _error: Exception) -> JSONResponse:
    return reason_json(reasons()["bug"], STATUS["bug"])
