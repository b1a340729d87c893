"""The pages of who looks after people, in a real browser."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from kaname.access import organisations, projects, training
from kaname.access.accounts import add_account
from kaname.access.model import PEOPLE, Grant, Part
from kaname.access.remembered import changing
from kaname.access.sessions import make_signin
from kaname.database import reading
from kaname.gateway.index import LINKAGE
from kaname.node import Node
from kaname.testing.tokens import make_token
from kaname.testing.waiting import REGISTRIES, waiting_gateway
from kaname.web.app import make_app

Served = Any
"""See ``conftest.Served``."""
CRITERIA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DIGEST = "a" * 64
BOTH = ("j-mid", "basic")
PAGES = {
    "people": "/people",
    "person": "/people/森 花子",
    "self": "/people/root",
    "organisations": "/organisations",
    "projects": "/projects",
    "project": "/projects/nodules-2026",
    "tokens": "/tokens",
    "pairs": "/pairs",
    "why": "/audit?name=森 花子&duty=research&registry=j-mid&project=nodules-2026&channel=console",
    "ledger": "/ledger?actor=root",
}


@pytest.fixture(scope="module")
def filled(served: Served) -> Served:
    """A hub with an organisation, people, a project and tokens."""
    index, clock, at = served.node.index, served.node.clock, served.node.clock.stamp()
    add_account(index, "root", [Part("operator", one) for one in BOTH], "correct-horse-battery", clock)
    add_account(index, "阿部 一郎", [Part("reader", "basic"), Part("checker", "j-mid")], None, clock)
    with changing(index) as connection:
        organisations.make(connection, "univ-a", "A 大学", "university", at)
        organisations.make(connection, "clinic-b", "B 病院", "hospital", at)
        projects.make(connection, projects.drafted("nodules-2026", "肺結節の検出", "j-mid", "univ-a", at))
        projects.make(connection, projects.drafted("draft-1", "<b>Draft</b>", "basic", "univ-a", at))
        projects.agree(connection, "nodules-2026", DIGEST, "2999-03-31", at)
        projects.open_datasets(connection, "nodules-2026", ["thorax"], at)
        projects.grant_quota(connection, "nodules-2026", {"seconds": 360_000, "gpu_seconds": 7200}, at)
        projects.move(connection, "nodules-2026", "open", at)
    add_account(
        index, "森 花子", [Part("reader", "j-mid")], None, clock, organisation="univ-a", until="2999-01-01T00:00:00Z"
    )
    with changing(index) as connection:
        training.record(connection, "森 花子", "ethics", DIGEST, "2999-01-01", at)
        projects.join(connection, "nodules-2026", "森 花子", "researcher", at)
    make_token(index, name="loader", registries=["j-mid"], days=30, clock=clock, duties=("store",))
    return served


def signed_in(window: BrowserContext, address: str, node: Node, name: str, registries: tuple[str, ...]) -> Page:
    """A page of somebody who may do everything there."""
    grant = Grant.of_person(name, registries, PEOPLE)
    secret = make_signin(node.index, grant, place="console", clock=node.clock)
    opened = window.new_page()
    opened.goto(f"{address}/signin?once={secret}")
    opened.get_by_role("main").get_by_role("button").click()
    opened.wait_for_url(f"{address}/")
    return opened


def violations(page: Page, axe: str) -> list[Any]:
    """What axe-core finds wrong."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", CRITERIA)
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_breaks_a_rule(
    window: BrowserContext, filled: Served, axe: str, picture: Callable[[Page, str], Path], language: str
) -> None:
    """WCAG 2.2 A and AA as far as axe-core can tell, on every page in both languages."""
    page = signed_in(window, filled.console, filled.node, "root", BOTH)
    for name, path in PAGES.items():
        page.goto(f"{filled.console}{path}{'&' if '?' in path else '?'}lang={language}")
        assert violations(page, axe) == [], name
        picture(page, f"people-{name}-{language}")


