"""What a member of one project gets over HTTP: what it opens, its runs, requests and models; nothing else exists."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from kaname.access import projects
from kaname.access.accounts import add_account
from kaname.access.model import DUTIES, Grant, Part
from kaname.access.organisations import make
from kaname.access.remembered import changing
from kaname.access.tokens import issue
from kaname.airlock.flow import check, draft, review
from kaname.archive.flow import shelve
from kaname.compute import rows as run_rows
from kaname.compute.flow import find
from kaname.compute.model import Ended, Output
from kaname.compute.outputs import key_of
from kaname.database import writing
from kaname.datasets.flow import freeze, show
from kaname.errors import Forbidden
from kaname.intake.flow import accept
from kaname.models import rows as model_rows
from kaname.models.model import Card, ModelVersion
from kaname.node import Node
from kaname.store import digest_bytes
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.web.app import make_app

DIGEST = "a" * 64
FIGURES = b'{"loss": [0.5]}'
BODY: dict[str, Any] = {"name": "try", "dataset": "lungs", "code": "pass"}


@dataclass(frozen=True)
class Hub:
    """A hub with two projects of one registry: ``ours`` opens lungs, ``theirs`` opens brains."""

    node: Node

    def token(self, *parts: Part, name: str = "mori") -> str:
        """A token of somebody with these parts."""
        return issue(self.node.index, Grant(name, parts, DUTIES), days=1, clock=self.node.clock)

    def ask(self, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request below ``/api/v1``."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(make_app(self.node), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://door/api/v1") as client:
                return await client.request(method, path, headers={"Authorization": f"Bearer {token}"}, json=body)

        return asyncio.run(go())

    def move(self, project: str, state: projects.State) -> None:
        """Moves a project on."""
        with changing(self.node.index) as connection:
            projects.move(connection, project, state, self.node.clock.stamp())

    def end(self, run_id: str, seconds: float = 1.0) -> str:
        """Ends a run with figures; returns the id of its request, in review."""
        node = self.node
        for data in (FIGURES, b"done\n"):
            node.store.put(key_of(run_id, digest_bytes(data)), data)
        output = Output("model.json", digest_bytes(FIGURES), len(FIGURES))
        with writing(node.index) as connection:
            ended = Ended("finished", outputs=(output,), log=digest_bytes(b"done\n"), seconds=seconds)
            run_rows.end(connection, run_id, ended, node.clock.stamp())
        request_id = draft(node, run_id)
        check(node, request_id)
        return request_id

    def model(self, run_id: str, name: str) -> None:
        """Registers a model that the run made."""
        dataset = show(self.node, "lungs", 1)
        weights, at = digest_bytes(name.encode()), (dataset.digest, "lungs", 1)
        card = Card(name, 1, weights, *at, DIGEST, run_id, "j-mid", "CT", "a", "b", 0.5, 8, 8, 0.0, 1.0)
        made = ModelVersion(card, DIGEST, {"auc": 0.5}, self.node.clock.stamp())
        with writing(self.node.index) as connection:
            model_rows.add(connection, made)


MEMBER, OTHER = Part("researcher", "j-mid", "ours"), Part("researcher", "j-mid", "theirs")
WHOLE = Part("researcher", "j-mid")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """The hub."""
    node = make_hub(tmp_path / "home")
    facility = Facility(tmp_path / "facility", 1, "j-mid").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1,)))).digest)
    freeze(node, "lungs", "j-mid")
    freeze(node, "brains", "j-mid")
    at = node.clock.stamp()
    with changing(node.index) as connection:
        make(connection, "univ", "Univ", "university", at)
        for id_, dataset in (("ours", "lungs"), ("theirs", "brains")):
            projects.make(connection, projects.drafted(id_, id_, "j-mid", "univ", at))
            projects.agree(connection, id_, DIGEST, "", at)
            projects.open_datasets(connection, id_, [dataset], at)
            projects.move(connection, id_, "open", at)
    yield Hub(replace(node, settings=replace(node.settings, role="cloud")))
    node.index.dispose()


def submitted(hub: Hub, token: str, project: str, **more: Any) -> dict[str, Any]:
    """A run of a project."""
    answer = hub.ask(token, "POST", "/runs", BODY | {"project": project} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def code(answer: httpx.Response) -> tuple[int, str]:
    """What an answer that is no success says."""
    return answer.status_code, answer.json()["code"]


def test_a_member_sees_what_the_project_opens(hub: Hub) -> None:
    """Its dataset, with all versions; the registry's others are not there."""
    ours, whole = hub.token(MEMBER), hub.token(WHOLE)
    assert [one["name"] for one in hub.ask(ours, "GET", "/datasets").json()] == ["lungs"]
    assert [one["name"] for one in hub.ask(whole, "GET", "/datasets").json()] == ["brains", "lungs"]
    assert hub.ask(ours, "GET", "/datasets/lungs/1").status_code == 200
    for path in ("/datasets/brains", "/datasets/brains/1", "/datasets/none/1"):
        assert code(hub.ask(ours, "GET", path)) == (404, "not-found"), path


