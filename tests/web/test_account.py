"""One's own account over HTTP: profile, password, sessions and tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kaname.access import accounts as module
from kaname.access.accounts import add_account
from kaname.access.model import Grant, Part
from kaname.access.organisations import make
from kaname.access.remembered import changing
from kaname.access.sessions import make_signin
from kaname.access.tokens import check_token, tokens
from kaname.clock import Clock
from kaname.errors import Forbidden
from kaname.node import Node
from kaname.testing.deliveries import make_hub
from kaname.testing.waiting import waiting_gateway

PASSWORD = "a pass phrase for tests"
OTHER = "another phrase for tests"
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
PARTS = (Part("researcher", "j-mid"), Part("checker", "j-mid"), Part("reader", "basic", "lung"))
Browser = Any


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of a test cost little."""
    monkeypatch.setattr(module, "MEMORY_KIB", 64)
    monkeypatch.setattr(module, "PASSES", 1)
    module._hasher.cache_clear()
    module._nobody.cache_clear()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A hub with two people."""
    hub = make_hub(tmp_path / "home", clock=Clock(now=lambda: NOW))
    with changing(hub.index) as connection:
        make(connection, "uni", "要大学 <b>", "university", hub.clock.stamp())
    until = "2027-03-31T15:00:00Z"
    add_account(hub.index, "doctor", PARTS, PASSWORD, hub.clock, organisation="uni", until=until)
    add_account(hub.index, "other", PARTS, PASSWORD, hub.clock)
    yield hub
    hub.index.dispose()


def signed_in(browser: Browser, name: str = "doctor", password: str = PASSWORD) -> Browser:
    """The browser, once somebody has signed in."""
    assert browser.send("/signin", name=name, password=password).status_code == 303
    return browser


@pytest.fixture
def doctor(node: Node, browse: Callable[[Node], Browser]) -> Browser:
    """A browser of the first one."""
    return signed_in(browse(node))


def fill(browser: Browser, path: str, **fields: str) -> httpx.Response:
    """A form of the account's page."""
    (form, *_) = re.findall(r'name="form" value="([0-9a-f]{64})"', browser.get("/account").text)
    answer: httpx.Response = browser.send(path, form=form, **fields)
    return answer


def made(browser: Browser, **fields: str) -> str:
    """A new token's secret."""
    answer = fill(browser, "/account/tokens", **{"days": "9", "duty-browse": "on", "registry-j-mid": "on"} | fields)
    assert answer.status_code == 200, answer.text
    return re.findall(r'class="secret">([^<]+)<', answer.text)[0]


def test_one_sees_who_one_is(doctor: Browser) -> None:
    """Roles by registry and project in words, organisation, and when the account ends; on every page a way there."""
    page = doctor.get("/account").text
    for text in ("研究者", "持ち出し審査者", "読影者", "lung", "要大学 &lt;b&gt;", "2027-03-31 15:00 UTC"):
        assert text in page
    assert "clinic doctor" not in page
    assert "researcher" in doctor.get("/account?lang=en").text
    assert 'href="/account"' in doctor.get("/").text


def test_a_password_is_changed_by_who_knows_it(node: Node, doctor: Browser, browse: Callable[[Node], Browser]) -> None:
    """Other browsers are signed out, this one goes on; the old password opens nothing."""
    elsewhere = signed_in(browse(node))
    before = {one.value for one in doctor.cookies.jar}
    answer = fill(doctor, "/account/password", old=PASSWORD, new=OTHER, again=OTHER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert doctor.get("/account").status_code == 200
    assert before.isdisjoint({one.value for one in doctor.cookies.jar})
    assert elsewhere.get("/account").status_code == 401
    assert browse(node).send("/signin", name="doctor", password=PASSWORD).status_code == 403
    signed_in(browse(node), password=OTHER)
    (event,) = [event for event in node.ledger.events(about="doctor") if event.action == "password-changed"]
    assert event.facts == {}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"old": "wrong", "new": OTHER, "again": OTHER}, 403),
        ({"old": PASSWORD, "new": OTHER, "again": OTHER + "x"}, 422),
        ({"old": PASSWORD, "new": "short", "again": "short"}, 422),
        ({}, 403),
    ],
)
def test_a_password_is_not_changed_otherwise(doctor: Browser, fields: dict[str, str], status: int) -> None:
    """Without the old one, typed in two ways, or too weak."""
    answer = fill(doctor, "/account/password", **fields)
    assert answer.status_code == status
    assert OTHER not in answer.text
    signed_in(doctor)