def test_a_team_is_taken_in_by_hand(
    window: BrowserContext, filled: Served, axe: str, picture: Callable[[Page, str], Path]
) -> None:
    """An operator makes an account, gives the address away, and two persons close a project."""
    page = signed_in(window, filled.console, filled.node, "root", BOTH)
    page.goto(f"{filled.console}/people?lang=en")
    add = page.locator('form[action="/people/add"]')
    add.get_by_label("Name").fill("佐藤 & 次郎 / 100%")
    add.get_by_label("Role").select_option("reader")
    add.get_by_role("button").click()
    expect(page.locator("code.secret")).to_contain_text("/signin?once=")
    assert violations(page, axe) == []
    picture(page, "people-address-en")
    page.get_by_role("link", name="Back to this person").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("佐藤 & 次郎 / 100%")
    page.locator('form[action="/people/give"]').get_by_label("Role").select_option("checker")
    page.locator('form[action="/people/give"]').get_by_role("button").click()
    expect(page.locator("tbody tr").filter(has_text="checker")).to_have_count(1)

    page.goto(f"{filled.console}/projects/draft-1")
    page.get_by_label("Why it closes").fill("Never begun.")
    page.get_by_role("button", name="Ask to close it").click()
    page.wait_for_url(f"{filled.console}/pairs")
    second = signed_in(window, filled.console, filled.node, "second", BOTH)
    second.goto(f"{filled.console}/pairs?lang=en")
    second.get_by_role("button", name="Agree: draft-1").click()
    page = signed_in(window, filled.console, filled.node, "root", BOTH)
    page.goto(f"{filled.console}/pairs")
    assert violations(page, axe) == []
    picture(page, "people-pairs-agreed-en")
    page.get_by_role("button", name="Close it: draft-1").click()
    page.goto(f"{filled.console}/projects/draft-1")
    expect(page.locator(".state.project-closed")).to_be_visible()


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, str]]:
    """A gateway, answering on loopback."""
    made = waiting_gateway(tmp_path_factory.mktemp("hospital"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        node = replace(made.node, settings=replace(made.node.settings, port=port))
        server = uvicorn.Server(uvicorn.Config(make_app(node), http="h11", ws="none", lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield node, f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()
    made.node.index.dispose()


def test_who_a_subject_is_takes_two(
    window: BrowserContext, hospital: tuple[Node, str], axe: str, picture: Callable[[Page, str], Path]
) -> None:
    """Asked for, agreed to, shown once; no address of the browser names the patient."""
    node, address = hospital
    with reading(node.index) as connection:
        row = connection.execute(select(LINKAGE.c.registry, LINKAGE.c.subject)).first()
    assert row is not None
    page = signed_in(window, address, node, "desk", REGISTRIES)
    for language in ("en", "ja"):
        page.goto(f"{address}/identity?lang={language}")
        picture(page, f"identity-empty-{language}")
    page.locator('select[name="registry"]').select_option(row.registry)
    page.locator('input[name="subject"]').fill(row.subject)
    page.locator('form[action="/identity"] input[name="reason"]').fill("偶発所見を本人に伝えるため")
    page.locator('form[action="/identity"] button').click()
    assert violations(page, axe) == []
    picture(page, "identity-asked-ja")
    other = signed_in(window, address, node, "other", REGISTRIES)
    other.goto(f"{address}/identity")
    assert violations(other, axe) == []
    other.locator('button[value="agree"]').click()
    page = signed_in(window, address, node, "desk", REGISTRIES)
    page.goto(f"{address}/identity")
    page.locator("main button.strong").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("患者")
    assert violations(page, axe) == []
    picture(page, "identity-seen-ja")
    page.goto(f"{address}/identity")
    expect(page.locator("main button.strong")).to_have_count(0)
    for path in ("/people", "/tokens", "/organisations", "/pairs", "/audit"):
        page.goto(f"{address}{path}")
        assert violations(page, axe) == [], path
