"""Signing in with second factors, and one's own account, in a real browser with Chromium's virtual authenticator."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import uvicorn
from playwright.sync_api import BrowserContext, CDPSession, Page, expect
from pyotp.totp import TOTP

from kaname.access.accounts import add_account, random_password
from kaname.access.challenges import Asked
from kaname.access.factors import factors
from kaname.access.model import PEOPLE, Part
from kaname.access.passkeys import question, site_of
from kaname.node import Node
from kaname.testing.deliveries import make_hub
from kaname.web.app import make_app

CRITERIA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GET = """async options => {
  const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), one => one.charCodeAt(0));
  const text = data => btoa(String.fromCharCode(...new Uint8Array(data)))
    .replace(/[+]/g, '-').replace(/[/]/g, '_').replace(/=+$/, '');
  const key = await navigator.credentials.get({publicKey: {...options, challenge: bytes(options.challenge)}});
  const response = {};
  for (const part of ['clientDataJSON', 'authenticatorData', 'signature', 'userHandle'])
    response[part] = text(key.response[part]);
  return JSON.stringify({id: key.id, rawId: text(key.rawId), type: key.type, response});
}"""
"""What a forged page would run."""


@dataclass(frozen=True, slots=True)
class Open:
    """A hub that demands a second factor of everybody."""

    node: Node
    port: int

    @property
    def address(self) -> str:
        """Where passkeys count."""
        return f"http://localhost:{self.port}"

    def person(self) -> tuple[str, str]:
        """Somebody new, who has a password and nothing else."""
        name, password = f"dr-{self.node.clock.new_id()[:8]}", random_password()
        parts = (Part("researcher", "j-mid"), Part("checker", "basic"))
        add_account(self.node.index, name, parts, password, self.node.clock)
        return name, password


@dataclass
class Desk:
    """Somebody at a browser with an authenticator."""

    page: Page
    door: Open
    name: str
    password: str
    cdp: CDPSession
    key: str
    """The authenticator's id."""

    def go(self, path: str) -> None:
        """Opens an address."""
        self.page.goto(self.door.address + path)

    def sign_in(self) -> None:
        """With name and password."""
        self.go("/signin?lang=ja")
        self.page.get_by_label("名前").fill(self.name)
        self.page.get_by_label("パスワード").fill(self.password)
        self.page.get_by_role("button", name="サインインする", exact=True).click()

    def at(self, path: str) -> None:
        """Waits until the browser is there."""
        self.page.wait_for_url(self.door.address + path)

    def press(self, button: str) -> None:
        """Presses a button of the page."""
        self.page.get_by_role("main").get_by_role("button", name=button, exact=True).click()

    def set_up_passkey(self) -> None:
        """A passkey, once the password was shown."""
        self.sign_in()
        self.at("/account/second")
        self.press("パスキーを登録する")
        expect(self.page.get_by_role("rowheader", name="この端末")).to_be_visible()

    def credentials(self) -> list[dict[str, Any]]:
        """What the authenticator holds."""
        held = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.key})
        found: list[dict[str, Any]] = held["credentials"]
        return found

    def hold(self, credential: dict[str, Any]) -> None:
        """Lets the authenticator hold this one alone."""
        self.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": self.key})
        self.cdp.send("WebAuthn.addCredential", {"authenticatorId": self.key, "credential": credential})

    def sign_out(self) -> None:
        """Ends the session."""
        self.page.get_by_role("button", name="サインアウト").click()
        self.at("/signin")


