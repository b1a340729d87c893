"""``/api/v1/runs`` and ``/api/v1/airlock``: who may ask, who may decide, and what each of them sees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from kaname.access.model import Duty
from kaname.airlock.flow import check, draft
from kaname.archive.flow import shelve
from kaname.compute import rows as run_rows
from kaname.compute.model import Ended, Output
from kaname.compute.outputs import key_of
from kaname.database import writing
from kaname.datasets.flow import freeze
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.store import digest_bytes
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.tokens import make_token
from kaname.web.airlock import airlock_routes
from kaname.web.answer import tell_outcomes
from kaname.web.runs import run_routes

FIGURES = b'{"loss": [0.5]}'
BODY: dict[str, Any] = {"name": "try", "dataset": "lungs", "code": "pass"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A hub with one frozen dataset."""
    node = make_hub(tmp_path / "home")
    facility = Facility(tmp_path / "facility", 1, "j-mid").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1,)))).digest)
    freeze(node, "lungs", "j-mid")
    yield node
    node.index.dispose()


class Person:
    """Somebody with a token."""

    def __init__(self, node: Node, name: str, *duties: Duty, registry: str = "j-mid") -> None:
        self.app = FastAPI(openapi_url=None)
        tell_outcomes(self.app)
        self.app.include_router(run_routes(node))
        self.app.include_router(airlock_routes(node))
        secret = make_token(
            node.index, name=name, registries=[registry], days=1, clock=node.clock, duties=duties or ("browse",)
        )
        self.headers = {"Authorization": f"Bearer {secret}"}

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request below ``/api/v1``."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://door/api/v1") as client:
                return await client.request(method, path, headers=self.headers, json=body)

        return asyncio.run(go())


def end(node: Node, run_id: str) -> str:
    """Ends a run with figures and a log, as compute does; returns the id of its request, in review."""
    for data in (FIGURES, b"done\n"):
        node.store.put(key_of(run_id, digest_bytes(data)), data)
    output = Output("model.json", digest_bytes(FIGURES), len(FIGURES))
    with writing(node.index) as connection:
        ended = Ended("finished", outputs=(output,), log=digest_bytes(b"done\n"))
        run_rows.end(connection, run_id, ended, node.clock.stamp())
    request_id = draft(node, run_id)
    check(node, request_id)
    return request_id


def test_a_run_is_asked_for_and_released_over_http(hub: Node) -> None:
    """A researcher submits, a checker looks and approves, and then the log can be read."""
    researcher, checker = Person(hub, "researcher", "research"), Person(hub, "checker", "check", "release")
    made = researcher.ask("POST", "/runs", BODY | {"arguments": ["--epochs", "2"], "seed": 7})
    assert made.status_code == 200
    run = made.json()
    assert (run["state"], run["actor"], run["spec"]["version"]) == ("queued", "researcher", 1)
    assert run["spec"]["command"] == ["python", "/code/job.py", "--epochs", "2"]
    assert run["spec"]["splits"] == ["train", "validation"]
    assert run["spec"]["trusted"] is False
    assert researcher.ask("GET", "/runs").json() == [run]
    request_id = end(hub, run["id"])
    assert researcher.ask("GET", f"/runs/{run['id']}/log").status_code == 503
    assert [one["state"] for one in researcher.ask("GET", "/airlock").json()] == ["in-review"]
    assert [one["id"] for one in checker.ask("GET", "/airlock?state=in-review").json()] == [request_id]
    assert checker.ask("GET", "/airlock?state=approved").json() == []
    assert checker.ask("GET", f"/airlock/{request_id}/files/model.json").content == FIGURES
    decided = checker.ask("POST", f"/airlock/{request_id}/review", {"decision": "approve", "reason": "Fine."})
    assert (decided.status_code, decided.json()["state"]) == (200, "approved")
    log = researcher.ask("GET", f"/runs/{run['id']}/log")
    assert (log.content, log.headers["content-type"]) == (b"done\n", "text/plain; charset=utf-8")


def test_the_same_body_again_is_the_same_run(hub: Node) -> None:
    """A repeated POST makes nothing new."""
    researcher = Person(hub, "researcher", "research")
    first, second = (researcher.ask("POST", "/runs", BODY).json() for _ in range(2))
    assert first == second
    assert len(researcher.ask("GET", "/runs").json()) == 1


