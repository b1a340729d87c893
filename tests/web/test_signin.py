"""The form of name and password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kaname.access.accounts import add_account
from kaname.access.model import Part
from kaname.clock import Clock
from kaname.node import Node

PASSWORD = "a pass phrase for tests"
Browser = Any


@pytest.fixture(scope="module")
def with_account(busy: Node) -> Node:
    """The hub, with somebody who has a password."""
    add_account(busy.index, "dr-form", (Part("doctor", "j-mid"), Part("reader", "j-mid")), PASSWORD, busy.clock)
    return busy


def test_name_and_password_open_a_session(with_account: Node, browse: Callable[[Node], Browser]) -> None:
    """With the duties and registries of the account; how somebody signed in stands in the ledger."""
    browser = browse(with_account)
    assert 'type="password"' in browser.get("/").text
    answer = browser.send("/signin", name="dr-form", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    page = browser.get("/").text
    assert "dr-form" in page
    assert "J-MID" in page
    assert "一般" not in page
    (event,) = [event for event in with_account.ledger.events(about="dr-form") if event.action == "signed-in"]
    assert event.facts == {"by": "password"}


@pytest.mark.parametrize(
    "fields", [{"name": "dr-form", "password": "no"}, {"name": "nobody", "password": PASSWORD}, {}]
)
def test_wrong_ones_show_the_form_again(
    with_account: Node, browse: Callable[[Node], Browser], fields: dict[str, str]
) -> None:
    """With a sentence that tells nothing of who has an account, and nothing of what was typed."""
    answer = browse(with_account).send("/signin", **fields)
    assert answer.status_code == 403
    assert "名前かパスワードが違います" in answer.text
    assert 'name="password"' in answer.text
    assert "nobody" not in answer.text
    assert PASSWORD not in answer.text


def test_after_five_wrong_ones_the_page_says_to_wait(with_account: Node, browse: Callable[[Node], Browser]) -> None:
    """The right one is not taken either, and a quarter of an hour later it is."""
    add_account(with_account.index, "dr-locked", (Part("doctor", "j-mid"),), PASSWORD, with_account.clock)
    browser = browse(with_account)
    for _ in range(5):
        browser.send("/signin", name="dr-locked", password="wrong")
    assert "15 分間受け付けません" in browser.send("/signin", name="dr-locked", password=PASSWORD).text
    later = Clock(now=lambda: with_account.clock.now() + timedelta(minutes=16))
    assert browse(replace(with_account, clock=later)).send("/signin", name="dr-locked", password=PASSWORD).is_redirect


def test_a_form_of_another_page_signs_nobody_in(with_account: Node, browse: Callable[[Node], Browser]) -> None:
    """Even with the right password."""
    answer = browse(with_account).send("/signin", "http://evil", name="dr-form", password=PASSWORD)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_form_with_a_letter_that_no_database_has(with_account: Node, browse: Callable[[Node], Browser]) -> None:
    """Refused as no form, before any name is looked for."""
    assert browse(with_account).send("/signin", name="a\0b", password="x").status_code == 400
