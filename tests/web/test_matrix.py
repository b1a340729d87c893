"""The authorisation matrix: every route of the people's door, asked by every role from inside and outside a registry.

Which duties a route asks for is read from its declaration; which duties a role has stands in a table of its own here
and is not asked of the policies. Whoever has no session or token gets 401, whoever lacks the duty 403, and for whoever
has it in the other registry alone nothing of this one exists.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from kaname.access import organisations, pairs, projects
from kaname.access.accounts import add_account
from kaname.access.model import PEOPLE, Duty, Grant, Part, Role
from kaname.access.projects import State
from kaname.access.remembered import changing
from kaname.access.sessions import make_signin, open_session
from kaname.access.tokens import issue, tokens
from kaname.airlock.flow import requests
from kaname.annotation.flow import cases
from kaname.annotation.model import Sought
from kaname.archive.model import Level
from kaname.archive.query import search
from kaname.archive.question import ask
from kaname.compute.flow import runs
from kaname.node import Node
from kaname.testing.busy import busy_hub
from kaname.web.app import make_app
from kaname.web.declared import Declared, declared
from kaname.web.limits import Rates
from kaname.web.signin import COOKIE, FORM_TOKEN, cookie_name

pytestmark = pytest.mark.xdist_group("matrix")  # one node for all tests of this file

HERE, ELSEWHERE = "j-mid", "basic"
KEEPER, PROJECT, ORGANISATION = "keeper-of-the-matrix", "lungs-of-the-matrix", "univ-a"
HOST = "http://door"
ROLES: dict[Role, set[Duty]] = {
    "manager": {"browse", "identity"},
    "curator": {"browse", "pixels", "store", "curate"},
    "reader": {"read", "pixels"},
    "adjudicator": {"adjudicate", "pixels"},
    "researcher": {"browse", "research", "pixels"},
    "checker": {"check", "release"},
    "operator": {"operate", "people"},
    "auditor": {"audit"},
    "doctor": {"browse", "pixels"},
    "desk": {"withdraw", "identity"},
}
WHOLE = {"GET /ledger", "POST /ledger", "GET /audit", "POST /organisations", "POST /organisations/{id}/end"}
"""Routes about the node as a whole: a duty in one of its registries is not enough."""
STEPS: dict[State, tuple[State, ...]] = {
    "draft": (),
    "open": ("open",),
    "suspended": ("open", "suspended"),
    "closed": ("open", "closed"),
}
"""How a project gets to each state."""
OF_SLIDES = {"/media/{series}/slide", "/media/{series}/tiles/{level}/{column}/{row}"}
"""Not found in a CT, whoever asks."""
MANY = Rates(known=10**9, strangers=10**9, secrets=10**9, bad_tokens=10**9)
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Things:
    """What there is in the registry, by the names that routes have for it."""

    study: str
    series: str
    instance: str
    case: str
    run: str
    request: str
    token: str
    pair: str

    def of(self, route: str, name: str) -> str:
        """The value of a parameter of a route."""
        own: dict[str, str] = {
            "StudyInstanceUID": self.study,
            "SeriesInstanceUID": self.series,
            "series": self.series,
            "SOPInstanceUID": self.instance,
            "uid": self.study if route.startswith("/studies") else self.instance,
            "run_id": self.run,
            "request_id": self.request,
            "version": "1",
            "frames": "1",
            "number": "1",
            "path:path": "7FE00010",
            "level": "0",
            "column": "0",
            "row": "0",
            "name:path": KEEPER,
        }
        named = {"tasks": "nodules", "datasets": "thorax", "models": "nodules", "files": "log", "static": "console.css"}
        if name == "name":
            return next(value for part, value in named.items() if f"/{part}/" in route)
        if name == "id":
            ids = {"cases": self.case, "projects": PROJECT, "organisations": ORGANISATION, "pairs": self.pair}
            return next((value for part, value in ids.items() if f"/{part}/" in route), self.token)
        return own[name]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody outside the registry is told."""
        own = (self.study, self.series, self.instance, self.case, self.run, self.request, self.pair, self.token)
        return (*own, "thorax", "nodules", KEEPER, PROJECT)