def answering(node: Node, listener: socket.socket) -> tuple[uvicorn.Server, threading.Thread]:
    """Serves the node there."""
    server = uvicorn.Server(uvicorn.Config(make_app(node), http="h11", ws="none", lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    return server, thread


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """The hub, answering on loopback."""
    hub = make_hub(tmp_path_factory.mktemp("factors") / "home")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        node = replace(hub, settings=replace(hub.settings, port=port, second_factor=PEOPLE))
        server, thread = answering(node, listener)
        yield Open(node, port)
        server.should_exit = True
        thread.join()
    hub.index.dispose()


@pytest.fixture
def desk(window: BrowserContext, door: Open) -> Desk:
    """Somebody who has not signed in yet."""
    page = window.new_page()
    cdp = window.new_cdp_session(page)
    return Desk(page, door, *door.person(), cdp, with_authenticator(cdp))


def with_authenticator(cdp: CDPSession) -> str:
    """Puts an authenticator of the platform behind a page: it verifies its owner by itself."""
    cdp.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made: str = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    return made


def test_a_passkey_is_the_second_factor(desk: Desk) -> None:
    """Set up by the password alone the first time; asked for after the password from then on."""
    desk.set_up_passkey()
    desk.go("/")
    desk.at("/")
    desk.sign_out()
    desk.sign_in()
    desk.at("/second?next=%2F")
    desk.press("パスキーで確認する")
    desk.at("/")
    (own,) = factors(desk.door.node.index, desk.name)
    assert (own.kind, own.label) == ("passkey", "この端末")
    assert own.used_at
    assert desk.credentials()[0]["isResidentCredential"]


def test_a_passkey_signs_in_alone(desk: Desk) -> None:
    """Without a name: it is two factors by itself, and no other is asked for."""
    desk.set_up_passkey()
    desk.sign_out()
    desk.press("パスキーでサインインする")
    desk.at("/")
    assert desk.name in desk.page.content()


def test_an_owner_who_is_not_verified_is_not_let_in(desk: Desk) -> None:
    """Whoever finds a phone has no PIN; the page says that nothing has happened."""
    desk.set_up_passkey()
    desk.sign_out()
    desk.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": desk.key, "isUserVerified": False})
    desk.press("パスキーでサインインする")
    expect(desk.page.locator("[data-told=failed]")).to_be_visible()
    desk.go("/account")
    assert "サインイン" in desk.page.title()


def test_one_authenticator_is_set_up_once(desk: Desk) -> None:
    """The browser refuses to make a second one, and the page says so."""
    desk.set_up_passkey()
    desk.press("パスキーを登録する")
    expect(desk.page.locator("[data-told=known]")).to_be_visible()
    assert len(factors(desk.door.node.index, desk.name)) == 1


def test_a_replayed_answer_opens_nothing(desk: Desk) -> None:
    """What went over the wire is worth nothing a second time."""
    sent: list[str] = []
    desk.page.on("request", lambda request: sent.append(request.post_data or ""))
    desk.set_up_passkey()
    desk.sign_out()
    desk.press("パスキーでサインインする")
    desk.at("/")
    (credential,) = parse_qs(next(body for body in reversed(sent) if "credential=%7B" in body))["credential"]
    again = httpx.post(
        f"{desk.door.address}/signin", data={"credential": credential}, headers={"Origin": desk.door.address}
    )
    assert again.status_code == 403
    assert "set-cookie" not in again.headers


def test_an_answer_given_at_another_origin_opens_nothing(desk: Desk) -> None:
    """A forged page on the same machine gets an answer from the key, and nothing from the hub."""
    desk.set_up_passkey()
    site = site_of(desk.door.node.settings)
    assert site is not None
    (credential,) = desk.credentials()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server, thread = answering(desk.door.node, listener)
        forged = desk.page.context.new_page()
        cdp = desk.page.context.new_cdp_session(forged)
        other = replace_desk(desk, forged, cdp)
        forged.goto(f"http://localhost:{listener.getsockname()[1]}/signin")
        other.hold(credential)
        options = dict(question(desk.door.node.index, site, Asked("signin"), desk.door.node.clock))
        answer = forged.evaluate(GET, {"challenge": options["challenge"], "userVerification": "required"})
        server.should_exit = True
        thread.join()
    assert json.loads(answer)["id"]
    refused = httpx.post(
        f"{desk.door.address}/signin", data={"credential": answer}, headers={"Origin": desk.door.address}
    )
    assert refused.status_code == 403
    assert "このパスキーでは確認できませんでした" in refused.text


def replace_desk(desk: Desk, page: Page, cdp: CDPSession) -> Desk:
    """The same person, at another page with an authenticator of its own."""
    return Desk(page, desk.door, desk.name, desk.password, cdp, with_authenticator(cdp))


def test_a_copied_key_is_told(desk: Desk) -> None:
    """One that counts no further than before is refused, and the person is told what that means."""
    desk.set_up_passkey()
    (copy,) = desk.credentials()
    desk.sign_out()
    desk.press("パスキーでサインインする")
    desk.at("/")
    desk.sign_out()
    desk.hold(copy)
    desk.press("パスキーでサインインする")
    expect(desk.page.get_by_text("複製された恐れがある")).to_be_visible()


def test_a_page_at_a_number_leads_to_the_name(desk: Desk) -> None:
    """Browsers take no passkey at 127.0.0.1: the page says where they work."""
    desk.page.goto(f"http://127.0.0.1:{desk.door.port}/signin?lang=ja")
    assert desk.page.locator("form[data-question]").count() == 0
    desk.page.get_by_role("link", name=desk.door.address).click()
    desk.at("/signin")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_breaks_a_rule(desk: Desk, axe: str, picture: Callable[[Page, str], Path], language: str) -> None:
    """WCAG 2.2 A and AA as far as axe-core can tell, from the first password to the account, in both languages."""
    page = desk.page

    def look(name: str) -> None:
        page.wait_for_load_state()
        page.evaluate(axe)
        found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", CRITERIA)
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]] == [], name
        picture(page, f"{name}-{language}")

    desk.sign_in()
    desk.at("/account/second")
    desk.go(f"/account/second?lang={language}")
    look("factors-first")
    page.locator("form[action='/account/second/app'] button").click()
    look("app")
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.locator("input[name=code]").fill(TOTP(secret).now())
    page.locator("button.strong:not(dialog *)").click()
    desk.at("/account/second")
    page.locator("form[action='/account/second/codes'] button").click()
    look("codes")
    assert len(re.findall(r"[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}", page.inner_text("main"))) == 10
    desk.go("/account/second")
    look("factors")
    desk.go("/proof?next=/account")
    look("proof")
    desk.go("/account")
    page.locator("input[name='duty-browse']").check()
    page.locator("input[name='registry-j-mid']").check()
    page.locator("form[action='/account/tokens'] button").click()
    look("token")
    desk.go("/account")
    look("account")
    page.set_viewport_size({"width": 320, "height": 800})
    for path in ("/account", "/account/second", "/proof"):
        desk.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("form[action='/signout'] button").click()
    desk.sign_in()
    desk.go(f"/second?next=/account&lang={language}")
    look("second")
    page.locator("input[name=code]").fill("000000")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]:not([hidden])")
    look("second-wrong")
    desk.go(f"/signin?lang={language}")
    look("signin-passkey")
