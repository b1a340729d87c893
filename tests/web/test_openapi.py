"""The API asked by schemathesis, with whatever its own description allows and does not; secrets of anything at all."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from starlette.types import ASGIApp

from kaname.access.model import PEOPLE, Grant
from kaname.access.sessions import Place, make_signin, open_session
from kaname.access.tokens import PREFIX, issue
from kaname.node import Node
from kaname.web.app import make_app
from kaname.web.limits import Rates
from kaname.web.signin import COOKIE, cookie_name

MANY = Rates(known=10**9, strangers=10**9, secrets=10**9, bad_tokens=10**9)
HOST = "http://door"
EXAMPLES = 15
QUICK = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=";,"), max_size=80)


@pytest.fixture(scope="module")
def node(busy: Node) -> Node:
    """A cloud, which has every route."""
    return replace(busy, settings=replace(busy.settings, role="cloud"))


@pytest.fixture(scope="module")
def door(node: Node) -> ASGIApp:
    """Its door."""
    return make_app(node, MANY)


@pytest.fixture(scope="module")
def token(node: Node) -> str:
    """Of somebody who may do everything that a token may."""
    grant = Grant.of_person("fuzzer", ("j-mid", "basic"), PEOPLE)
    return issue(node.index, grant, days=1, clock=node.clock)


def get(door: ASGIApp, path: str, **headers: str) -> httpx.Response:
    """One request."""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(door, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            return await client.get(path, headers=headers)

    return asyncio.run(go())


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not allowed"])
def test_no_request_makes_the_api_fall_over(door: ASGIApp, token: str, mode: GenerationMode) -> None:
    """Every operation, with values that its description allows, and with others: never a fault of ours."""
    headers = {"Authorization": f"Bearer {token}"}
    schema: Any = schemathesis.openapi.from_asgi("/api/v1/openapi.json", door, headers=headers)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:

        @QUICK
        @given(case=operation.as_strategy(generation_mode=mode))
        def asked(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=headers, checks=[not_a_server_error])

        with suppress(Unsatisfiable):  # of an operation without parameters nothing is not allowed
            asked()


@QUICK
@given(secret=VISIBLE | VISIBLE.map(lambda rest: PREFIX + rest))
def test_whatever_is_no_token_opens_nothing(door: ASGIApp, secret: str) -> None:
    """401, whatever it looks like."""
    for scheme in ("Bearer", "bearer", "Basic", ""):
        answer = get(door, "/dicomweb/studies", Authorization=f"{scheme} {secret}")
        assert answer.status_code == 401, secret


@settings(QUICK, max_examples=40)
@given(at=st.integers(0, 42), letter=st.sampled_from("Aa0-_~."))
def test_a_token_with_one_other_letter_opens_nothing(door: ASGIApp, token: str, at: int, letter: str) -> None:
    """Neither at its beginning nor at its end, nor cut off, nor with something behind it."""
    changed = token[: len(PREFIX) + at] + letter + token[len(PREFIX) + at + 1 :]
    for secret in {changed, token[: len(PREFIX) + at], token + letter} - {token}:
        assert get(door, "/api/v1/datasets", Authorization=f"Bearer {secret}").status_code == 401
    assert get(door, "/api/v1/datasets", Authorization=f"Bearer {token}").status_code == 200


@QUICK
@given(secret=VISIBLE)
def test_whatever_is_no_cookie_opens_no_page(node: Node, door: ASGIApp, secret: str) -> None:
    """The pages show how to sign in."""
    assert get(door, "/studies", Cookie=f"{cookie_name(COOKIE, node)}={secret}").status_code == 401


def test_a_cookie_counts_at_its_own_origin_and_under_its_own_name_alone(node: Node, door: ASGIApp) -> None:
    """A session of the viewer opens no page, and one under another node's name neither."""
    grant = Grant.of_person("somebody", ("j-mid",), ("doctor",))
    shown: list[tuple[Place, bool, int]] = [("console", True, 200), ("console", False, 401), ("viewer", True, 401)]
    for place, own, status in shown:
        secret = make_signin(node.index, grant, place=place, clock=node.clock)
        session = open_session(node.index, secret, place=place, clock=node.clock)
        name = cookie_name(COOKIE, node if own else replace(node, settings=replace(node.settings, name="other")))
        assert get(door, "/studies", Cookie=f"{name}={session.secret}").status_code == status


def test_a_session_that_somebody_else_chose_is_none(node: Node, door: ASGIApp) -> None:
    """Session fixation: who signs in gets a new secret, whatever cookie was there before."""

    async def go() -> tuple[httpx.Response, str]:
        transport = httpx.ASGITransport(door, raise_app_exceptions=False)
        name = cookie_name(COOKIE, node)
        async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies={name: "chosen"}) as client:
            grant = Grant.of_person("somebody", ("j-mid",), ("doctor",))
            once = make_signin(node.index, grant, place="console", clock=node.clock)
            answer = await client.post("/signin", data={"once": once}, headers={"Origin": HOST})
            return answer, name

    answer, name = asyncio.run(go())
    given_back = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert given_back.startswith(f"{name}=")
    assert "chosen" not in given_back
    assert get(door, "/studies", Cookie=f"{name}=chosen").status_code == 401
