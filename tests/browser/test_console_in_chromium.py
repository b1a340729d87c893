from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from kaname.access.accounts import add_account
from kaname.access.model import Part
from kaname.compute.flow import runs

CRITERIA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, axe: str) -> list[tuple[str, list[str]]]:
    """What axe-core finds on the page that is shown: the rule, and the elements that break it."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", CRITERIA)
    assert found["passes"], "axe looked at nothing"
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_breaks_a_rule_of_accessibility(
    page: Page, served: Any, axe: str, language: str, picture: Callable[[Page, str], Path]
) -> None:
    """WCAG 2.2 A and AA as far as axe-core can tell, and its own advice, on every page in both languages."""
    (run, *_) = runs(served.node, ["j-mid"], 1)
    page.goto(f"{served.console}/studies")
    study = page.locator("table.rows a").first.get_attribute("href")
    paths = (
        *("/", "/collection", "/studies?registry=j-mid", study, "/held", "/research", "/datasets/thorax/1"),
        *("/models/nodules/1", f"/jobs/{run.id}", "/withdrawals", "/ledger", "/airlock", "/tasks"),
        *("/signin", "/signin?once=x", "/studies?registry=none", "/studies/1.2.3"),
    )
    for path in paths:
        page.goto(f"{served.console}{path}{'&' if '?' in path else '?'}lang={language}")
        assert violations(page, axe) == [], path
        picture(page, f"{path.strip('/').partition('?')[0].partition('/')[0] or 'home'}-{language}")


def test_pages_without_a_session_break_no_rule_either(window: BrowserContext, served: Any, axe: str) -> None:
    """How to sign in, and an address that was used already."""
    stranger = window.new_page()
    stranger.goto(served.console)
    assert violations(stranger, axe) == []
    stranger.goto(f"{served.console}/signin?once=used")
    stranger.get_by_role("main").get_by_role("button").click()
    stranger.wait_for_selector("[role=alert]")
    assert violations(stranger, axe) == []


def test_a_broken_rule_is_found(page: Page, axe: str) -> None:
    """The check sees a picture without words and text too pale to read."""
    page.evaluate("document.querySelector('main').innerHTML += '<img src=x><p style=color:#eee>pale</p>'")
    page.evaluate("document.querySelector('main p:last-child').style.color = '#eee'")
    assert {"image-alt", "color-contrast"} <= {rule for rule, _ in violations(page, axe)}


def test_pages_fit_a_narrow_screen(page: Page, served: Any, picture: Callable[[Page, str], Path]) -> None:
    """At 320 pixels, which is 400 % zoom, no page itself scrolls sideways; tables scroll in their frames."""
    page.set_viewport_size({"width": 320, "height": 800})
    paths = ("/", "/collection", "/studies", "/held", "/research", "/datasets/thorax/1", "/models/nodules/1", "/ledger")
    for path in paths:
        page.goto(f"{served.console}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path
    picture(page, "console-narrow")


def test_everything_is_reached_without_a_mouse(page: Page, served: Any) -> None:
    """The first key leads past the menu; in a list J and K move from row to row, nowhere else; / goes to a field."""
    page.goto(f"{served.console}/studies?registry=j-mid&lang=ja")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    links = page.locator("table.rows tbody a")
    assert not links.first.evaluate("link => link === document.activeElement")
    links.first.focus()
    page.keyboard.press("j")
    assert links.nth(1).evaluate("link => link === document.activeElement")
    page.keyboard.press("ArrowUp")
    assert links.first.evaluate("link => link === document.activeElement")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "text"
    page.keyboard.type("j?")
    assert page.input_value("input[name=text]") == "j?"
    page.goto(f"{served.console}/studies?registry=j-mid")
    links.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/2.25.*")


def test_the_keys_are_told_on_every_page(
    page: Page, served: Any, axe: str, picture: Callable[[Page, str], Path]
) -> None:
    """The question mark opens the sheet and Escape closes it; whoever does not want single letters turns them off."""
    for path in ("/", "/collection", "/ledger"):
        page.goto(f"{served.console}{path}?lang=ja")
        page.keyboard.press("?")
        assert page.get_by_role("dialog", name="キー操作").is_visible()
        assert violations(page, axe) == []
        picture(page, "keys-ja")
        page.keyboard.press("Escape")
        assert not page.get_by_role("dialog").is_visible()
    page.get_by_role("button", name="キー操作").click()
    page.get_by_label("1 文字のキーを使う").uncheck()
    page.get_by_role("button", name="閉じる").click()
    page.goto(f"{served.console}/studies")
    page.keyboard.press("?")
    assert not page.get_by_role("dialog").is_visible()


def test_name_and_password_sign_in(
    window: BrowserContext, served: Any, axe: str, picture: Callable[[Page, str], Path]
) -> None:
    """By keyboard alone; a wrong password is told beside the form, which keeps to the rules of accessibility."""
    add_account(served.node.index, "dr-keys", (Part("doctor", "j-mid"),), "a pass phrase for tests", served.node.clock)
    page = window.new_page()
    page.goto(f"{served.console}/signin?lang=ja")
    page.keyboard.type("dr-keys")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong one")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert violations(page, axe) == []
    picture(page, "signin-wrong-ja")
    page.get_by_label("名前").fill("dr-keys")
    page.get_by_label("パスワード").fill("a pass phrase for tests")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served.console}/")
    assert "dr-keys" in page.content()


def test_the_language_is_switched_in_place(page: Page, served: Any) -> None:
    """The same page with the same filters, in the other language."""
    page.goto(f"{served.console}/studies?registry=j-mid&modality=CT&lang=ja")
    page.get_by_role("link", name="English").click()
    assert "registry=j-mid" in page.url
    assert "modality=CT" in page.url
    assert page.get_by_role("heading", level=1).inner_text() == "Studies"


def test_the_policy_stops_what_is_not_ours(page: Page, served: Any) -> None:
    """A script that got into the page would not run, and could load nothing from elsewhere."""
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None
    elsewhere = f"fetch('{served.viewer}/ohif/app-config.js').then(() => 'went', () => 'stopped')"
    assert page.evaluate(elsewhere) == "stopped"


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