def test_all_other_sessions_are_ended(node: Node, doctor: Browser, browse: Callable[[Node], Browser]) -> None:
    """One's own and nobody else's; this one stays, and an address that nobody has opened yet opens nothing any more."""
    mine, theirs = signed_in(browse(node)), signed_in(browse(node), "other")
    once = make_signin(node.index, Grant("doctor", PARTS), place="console", clock=node.clock, owner="doctor")
    assert doctor.get("/account").text.count('<th scope="row">2026-11-21 12:00 UTC') == 2
    assert fill(doctor, "/account/sessions").status_code == 303
    assert [browser.get("/account").status_code for browser in (doctor, mine, theirs)] == [200, 401, 200]
    assert browse(node).send("/signin", once=once).status_code == 403


def test_a_token_does_what_was_chosen(node: Node, doctor: Browser) -> None:
    """Shown once, listed without its secret, narrowed to duties, registries and networks, and gone when revoked."""
    secret = made(doctor, origins="10.1.0.0/16, 192.0.2.1")
    grant = check_token(node.index, secret, registry="j-mid", clock=node.clock, address="10.1.2.3")
    assert (grant.name, grant.duties, grant.registries) == ("doctor", ("browse",), ("j-mid",))
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(node.index, secret, registry=None, clock=node.clock, address="10.2.0.1")
    page = doctor.get("/account").text
    assert "10.1.0.0/16, 192.0.2.1/32" in page
    assert secret not in page
    (own,) = tokens(node.index, "doctor")
    assert fill(doctor, f"/account/tokens/{own.id}/revoke").status_code == 303
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(node.index, secret, registry=None, clock=node.clock, address="10.1.2.3")
    events = {event.action: event.facts for event in node.ledger.events(about="doctor")}
    assert events["token-made"] == {"duties": ["browse"], "registries": ["j-mid"], "days": 9}
    assert events["token-revoked"] == {"token": own.id}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"duty-browse": "", "registry-brain": "on", "registry-j-mid": ""}, 422),
        ({"days": "0"}, 400),
        ({"days": "367"}, 400),
        ({"days": "-1"}, 400),
        ({"days": "９"}, 400),
        ({"origins": "10.1.0.0/33"}, 422),
    ],
)
def test_a_token_is_no_more_than_its_owner(node: Node, doctor: Browser, fields: dict[str, str], status: int) -> None:
    """No registry, time or network that there is not."""
    asked = {"days": "9", "duty-browse": "on", "registry-j-mid": "on"} | fields
    answer = fill(doctor, "/account/tokens", **{name: value for name, value in asked.items() if value})
    assert answer.status_code == status
    assert tokens(node.index, "doctor") == ()


@pytest.mark.parametrize("duty", ["release", "identity", "people", "withdraw", "curate", "operate", "audit", "nothing"])
def test_a_token_has_no_duty_that_its_owner_lacks_or_that_asks_for_the_person(doctor: Browser, duty: str) -> None:
    """Whatever a form says."""
    fields = {"days": "9", f"duty-{duty}": "on", "registry-j-mid": "on"}
    assert fill(doctor, "/account/tokens", **fields).status_code == 422


def test_nobody_revokes_anothers_token(node: Node, doctor: Browser, browse: Callable[[Node], Browser]) -> None:
    """Its id is not known to them."""
    made(doctor)
    (own,) = tokens(node.index, "doctor")
    other = signed_in(browse(node), "other")
    assert fill(other, f"/account/tokens/{own.id}/revoke").status_code == 404
    assert tokens(node.index, "doctor") == (own,)


def test_a_token_asks_for_a_fresh_proof(node: Node, doctor: Browser, browse: Callable[[Node], Browser]) -> None:
    """The page leads there instead of showing a form that would be lost."""
    later = browse(replace(node, clock=Clock(now=lambda: NOW + timedelta(minutes=16))))
    later.cookies = doctor.cookies
    page = later.get("/account").text
    assert "/proof?next=/account" in page
    assert 'name="days"' not in page
    assert fill(later, "/account/tokens", days="9").status_code == 403


def test_a_gateway_has_the_same_pages(tmp_path: Path, browse: Callable[[Node], Browser]) -> None:
    """People sign in at a hospital in the same way."""
    gateway = waiting_gateway(tmp_path).node
    gateway = replace(gateway, settings=replace(gateway.settings, second_factor=()))
    add_account(gateway.index, "doctor", (Part("manager", "j-mid"),), PASSWORD, gateway.clock)
    browser = signed_in(browse(gateway))
    assert "施設データ管理者" in browser.get("/account").text
    assert browser.get("/account/second").status_code == 200
    assert browser.get("/proof").status_code == 200
    gateway.index.dispose()