class Matrix:
    """The door of a node with everything in it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.app = make_app(node, MANY)
        self.routes = [one for one in declared(self.app) if one.permits[0].duties]
        self.open = [one for one in declared(self.app) if not one.permits[0].duties]
        study = found(node, "study")
        uid = study["0020000D"]["Value"][0]
        instance = found(node, "instance", ("StudyInstanceUID", uid))
        self.things = Things(
            uid,
            instance["0020000E"]["Value"][0],
            instance["00080018"]["Value"][0],
            cases(node, "nodules", Sought("open", limit=1))[0].id,
            runs(node, (HERE,))[0].id,
            requests(node, (HERE,), "in-review")[0].id,
            self._program(),
            people_and_projects(node),
        )

    def _program(self) -> str:
        """The id of a new program's token."""
        issue(self.node.index, Grant.of_program("pacs", (HERE,), ("browse",)), days=1, clock=self.node.clock)
        return next(one.id for one in tokens(self.node.index) if one.grant.name == "pacs")

    def headers(self, route: Declared, grant: Grant | None) -> dict[str, str]:
        """How that person shows who they are on a route: a token or a cookie; ``None``: nobody."""
        if grant is None:
            return {}
        if route.path.startswith(("/api", "/dicomweb")):
            return {"Authorization": f"Bearer {issue(self.node.index, grant, days=1, clock=self.node.clock)}"}
        secret = make_signin(self.node.index, grant, place="console", clock=self.node.clock)
        session = open_session(self.node.index, secret, place="console", clock=self.node.clock)
        return {
            "Cookie": f"{cookie_name(COOKIE, self.node)}={session.secret}",
            "Origin": HOST,
            "X-Form": session.form_token,
        }

    def path(self, route: Declared) -> str:
        """A route's path about what there is."""
        whole = route.path
        for name in [part.partition("}")[0] for part in whole.split("{")[1:]]:
            whole = whole.replace(f"{{{name}}}", self.things.of(route.path, name))
        return whole + (f"?study={self.things.study}" if whole.endswith("/predictions") else "")

    async def ask(self, client: httpx.AsyncClient, route: Declared, grant: Grant | None) -> httpx.Response:
        """One request that is complete but for what it would change."""
        headers = self.headers(route, grant)
        if route.path == "/tokens/{id}/revoke":
            self.things = replace(self.things, token=self._program())
        token = headers.pop("X-Form", "")
        body: dict[str, Any] = {}
        if route.method == "POST" and route.path.startswith(("/api", "/dicomweb")):
            kind = {} if grant is None or grant.may("read") else {"kind": "adjudication"}
            body = {"json": {"study": self.things.study} if route.path.endswith("tickets") else kind}
        elif route.method == "POST":
            body = {"data": {FORM_TOKEN: token}}
        return await client.request(route.method, self.path(route), headers=headers, **body)

    def ask_all(self, routes: list[Declared], grant: Grant | None) -> list[tuple[Declared, httpx.Response]]:
        """Every route, asked by one person."""

        async def go() -> list[tuple[Declared, httpx.Response]]:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
                return [(route, await self.ask(client, route, grant)) for route in routes]

        return asyncio.run(go())


def found(node: Node, level: Level, *terms: tuple[str, str]) -> dict[str, Any]:
    """The first that a search finds in the registry."""
    documents: list[dict[str, Any]] = json.loads(search(node, ask(level, [*terms]), (HERE,)).to_json())
    return documents[0]


def code_of(answer: httpx.Response) -> str:
    """The reason code of an answer, from JSON or from a page; empty when it tells none."""
    if answer.headers.get("content-type", "").startswith(JSON) and answer.status_code >= 400:
        return str(json.loads(answer.content).get("code", ""))
    told = answer.text.partition("理由コード ")[2].partition("<")[0] if answer.status_code >= 400 else ""
    return told.strip()


def denied(answer: httpx.Response) -> bool:
    """Whether somebody was turned away for who they are."""
    return answer.status_code in {401, 403} and code_of(answer) not in {"two-persons", "not-requester"}


def people_and_projects(node: Node) -> str:
    """Somebody, an organisation and a project of the registry; returns the id of what waits for a second person."""
    add_account(node.index, KEEPER, (Part("curator", HERE),), None, node.clock)
    at = node.clock.stamp()
    with changing(node.index) as connection:
        organisations.make(connection, ORGANISATION, "大学", "university", at)
        projects.make(connection, projects.drafted(PROJECT, "結節", HERE, ORGANISATION, at))
        return pairs.ask(connection, "project-close", PROJECT, HERE, KEEPER, "もう終わった。", node.clock).id


def project_in(node: Node, name: str, state: State) -> None:
    """A project that opens the registry's dataset, moved to a state."""
    at = node.clock.stamp()
    with changing(node.index) as connection:
        projects.make(connection, projects.drafted(name, "結節", HERE, ORGANISATION, at))
        projects.agree(connection, name, "a" * 64, "", at)
        projects.open_datasets(connection, name, ["thorax"], at)
        for step in {"draft": (), "open": ("open",), "suspended": ("open", "suspended"), "closed": ("open", "closed")}[
            state
        ]:
            projects.move(connection, name, step, at)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """The door of a cloud, that has every route, with something behind each."""
    folder = tmp_path_factory.mktemp("matrix")
    node = busy_hub(folder / "home", folder)
    yield Matrix(replace(node, settings=replace(node.settings, role="cloud")))
    node.index.dispose()


