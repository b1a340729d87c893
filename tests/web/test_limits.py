"""How often somebody may ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from kaname.access.model import Grant, Part
from kaname.errors import Forbidden
from kaname.node import Node
from kaname.web import limits as module
from kaname.web.answer import tell_outcomes
from kaname.web.app import make_app
from kaname.web.limits import Limits, Rates
from kaname.web.permit import anybody, may

WHO = {
    "good": Grant.of_program("program", ("j-mid",), ("browse", "pixels")),
    "other": Grant.of_program("another", ("j-mid",), ("browse", "pixels")),
    "researcher": Grant("team", (Part("researcher", "j-mid"),), channel="console"),
    "both": Grant("both", (Part("researcher", "j-mid"), Part("reader", "j-mid")), channel="console"),
}
Ask = Callable[..., Awaitable[httpx.Response]]


def app(rates: Rates) -> FastAPI:
    """A small door: tokens that are good or not, pixels, a page for everybody, and one where secrets are shown."""

    def check(request: Request) -> None:
        secret = request.headers.get("authorization", "").removeprefix("Bearer ")
        if secret not in WHO:
            raise Forbidden("token-invalid")
        request.state.grant = WHO[secret]

    async def slow(request: Request, seconds: float = 0) -> str:
        await request.body()
        await asyncio.sleep(seconds)
        return "looked at"

    def shown() -> str:
        return "shown"

    made = FastAPI(openapi_url=None)
    tell_outcomes(made)
    made.add_middleware(Limits, rates=rates)
    inner = APIRouter(dependencies=[Depends(check)])
    inner.add_api_route("/list", shown, dependencies=[may("browse")])
    inner.add_api_route("/frames/{numbers}", shown, dependencies=[may("pixels")])
    inner.add_api_route("/second", slow, methods=["POST"], dependencies=[may("browse")])
    made.include_router(inner)
    made.add_api_route("/open", shown, dependencies=[anybody("a test")])
    made.add_api_route("/signin", slow, methods=["POST"], dependencies=[anybody("a test")])
    return made


def told(rates: Rates, story: Callable[[Ask], Awaitable[None]]) -> None:
    """Lets a story happen in front of one door."""
    door = app(rates)

    async def ask(path: str, token: str = "", address: str = "192.0.2.1", **how: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(door, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return await client.request(how.pop("method", "GET"), path, headers=headers | how.pop("more", {}), **how)

    async def go() -> None:
        await story(ask)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: 1_800_000_000.0)  # no minute ends in the middle
        asyncio.run(go())


def test_many_tries_at_a_door_of_secrets_have_to_wait() -> None:
    """Those of one address; other addresses, other doors and who is in go on."""

    async def story(ask: Ask) -> None:
        await ask("/list", "good")
        for _ in range(3):
            assert (await ask("/signin", method="POST")).status_code == 200
        answer = await ask("/signin", method="POST")
        assert answer.status_code == 429
        assert answer.json()["code"] == "too-many-requests"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.json()["facts"]["seconds"] == int(answer.headers["retry-after"])
        claimed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
        assert (await ask("/signin", method="POST", more=claimed)).status_code == 429
        assert (await ask("/signin", method="POST", address="192.0.2.2")).status_code == 200
        assert (await ask("/open")).status_code == 200
        assert (await ask("/list", "good")).status_code == 200

    told(Rates(secrets=3), story)


def test_tokens_that_are_not_good_are_looked_at_so_often() -> None:
    """Beyond, no new one of that address is; one that was found good before still is, and so are other addresses."""

    async def story(ask: Ask) -> None:
        assert (await ask("/list", "good")).status_code == 200
        for number in range(3):
            assert (await ask("/list", f"guess-{number}")).status_code == 401
        assert (await ask("/list", "guess-3")).status_code == 429
        assert (await ask("/list", "other")).status_code == 429  # nobody knows yet that it is good
        assert (await ask("/list", "good")).status_code == 200
        assert (await ask("/open")).status_code == 200
        assert (await ask("/list", "other", address="192.0.2.2")).status_code == 200
        assert (await ask("/list", "other")).status_code == 200  # now it is known

    told(Rates(bad_tokens=3), story)


def test_who_is_known_is_counted_by_name_and_everybody_else_by_address() -> None:
    """One who takes all of theirs takes nothing of others, and what anybody may write makes nobody known."""

    async def story(ask: Ask) -> None:
        for _ in range(6):
            assert (await ask("/list", "good")).status_code == 200
        assert (await ask("/list", "good")).status_code == 429
        assert (await ask("/list", "other")).status_code == 200
        for number in range(2):
            assert (await ask("/open", more={"Cookie": f"any={number}"})).status_code == 200
        assert (await ask("/open", more={"Cookie": "any=2"})).status_code == 429
        assert (await ask("/list", "other")).status_code == 200

    told(Rates(known=5, strangers=4), story)


def test_tries_at_once_leave_the_threads_to_others() -> None:
    """More than so many are sent away at once, wherever they come from; afterwards there is room again."""

    async def story(ask: Ask) -> None:
        tries = [ask("/signin?seconds=0.3", method="POST", address=f"192.0.2.{number}") for number in range(20)]
        answers = [answer.status_code for answer in await asyncio.gather(*tries)]
        assert (answers.count(200), answers.count(429)) == (4, 16)
        assert (await ask("/signin", method="POST", address="192.0.2.99")).status_code == 200
        await ask("/list", "good")
        tries = [ask("/signin?seconds=0.3", method="POST", address=f"192.0.2.{number}") for number in range(20)]
        known = [ask("/second?seconds=0.2", "good", method="POST") for _ in range(6)]
        assert [answer.status_code for answer in await asyncio.gather(*tries, *known)][20:] == [200] * 5 + [429]

    told(Rates(secrets_at_once=4, secrets=5), story)


def test_pixels_of_a_researcher_are_counted_by_the_hour() -> None:
    """Frames of one request each; lists and records are not, and who also reads cases is not."""

    async def story(ask: Ask) -> None:
        assert (await ask("/frames/1,2,3", "researcher")).text == '"shown"'
        assert (await ask("/frames/4,5,6", "researcher")).status_code == 429
        assert (await ask("/frames/4,5", "researcher")).status_code == 200
        last = await ask("/frames/6", "researcher", more={"Accept": "application/dicom+json"})
        assert last.status_code == 429
        assert "shown" not in last.text
        assert (await ask("/list", "researcher")).status_code == 200
        for _ in range(7):
            assert (await ask("/frames/1", "both")).status_code == 200

    told(Rates(researcher_frames_hour=5), story)


def test_what_is_remembered_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond, all are forgotten, and found good anew."""
    monkeypatch.setattr(module, "KNOWN_MOST", 1)

    async def story(ask: Ask) -> None:
        for token in ("good", "other", "good"):
            assert (await ask("/list", token)).status_code == 200

    told(Rates(), story)


