import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from kaname.errors import Forbidden, KanameError, NotYet, Refused
from kaname.web.answer import status_of, tell_outcomes
from kaname.web.guard import SECURITY_HEADERS, Guard

LIMIT = 100


def ask(method: str, path: str, **options: Any) -> httpx.Response:
    """One request to a guarded app."""
    app = FastAPI(openapi_url=None)
    tell_outcomes(app)

    async def size(request: Request) -> int:
        return len(await request.body())

    def number(n: int) -> int:
        return 1 // n

    def withdrawn() -> None:
        raise Refused("withdrawn", number=3)

    app.add_api_route("/size", size, methods=["POST"])
    app.add_api_route("/number/{n}", number, methods=["GET"])
    app.add_api_route("/withdrawn", withdrawn, methods=["GET"])

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(Guard(app, LIMIT), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return await client.request(method, path, **options)

    return asyncio.run(go())


async def drops() -> AsyncIterator[bytes]:
    """A body that grows on the way."""
    for _ in range(3):
        yield b"x" * 40


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/size", 405, "method-not-allowed"),
        ("GET", "/number/abc", 400, "query-invalid"),
        ("GET", "/number/0", 500, "bug"),
        ("GET", "/withdrawn", 422, "withdrawn"),
    ],
)
def test_every_failure_has_one_form(method: str, path: str, status: int, code: str) -> None:
    """A wrong path, verb or value, a refusal and a bug all answer with a reason in two languages, and no trace."""
    answer = ask(method, path)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert body["ja"]
    assert body["en"]
    assert "Traceback" not in answer.text
    assert "abc" not in answer.text


@pytest.mark.parametrize("path", ["/withdrawn", "/number/1", "/number/0", "/nowhere"])
def test_every_answer_carries_the_security_headers(path: str) -> None:
    """Answers good and bad cannot be framed, sniffed or kept by a shared cache."""
    headers = ask("GET", path).headers
    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_a_body_above_the_limit_is_turned_away() -> None:
    """A body that is too large is refused, whether it says so before or grows on the way."""
    assert ask("POST", "/size", content=b"x" * LIMIT).json() == LIMIT
    declared = ask("POST", "/size", content=b"x" * (LIMIT + 1))
    grown = ask("POST", "/size", content=drops())
    assert (declared.status_code, declared.json()["code"]) == (413, "too-large")
    assert (grown.status_code, grown.json()["code"]) == (413, "too-large")


def test_a_length_that_is_no_number_is_turned_away() -> None:
    """Nobody guesses what a malformed Content-Length meant."""
    assert ask("POST", "/size", content=b"x", headers={"Content-Length": "-1"}).status_code == 413


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("not-found"), 404),
        (Refused("withdrawn"), 422),
        (Forbidden("token-missing"), 401),
        (Forbidden("not-permitted"), 403),
        (NotYet("storage-full"), 503),
        (Refused("object-damaged"), 500),
    ],
)
def test_each_outcome_has_its_status(error: KanameError, status: int) -> None:
    """Refused is the caller's affair, NotYet is worth another try, Forbidden says who you are not."""
    assert status_of(error) == status


@pytest.mark.parametrize("path", ["/number/%00", "/nowhere?name=a%00b", "/%00"])
def test_a_letter_that_no_database_has_is_turned_away(path: str) -> None:
    """PostgreSQL cannot hold the letter NUL, so that a question with it would be an error of ours."""
    answer = ask("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (400, "query-invalid")