def test_nobody_gets_anything_without_showing_who_they_are(matrix: Matrix) -> None:
    """401 from every route that asks for a duty."""
    wrong = [
        f"{route.method} {route.path}: {answer.status_code}"
        for route, answer in matrix.ask_all(matrix.routes, None)
        if answer.status_code != 401
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", PEOPLE)
def test_inside_a_registry_a_role_opens_its_routes_and_no_other(matrix: Matrix, role: Role) -> None:
    """Role × route: whoever has the duty is let through to what there is, whoever lacks it gets 403."""
    grant = Grant("somebody", (Part(role, HERE),))
    wrong: list[str] = []
    for route, answer in matrix.ask_all(matrix.routes, grant):
        duties = {*route.permits[0].duties} & ROLES[role]
        if role == "researcher" and route.path.startswith(("/api", "/dicomweb")):
            duties -= {"pixels"}
        if f"{route.method} {route.path}" in WHOLE:
            duties = set()
        shut = denied(answer)
        if shut == bool(duties) or answer.status_code in {500, 502}:
            wrong.append(f"{route.method} {route.path}: {answer.status_code} {code_of(answer)}")
        if duties and route.method == "GET" and code_of(answer) == "not-found" and route.path not in OF_SLIDES:
            wrong.append(f"{route.method} {route.path}: hidden from whom it is open to")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", PEOPLE)
def test_outside_a_registry_nothing_of_it_exists(matrix: Matrix, role: Role) -> None:
    """Role × route, with the duties in the other registry: no thing by its known id, and no word of any in a list."""
    grant = Grant("somebody", (Part(role, ELSEWHERE),))
    wrong: list[str] = []
    for route, answer in matrix.ask_all(matrix.routes, grant):
        if route.method == "GET" and any(secret in answer.text for secret in matrix.things.secrets):
            shown = [
                secret for secret in matrix.things.secrets if secret in answer.text.replace(matrix.path(route), "")
            ]
            if shown:
                wrong.append(f"{route.method} {route.path}: told {shown}")
        if "{" in route.path and answer.is_success:
            named = answer.text if answer.headers.get("content-type", "").endswith("json") else "something"
            if named not in {"[]", ""}:
                wrong.append(f"{route.method} {route.path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_all_roles_of_the_whole_node_open_every_route(matrix: Matrix) -> None:
    """So no route is shut to everybody, and the tests above do not pass for want of the thing."""
    grant = Grant.of_person("everybody", (HERE, ELSEWHERE), PEOPLE)
    wrong = [
        f"{route.method} {route.path}: {answer.status_code} {code_of(answer)}"
        for route, answer in matrix.ask_all(matrix.routes, grant)
        if denied(answer) and not (route.path.startswith(("/api", "/dicomweb")) and "people" in route.permits[0].duties)
    ]
    assert not wrong, "\n".join(wrong)


def test_a_token_narrowed_to_something_else_opens_nothing(matrix: Matrix) -> None:
    """Whatever its owner may do."""
    grant = replace(Grant.of_person("everybody", (HERE, ELSEWHERE), PEOPLE), duties=("audit",))
    routes = [one for one in matrix.routes if one.path.startswith(("/api", "/dicomweb"))]
    assert len(routes) > 30
    assert all(denied(answer) for _, answer in matrix.ask_all(routes, grant))


@pytest.mark.parametrize("weak", [True, False])
def test_no_route_opens_without_the_second_factor_and_some_not_without_a_fresh_proof(
    matrix: Matrix, *, weak: bool
) -> None:
    """Every route's own duties, asked in a session that lacks either."""
    every = Grant.of_person("everybody", (HERE, ELSEWHERE), PEOPLE)
    grant = replace(every, weak=weak, fresh=weak)
    for route in matrix.routes:
        duties = {*route.permits[0].duties}
        decided = any(grant.may(duty) for duty in duties)
        assert decided == (not weak and not duties <= {"release", "identity", "people"}), route.path


@pytest.mark.parametrize("state", ["draft", "open", "suspended", "closed"])
def test_a_part_in_a_project_opens_what_the_project_opens_while_it_is_open(matrix: Matrix, state: State) -> None:
    """Every route × project state: its dataset, as long as it is open; nothing else of the registry, ever."""
    name = f"of-the-matrix-{state}"
    project_in(matrix.node, name, state)
    grant = Grant("member", (Part("researcher", HERE, name),))
    opened = {"/api/v1/datasets", "/api/v1/datasets/{name}", "/api/v1/datasets/{name}/{version}", "/research"}
    opened |= {"/datasets/{name}/{version}"}
    wrong: list[str] = []
    for route, answer in matrix.ask_all(matrix.routes, grant):
        told = [one for one in matrix.things.secrets if one in answer.text.replace(matrix.path(route), "")]
        if route.path in opened and state == "open":
            if not answer.is_success or "thorax" not in answer.text:
                wrong.append(f"{route.method} {route.path}: {answer.status_code} {code_of(answer)}")
        elif told or (answer.is_success and "{" in route.path and answer.text != "[]"):
            wrong.append(f"{route.method} {route.path}: {answer.status_code} told {told}")
    assert not wrong, "\n".join(wrong)
