"""The hospital's own console in a real browser."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, expect

from kaname.access.model import PEOPLE, Grant
from kaname.access.sessions import make_signin
from kaname.gateway import held
from kaname.gateway.hospital import Hospital
from kaname.testing.waiting import REGISTRIES, RIGHT_TO_LEFT, waiting_gateway
from kaname.web.app import make_app

CRITERIA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True, slots=True)
class Open:
    """A gateway whose door is open."""

    hospital: Hospital
    address: str

    def page_of(self, reason: str) -> str:
        """Where an item that waits for that reason is shown."""
        item = held.items(self.hospital, REGISTRIES, reason=reason)[0]
        return f"{self.address}/held/{item.kind}/{item.id}"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """The gateway, answering on loopback."""
    hospital = waiting_gateway(tmp_path_factory.mktemp("hospital"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        node = replace(hospital.node, settings=replace(hospital.node.settings, port=port))
        server = uvicorn.Server(uvicorn.Config(make_app(node), http="h11", ws="none", lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield Open(hospital, f"http://127.0.0.1:{port}")
        server.should_exit = True
        thread.join()
    hospital.node.index.dispose()


@pytest.fixture
def desk(window: BrowserContext, door: Open) -> Page:
    """A page of somebody who may check."""
    node = door.hospital.node
    secret = make_signin(node.index, Grant.of_person("checker", REGISTRIES, PEOPLE), place="console", clock=node.clock)
    opened = window.new_page()
    opened.goto(f"{door.address}/signin?once={secret}")
    opened.get_by_role("main").get_by_role("button").click()
    opened.wait_for_url(f"{door.address}/")
    return opened


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_breaks_a_rule(
    desk: Page, door: Open, axe: str, picture: Callable[[Page, str], Path], language: str
) -> None:
    """WCAG 2.2 A and AA as far as axe-core can tell, on every page of the hospital in both languages."""
    pages = {"home": door.address + "/", "held": f"{door.address}/held"}
    pages |= {
        reason: door.page_of(reason)
        for reason in ("text-in-pixels", "regions-missing", "file-without-record", "record-without-image", "not-dicom")
    }
    for name, address in pages.items():
        desk.goto(f"{address}?lang={language}")
        desk.evaluate(axe)
        found: dict[str, Any] = desk.evaluate("tags => axe.run(document, {runOnly: tags})", CRITERIA)
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]] == [], name
        picture(desk, f"hospital-{name}-{language}")


def test_from_the_first_page_to_both_pictures(desk: Page, door: Open) -> None:
    """A person goes from the count to the item and sees it as it came and as the crossing made it."""
    desk.locator('a[href*="reason=text-in-pixels"]').click()
    desk.locator("table.rows a").first.click()
    for image in desk.locator("figure img").all():
        expect(image).to_be_visible()
        assert image.evaluate("image => image.naturalWidth") > 0
    desk.goto(door.page_of("regions-missing"))
    after = desk.locator("figure img").nth(1)
    assert after.evaluate("image => image.naturalWidth") == 0
    assert after.get_attribute("alt")


def test_a_name_runs_nothing_and_turns_nothing(desk: Page, door: Open) -> None:
    """Markup in a name is text; a right-to-left name stays in its own cell."""
    names: list[str] = []
    for item in held.items(door.hospital, ("j-mid", "nsdd")):
        desk.goto(f"{door.address}/held/{item.kind}/{item.id}")
        names += desk.locator("td bdi").all_inner_texts()
        assert desk.locator("main script").count() == 0
    assert RIGHT_TO_LEFT in names
    assert any(name.startswith("<script>alert(1)") for name in names)