def test_a_duty_is_needed_for_everything(hub: Node) -> None:
    """Browsing opens nothing here; research decides nothing; checking asks for nothing."""
    browser, researcher = Person(hub, "browser"), Person(hub, "researcher", "research")
    checker = Person(hub, "checker", "check", "release")
    request_id = end(hub, researcher.ask("POST", "/runs", BODY).json()["id"])
    review = {"decision": "approve", "reason": "Fine."}
    for person, method, path, body in (
        (browser, "GET", "/runs", None),
        (browser, "POST", "/runs", BODY),
        (browser, "GET", "/airlock", None),
        (checker, "POST", "/runs", BODY),
        (researcher, "POST", f"/airlock/{request_id}/review", review),
        (researcher, "GET", f"/airlock/{request_id}/files/log", None),
        (checker, "POST", f"/airlock/{request_id}/cancel", None),
    ):
        answer = person.ask(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "duty-missing"), path


def test_whoever_asked_cannot_decide_with_both_duties(hub: Node) -> None:
    """Two duties in one token are still one person."""
    both = Person(hub, "both", "research", "check", "release")
    request_id = end(hub, both.ask("POST", "/runs", BODY).json()["id"])
    answer = both.ask("POST", f"/airlock/{request_id}/review", {"decision": "approve", "reason": "Mine."})
    assert (answer.status_code, answer.json()["code"]) == (403, "two-persons")
    assert both.ask("POST", f"/airlock/{request_id}/cancel").json()["state"] == "cancelled"


def test_a_researcher_sees_requests_of_others_nowhere(hub: Node) -> None:
    """The list is one's own, but for those who check."""
    end(hub, Person(hub, "first", "research").ask("POST", "/runs", BODY).json()["id"])
    assert Person(hub, "second", "research").ask("GET", "/airlock").json() == []


def test_another_registry_does_not_exist(hub: Node) -> None:
    """Neither its datasets, nor its runs, nor its requests."""
    run_id = Person(hub, "researcher", "research").ask("POST", "/runs", BODY).json()["id"]
    request_id = end(hub, run_id)
    other = Person(hub, "other", "research", "check", "release", registry="basic")
    review = {"decision": "approve", "reason": "Fine."}
    assert other.ask("GET", "/runs").json() == []
    assert other.ask("GET", "/airlock").json() == []
    for method, path, body in (
        ("POST", "/runs", BODY),
        ("GET", f"/runs/{run_id}", None),
        ("GET", f"/runs/{run_id}/log", None),
        ("GET", f"/airlock/{request_id}/files/log", None),
        ("POST", f"/airlock/{request_id}/review", review),
        ("POST", f"/airlock/{request_id}/cancel", None),
    ):
        assert other.ask(method, path, body).status_code == 404, path


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "x"}, 400, "query-invalid"),
        (BODY | {"version": 0}, 400, "query-invalid"),
        (BODY | {"version": 2**63}, 400, "query-invalid"),
        (BODY | {"splits": ["everything"]}, 400, "query-invalid"),
        (BODY | {"splits": ["test"]}, 422, "run-invalid"),
        (BODY | {"name": "../x"}, 422, "run-invalid"),
        (BODY | {"code": ""}, 422, "run-invalid"),
        (BODY | {"dataset": "nothing"}, 404, "not-found"),
    ],
)
def test_a_wrong_body_is_refused(hub: Node, body: dict[str, Any], status: int, code: str) -> None:
    """Each with its reason, and nothing is queued."""
    researcher = Person(hub, "researcher", "research")
    answer = researcher.ask("POST", "/runs", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert researcher.ask("GET", "/runs").json() == []


def test_a_decision_is_one_of_two_words(hub: Node) -> None:
    """Anything else decides nothing."""
    request_id = end(hub, Person(hub, "researcher", "research").ask("POST", "/runs", BODY).json()["id"])
    checker = Person(hub, "checker", "check", "release")
    answer = checker.ask("POST", f"/airlock/{request_id}/review", {"decision": "maybe", "reason": "Fine."})
    assert answer.status_code == 400
    assert checker.ask("GET", "/airlock").json()[0]["state"] == "in-review"