def test_a_person_gets_a_page(busy: Node) -> None:
    """In their language, with the headers of every page, and told how long to wait."""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(busy, Rates(secrets=1)))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            headers = {"Accept": "text/html", "Origin": "http://door"}
            await client.post("/signin", headers=headers, data={"once": "x"})
            return await client.post("/signin", headers=headers, data={"once": "x"})

    answer = asyncio.run(go())
    assert answer.status_code == 429
    assert "要求が多すぎます" in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert int(answer.headers["retry-after"]) >= 1


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_a_household_is_one_address(address: Any, rest: int) -> None:
    """Of IPv6 the second half is anybody's own choice, and counts for nothing."""
    other = type(address)(int(address) >> 64 << 64 | rest)
    assert module._household(str(address)) == module._household(str(other))
    assert module._household("192.0.2.1") == "192.0.2.1"


def test_who_sends_slowly_keeps_nobody_out() -> None:
    """What is still on its way is no try: many who never end theirs take no place of those who do."""

    async def go() -> int:
        door = app(Rates(secrets_at_once=2))
        scope = {"type": "http", "method": "POST", "path": "/signin", "query_string": b"", "headers": []}

        async def never() -> Message:
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def nothing(_message: Message) -> None:
            """Nobody listens."""

        slow = [asyncio.create_task(door(dict(scope), never, nothing)) for _ in range(4)]
        await asyncio.sleep(0.1)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door") as client:
            answer = await client.post("/signin", data={"name": "reader"})
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return answer.status_code

    assert asyncio.run(go()) == 200


def test_a_try_that_is_too_large_is_told_so(busy: Node) -> None:
    """Also where it says nothing of its length."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (1 << 19)

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app(busy)), base_url="http://door") as client:
            return await client.post("/signin", headers={"Origin": "http://door"}, content=pieces())

    answer = asyncio.run(go())
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