def test_who_is_a_member_alone_names_a_project_of_theirs(hub: Hub) -> None:
    """Neither somebody else's, nor one that is not there; and no dataset that the project does not open."""
    ours = hub.token(MEMBER)
    assert code(hub.ask(ours, "POST", "/runs", BODY)) == (422, "project-needed")
    for forged in ("theirs", "none", "' OR 1=1 --", "ours ", "OURS", "x" * 5000):
        assert code(hub.ask(ours, "POST", "/runs", BODY | {"project": forged})) == (404, "not-found"), forged
    assert code(hub.ask(ours, "POST", "/runs", BODY | {"project": "ours", "dataset": "brains"})) == (404, "not-found")
    elsewhere = hub.token(Part("researcher", "basic", "ours"))
    assert code(hub.ask(elsewhere, "POST", "/runs", BODY | {"project": "ours"})) == (404, "not-found")
    whole = hub.token(WHOLE)
    assert code(hub.ask(whole, "POST", "/runs", BODY | {"project": "theirs"})) == (422, "project-dataset")
    assert submitted(hub, whole, "")["project"] == ""


def test_the_same_spec_in_another_project_is_another_run(hub: Hub) -> None:
    """The same again is the same; who is no member sees neither."""
    with changing(hub.node.index) as connection:
        projects.open_datasets(connection, "theirs", ["lungs"], hub.node.clock.stamp())
    both = hub.token(MEMBER, OTHER, WHOLE)
    runs = {project: submitted(hub, both, project)["id"] for project in ("", "ours", "theirs")}
    assert len({*runs.values()}) == 3
    assert submitted(hub, both, "ours")["id"] == runs["ours"]
    ours, whole = hub.token(MEMBER), hub.token(WHOLE)
    assert [one["id"] for one in hub.ask(ours, "GET", "/runs").json()] == [runs["ours"]]
    assert {one["id"] for one in hub.ask(whole, "GET", "/runs").json()} == {*runs.values()}
    for project in ("", "theirs"):
        for path in (f"/runs/{runs[project]}", f"/runs/{runs[project]}/log"):
            assert code(hub.ask(ours, "GET", path)) == (404, "not-found")
    assert hub.ask(ours, "GET", f"/runs/{runs['ours']}").status_code == 200


