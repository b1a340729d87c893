from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

CRITERIA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    """What axe-core finds on the page that is shown: the rule, and the elements that break it."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", CRITERIA)
    assert found["passes"], "axe looked at nothing"
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_breaks_a_rule_of_accessibility(page: Page, served: Any, axe: str, language: str) -> None:
    """WCAG 2.2 A and AA as far as axe-core can tell, and its own advice, on every page in both languages."""
    for path in ("/", "/studies?registry=j-mid", "/airlock", "/signin", "/signin?once=x", "/studies?registry=none"):
        page.goto(f"{served.console}{path}{'&' if '?' in path else '?'}lang={language}")
        assert violations(page, axe) == [], path


def test_pages_without_a_session_break_no_rule_either(window: BrowserContext, served: Any, axe: str) -> None:
    """How to sign in, and an address that was used already."""
    stranger = window.new_page()
    stranger.goto(served.console)
    assert violations(stranger, axe) == []
    stranger.goto(f"{served.console}/signin?once=used")
    stranger.get_by_role("main").get_by_role("button").click()
    stranger.wait_for_selector(".reason")
    assert violations(stranger, axe) == []


def test_a_broken_rule_is_found(page: Page, axe: str) -> None:
    """The check sees a picture without words and text too pale to read."""
    page.evaluate("document.querySelector('main').innerHTML += '<img src=x><p style=color:#eee>pale</p>'")
    page.evaluate("document.querySelector('main p:last-child').style.color = '#eee'")
    assert {"image-alt", "color-contrast"} <= {rule for rule, _ in violations(page, axe)}


def test_the_first_page_fits_a_narrow_screen(page: Page, picture: Callable[[Page, str], Path]) -> None:
    """At 320 pixels, which is 400 % zoom, the page itself does not scroll sideways; tables scroll in their frames."""
    picture(page, "console-ja")
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    picture(page, "console-narrow")


def test_everything_is_reached_without_a_mouse(page: Page, served: Any, picture: Callable[[Page, str], Path]) -> None:
    """The first key leads past the menu; in a list J and K move from row to row, and nowhere else."""
    page.goto(f"{served.console}/studies?registry=j-mid&lang=ja")
    picture(page, "studies-ja")
    page.goto(f"{served.console}/airlock?lang=ja")
    page.locator("summary").first.click()
    picture(page, "airlock-ja")
    page.goto(f"{served.console}/studies?registry=j-mid&lang=ja")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    buttons = page.get_by_role("button", name="見る")
    if not buttons.count():
        pytest.skip("the viewer is not prepared: python tools/make_viewer.py")
    assert not buttons.first.evaluate("button => button === document.activeElement")
    buttons.first.focus()
    page.keyboard.press("j")
    assert buttons.nth(1).evaluate("button => button === document.activeElement")
    page.keyboard.press("ArrowUp")
    assert buttons.first.evaluate("button => button === document.activeElement")


def test_the_policy_stops_what_is_not_ours(page: Page) -> None:
    """A script that got into the page would not run, and could load nothing from elsewhere."""
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("fetch('/healthz').then(() => 'went', () => 'stopped')") == "stopped"


def test_nobody_else_can_read_or_send(page: Page, served: Any) -> None:
    """Code at the viewer's origin is another origin to the console: it cannot read a page nor send a form."""
    opened = page.context.new_page()
    opened.goto(f"{served.viewer}/ohif/app-config.js")
    read = f"fetch('{served.console}/', {{credentials: 'include'}}).then(() => 'read', () => 'stopped')"
    assert opened.evaluate(read) == "stopped"
    opened.evaluate(
        f"fetch('{served.console}/signout', {{method: 'POST', mode: 'no-cors', credentials: 'include'}})"
        ".then(() => 0, () => 0)"
    )
    page.goto(f"{served.console}/?lang=ja")
    assert page.get_by_role("button", name="サインアウト").is_visible()


def test_signing_out_leaves_nothing_to_go_back_to(page: Page, served: Any) -> None:
    """The browser's back button shows no page of the session."""
    page.goto(f"{served.console}/?lang=ja")
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url("**/signin")
    page.go_back()
    assert "J-MID" not in page.content()