def test_requests_and_models_belong_to_the_project_of_their_run(hub: Hub) -> None:
    """Its checker decides about its own alone; its members see its models alone."""
    whole = hub.token(WHOLE, name="boss")
    ours, plain = submitted(hub, whole, "ours"), submitted(hub, whole, "")
    requests = {one["id"]: hub.end(one["id"]) for one in (ours, plain)}
    for run, name in ((ours, "mine"), (plain, "other")):
        hub.model(run["id"], name)
    checker = hub.token(Part("checker", "j-mid", "ours"), name="abe")
    assert [one["id"] for one in hub.ask(checker, "GET", "/airlock").json()] == [requests[ours["id"]]]
    decision = {"decision": "approve", "reason": "Fine."}
    for path, body in (("files/model.json", None), ("review", decision)):
        method = "POST" if body else "GET"
        assert code(hub.ask(checker, method, f"/airlock/{requests[plain['id']]}/{path}", body)) == (404, "not-found")
        assert hub.ask(checker, method, f"/airlock/{requests[ours['id']]}/{path}", body).status_code == 200
    member = hub.token(MEMBER)
    assert hub.ask(member, "GET", "/airlock").json() == []
    assert [one["name"] for one in hub.ask(member, "GET", "/models").json()] == ["mine"]
    assert hub.ask(member, "GET", "/models/mine/1").status_code == 200
    assert code(hub.ask(member, "GET", "/models/other/1")) == (404, "not-found")
    assert hub.ask(member, "GET", "/models/deployed").json() == []
    assert hub.ask(member, "GET", f"/runs/{ours['id']}/log").content == b"done\n"


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_a_project_that_is_not_open_gives_nothing_to_its_members(hub: Hub, state: projects.State) -> None:
    """They are told why; nothing of it is released either, by whomever."""
    member, whole = hub.token(MEMBER), hub.token(WHOLE)
    run = submitted(hub, member, "ours")["id"]
    request_id = hub.end(run)
    hub.move("ours", state)
    closed = (403, "project-closed")
    for method, path, body in (
        ("GET", f"/runs/{run}", None),
        ("GET", f"/runs/{run}/log", None),
        ("GET", "/datasets/lungs", None),
        ("GET", "/datasets/lungs/1", None),
        ("POST", "/runs", BODY | {"project": "ours", "seed": 2}),
        ("POST", f"/airlock/{request_id}/cancel", None),
    ):
        assert code(hub.ask(member, method, path, body)) == closed, path
    for path in ("/runs", "/datasets", "/models"):
        assert hub.ask(member, "GET", path).json() == []
    assert code(hub.ask(whole, "GET", f"/runs/{run}")) == closed
    assert code(hub.ask(whole, "POST", "/runs", BODY | {"project": "ours", "seed": 2})) == closed
    checker = hub.token(Part("checker", "j-mid"), name="abe")
    assert [one["id"] for one in hub.ask(checker, "GET", "/airlock").json()] == [request_id]
    decision = {"decision": "approve", "reason": "Fine."}
    assert code(hub.ask(checker, "POST", f"/airlock/{request_id}/review", decision)) == closed
    with pytest.raises(Forbidden, match="project-closed"):
        review(hub.node, request_id, approve=True, actor="abe", reason="Fine.")


def test_nothing_is_submitted_once_the_time_is_used_up(hub: Hub) -> None:
    """The same run again is still that run, and more time lets the next one in."""
    member = hub.token(MEMBER)
    with changing(hub.node.index) as connection:
        projects.grant_quota(connection, "ours", {"seconds": 10}, hub.node.clock.stamp())
    first = submitted(hub, member, "ours")["id"]
    hub.end(first, seconds=10.0)
    assert code(hub.ask(member, "POST", "/runs", BODY | {"project": "ours", "seed": 2})) == (503, "quota-used")
    assert submitted(hub, member, "ours")["id"] == first
    with changing(hub.node.index) as connection:
        projects.grant_quota(connection, "ours", {"seconds": 11}, hub.node.clock.stamp())
    assert find(hub.node, submitted(hub, member, "ours", seed=2)["id"]).project == "ours"


def test_a_member_of_a_project_sees_no_study_and_no_image(hub: Hub) -> None:
    """DICOMweb answers for registries as a whole."""
    add_account(hub.node.index, "mori", [MEMBER], None, hub.node.clock)
    member = replace(Grant("mori", (MEMBER, Part("curator", "basic"))), channel="token")
    token = issue(hub.node.index, member, days=1, clock=hub.node.clock, owner="mori")
    answer = hub.ask(token, "GET", "../../dicomweb/studies")
    assert (answer.status_code, answer.content) in {(200, b"[]"), (204, b"")}


def test_what_is_answered_names_the_project(hub: Hub) -> None:
    """Of runs and of requests."""
    member = hub.token(MEMBER)
    run = submitted(hub, member, "ours")
    hub.end(run["id"])
    assert run["project"] == "ours"
    assert [one["project"] for one in hub.ask(member, "GET", "/airlock").json()] == ["ours"]
    assert json.loads(json.dumps(asdict(find(hub.node, run["id"]))))["project"] == "ours"
