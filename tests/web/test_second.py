"""Second factors over HTTP: who is asked for one, how it is set up, shown, and shown once more."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyotp.totp import TOTP

from kaname.access import accounts as module
from kaname.access.accounts import add_account
from kaname.access.factors import factors
from kaname.access.model import PEOPLE, Grant, Part
from kaname.access.sessions import make_signin
from kaname.clock import Clock
from kaname.node import Node
from kaname.testing.authenticator import Authenticator
from kaname.testing.deliveries import make_hub
from kaname.web import factors as setting_up

PASSWORD = "a pass phrase for tests"
HTML = {"Accept": "text/html"}
Browser = Any


@dataclass
class Time:
    """A clock that a test moves."""

    now: datetime = datetime(2026, 11, 21, 12, 0, 10, tzinfo=UTC)

    def go(self, **by: float) -> None:
        """Later."""
        self.now += timedelta(**by)


@dataclass
class Person:
    """Somebody with a browser, in front of a node."""

    browser: Browser
    time: Time
    name: str = "reader"
    secret: str = ""

    def open(self, path: str) -> httpx.Response:
        """An address, as a browser asks for it."""
        answer: httpx.Response = self.browser.ask("GET", path, headers=HTML)
        return answer

    def fill(self, path: str, **fields: str) -> httpx.Response:
        """A form of the page that this session sees last."""
        answer: httpx.Response = self.browser.send(path, form=self.form_token(), **fields)
        return answer

    def form_token(self) -> str:
        """What this session's forms carry; the page of the second factor opens in every session."""
        page = self.open("/proof").text
        return re.findall(r'name="form" value="([0-9a-f]{64})"', page)[0]

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        """With name and password."""
        answer: httpx.Response = self.browser.send("/signin", name=self.name, password=password)
        return answer

    def set_up_app(self) -> None:
        """An app for codes."""
        page = self.fill("/account/second/app").text
        self.secret = re.findall(r'class="secret">([A-Z2-7 ]+)<', page)[0].replace(" ", "")
        question = re.findall(r'name="question" value="([^"]+)"', page)[0]
        done = self.fill("/account/second/app/confirm", question=question, code=self.code(), label="phone")
        assert (done.status_code, done.headers["location"]) == (303, "/account/second")

    def code(self) -> str:
        """What the app shows now."""
        return TOTP(self.secret).at(self.time.now)

    @property
    def cookie(self) -> str:
        """The session's secret."""
        (cookie,) = [one for one in self.browser.cookies.jar if "kaname_console_" in one.name]
        return str(cookie.value)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of a test cost little."""
    monkeypatch.setattr(module, "MEMORY_KIB", 64)
    monkeypatch.setattr(module, "PASSES", 1)
    module._hasher.cache_clear()
    module._nobody.cache_clear()


@pytest.fixture
def time() -> Time:
    """Now."""
    return Time()


@pytest.fixture
def node(tmp_path: Path, time: Time) -> Iterator[Node]:
    """A hub that demands a second factor of everybody, and a reader who has none yet."""
    hub = make_hub(tmp_path / "home", clock=Clock(now=lambda: time.now))
    demanding = replace(hub.settings, second_factor=PEOPLE, public_origin="http://localhost:8470")
    add_account(hub.index, "reader", (Part("reader", "j-mid"), Part("checker", "j-mid")), PASSWORD, hub.clock)
    yield replace(hub, settings=demanding)
    hub.index.dispose()


@pytest.fixture
def person(node: Node, time: Time, browse: Callable[[Node], Browser]) -> Person:
    """The reader, signed in by a password."""
    person = Person(browse(node), time)
    assert person.sign_in().status_code == 303
    return person


@pytest.fixture
def equipped(person: Person, time: Time) -> Person:
    """The same with an app, signed in anew by the password alone."""
    person.set_up_app()
    time.go(minutes=1)
    person.sign_in()
    return person


def test_a_password_alone_leads_to_setting_up_a_second_factor(person: Person) -> None:
    """No other page opens; a program is told why."""
    first = person.open("/")
    assert (first.status_code, first.headers["location"]) == (303, "/second?next=%2F")
    second = person.open("/second?next=%2F")
    assert (second.status_code, second.headers["location"]) == (303, "/account/second")
    assert "あなたの役割では" in person.open("/account/second").text
    assert person.browser.get("/tasks").status_code == 403
    assert person.open("/account").is_redirect


def test_setting_an_app_up_opens_the_console(person: Person, node: Node) -> None:
    """The session has another secret then, and the ledger says what kind of factor it was."""
    before = person.cookie
    person.set_up_app()
    assert person.cookie != before
    assert person.open("/").status_code == 200
    (event,) = [event for event in node.ledger.events(about="reader") if event.action == "factor-added"]
    assert (event.actor, event.facts) == ("reader", {"kind": "totp"})


def test_the_code_opens_the_console(equipped: Person, node: Node) -> None:
    """And leads on to where one wanted to go."""
    asked = equipped.open("/studies?modality=CT")
    assert asked.headers["location"] == "/second?next=%2Fstudies%3Fmodality%3DCT"
    assert 'autocomplete="one-time-code"' in equipped.open(asked.headers["location"]).text
    before = equipped.cookie
    shown = equipped.fill("/second", code=equipped.code(), next="/studies?modality=CT")
    assert (shown.status_code, shown.headers["location"]) == (303, "/studies?modality=CT")
    assert equipped.open("/").status_code == 200
    assert equipped.cookie != before
    assert [event.facts for event in node.ledger.events(about="reader") if event.action == "proof-shown"] == [
        {"by": "totp"}
    ]


def test_a_secret_from_before_opens_nothing(equipped: Person, browse: Callable[[Node], Browser]) -> None:
    """Whoever fixed a session's secret beforehand has nothing once its owner has shown more (session fixation)."""
    thief = browse(equipped.browser.node)
    thief.cookies = httpx.Cookies(equipped.browser.cookies)
    assert thief.get("/second").status_code == 200
    equipped.fill("/second", code=equipped.code())
    assert thief.get("/second").status_code == 401
    fixed = equipped.cookie
    equipped.sign_in()
    assert equipped.cookie != fixed
    thief.cookies = httpx.Cookies({next(one.name for one in equipped.browser.cookies.jar): fixed})
    assert thief.get("/second").status_code == 401


def test_a_thief_of_the_password_sets_nothing_up(equipped: Person) -> None:
    """Once somebody has a factor, another one asks for that first; so does taking it away."""
    asked = equipped.open("/account/second")
    assert asked.headers["location"] == "/second?next=%2Faccount%2Fsecond"
    (own,) = factors(equipped.browser.node.index, "reader")
    for path in ("/app", "/codes", "/passkey/question", f"/remove/{own.id}"):
        assert equipped.fill(f"/account/second{path}").status_code == 403
    assert factors(equipped.browser.node.index, "reader") == (own,)


def test_wrong_codes_are_told_and_counted(equipped: Person, node: Node) -> None:
    """The page says that the code was wrong; after five it says to wait; nothing that was typed is kept."""
    for _ in range(5):
        answer = equipped.fill("/second", code="123 456")
        assert answer.status_code == 403
        assert "このコードは違うか" in answer.text
    assert "15 分間受け付けません" in equipped.fill("/second", code=equipped.code()).text
    refused = [event for event in node.ledger.events(about="reader") if event.action == "proof-refused"]
    assert [event.facts for event in refused] == [{"by": "totp", "reason": "code-wrong"}] * 5
    equipped.time.go(minutes=16)
    assert equipped.fill("/second", code=equipped.code()).is_redirect


def test_a_recovery_code_stands_in_once(equipped: Person) -> None:
    """Shown once, each good once, and not for showing again what was shown before."""
    equipped.fill("/second", code=equipped.code())
    codes = re.findall(r'class="secret">([a-z2-9-]+)<', equipped.fill("/account/second/codes").text)
    assert len(codes) == 10
    assert codes[0] not in equipped.open("/account/second").text
    for left in ("残り 9 個", ""):
        equipped.sign_in()
        answer = equipped.fill("/second", recovery=codes[0].upper())
        assert answer.is_redirect == bool(left)
        assert not left or left in equipped.open("/account/second").text
    equipped.fill("/second", recovery=codes[1])
    assert equipped.fill("/proof", recovery=codes[2]).status_code == 403


def test_fresh_proof_is_asked_for_after_a_quarter_of_an_hour(equipped: Person) -> None:
    """Before what asks for it; a password is enough then, and leads back."""
    equipped.fill("/second", code=equipped.code())
    assert equipped.open("/account/second").status_code == 200
    equipped.time.go(minutes=16)
    asked = equipped.open("/account/second")
    assert asked.headers["location"] == "/proof?next=%2Faccount%2Fsecond"
    assert 'name="password"' in equipped.open(asked.headers["location"]).text
    assert equipped.fill("/proof", password="wrong", next="/account/second").status_code == 403
    before = equipped.cookie
    again = equipped.fill("/proof", password=PASSWORD, next="/account/second")
    assert again.headers["location"] == "/account/second"
    assert equipped.cookie != before
    assert equipped.open("/account/second").status_code == 200


def test_a_form_that_came_too_late_says_that_nothing_was_sent(equipped: Person) -> None:
    """And where to go: back to the page of the form, never to another host."""
    equipped.fill("/second", code=equipped.code())
    equipped.time.go(minutes=16)
    token = equipped.form_token()
    for referer, onward in (("http://door/account", "/account"), ("http://evil/account", "/")):
        headers = {"Origin": "http://door", "Referer": referer}
        answer = equipped.browser.ask("POST", "/account/tokens", data={"form": token, "days": "9"}, headers=headers)
        assert answer.status_code == 403
        assert "いま送った内容は、どこにも保存していません" in answer.text
        assert f'href="/proof?next={httpx.QueryParams({"next": onward})["next"].replace("/", "%2F")}"' in answer.text


@pytest.mark.parametrize(
    "onward",
    ["//evil", "https://evil/", "/\\evil", "javascript:alert(1)", "/a b", "/\tevil", "evil", "", "/" + "a" * 600],
)
def test_nobody_is_led_elsewhere(equipped: Person, onward: str) -> None:
    """What comes next is a path of ours, or the first page."""
    answer = equipped.fill("/second", code=equipped.code(), next=onward)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_foreign_form_proves_nothing(equipped: Person) -> None:
    """Neither of another page nor of another session."""
    token = equipped.form_token()
    for origin, form in (("http://evil", token), ("http://door", "0" * 64)):
        answer = equipped.browser.send("/second", origin, form=form, code=equipped.code())
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_an_operators_address_has_no_account(node: Node, time: Time, browse: Callable[[Node], Browser]) -> None:
    """It opens the console, and sets nothing up for anybody."""
    guest = Person(browse(node), time)
    grant = Grant.of_person("guest", ("j-mid",), ("reader",))
    guest.browser.send("/signin", once=make_signin(node.index, grant, place="console", clock=node.clock))
    assert guest.open("/").status_code == 200
    assert "本人の登録がありません" in guest.open("/account").text
    assert guest.open("/account/second").status_code == 403
    assert "サインインし直してください" in guest.open("/proof").text
    form = re.findall(r'name="form" value="([0-9a-f]{64})"', guest.open("/account").text)[0]
    for path in ("/proof", "/account/password", "/account/tokens", "/account/sessions", "/account/second/app"):
        assert guest.browser.send(path, form=form, password="x").status_code == 403


def test_a_passkey_is_set_up_and_signs_in(person: Person, node: Node, browse: Callable[[Node], Browser]) -> None:
    """As the second factor and alone; a replayed answer opens nothing."""
    key = Authenticator("http://localhost:8470", "localhost")
    made = key.make(person.fill("/account/second/passkey/question").json())
    assert person.fill("/account/second/passkey", credential=made, label="鍵").is_redirect
    assert person.open("/").status_code == 200
    person.sign_in()
    answer = key.answer(person.fill("/second/question").json())
    assert person.fill("/second", credential=answer).is_redirect
    assert person.fill("/second", credential=answer).status_code == 403
    alone = browse(node)
    options = alone.send("/signin/question").json()
    answer = key.answer(options)
    opened = alone.send("/signin", credential=answer)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    assert alone.get("/").status_code == 200
    assert browse(node).send("/signin", credential=answer).status_code == 403
    signed = [event.facts for event in node.ledger.events(about="reader") if event.action == "signed-in"]
    assert signed[-1] == {"by": "passkey"}
    key.count = 1
    copied = browse(node).send("/signin", credential=key.answer(alone.send("/signin/question").json()))
    assert "複製された恐れ" in html.unescape(copied.text)
    assert [event.about for event in node.ledger.events() if event.action == "signin-refused"] == ["passkey-copied"]


def test_signing_in_by_what_is_no_answer(node: Node, browse: Callable[[Node], Browser]) -> None:
    """Refused, and the form is shown again; nobody fills the ledger that way."""
    for sent in ("", "{}", "[]", "null", json.dumps({"id": "x", "response": {"clientDataJSON": "e30"}})):
        answer = browse(node).send("/signin", credential=sent)
        assert answer.status_code == 403
        assert 'name="password"' in answer.text
    assert [event for event in node.ledger.events() if event.action == "signin-refused"] == []


@pytest.mark.parametrize(
    ("origin", "said"),
    [("https://hub.example", "https://hub.example/signin"), ("https://192.0.2.7", "このノードのアドレスは番号なので")],
)
def test_the_page_says_where_passkeys_work(
    node: Node, browse: Callable[[Node], Browser], origin: str, said: str
) -> None:
    """Elsewhere it offers none."""
    other = replace(node, settings=replace(node.settings, public_origin=origin))
    page = browse(other).get("/signin").text
    assert said in page
    assert "data-question" not in page


def test_where_passkeys_work_the_pages_ask_for_one(node: Node, browse: Callable[[Node], Browser]) -> None:
    """On the page that signs in, without anything inline."""
    page = browse(node).ask("GET", "/signin", headers={"Host": "localhost:8470"})
    assert 'data-question="/signin/question"' in page.text
    assert browse(node).get("/static/passkey.js").headers["content-type"].startswith("text/javascript")


def test_over_tls_the_cookie_is_bound_to_the_host(node: Node, browse: Callable[[Node], Browser]) -> None:
    """``__Host-``, Secure, HttpOnly, SameSite=Strict, for all paths and no domain."""
    other = replace(node, settings=replace(node.settings, public_origin="https://hub.example"))
    header = browse(other).send("/signin", name="reader", password=PASSWORD).headers["set-cookie"]
    parts = header.split("; ")
    assert parts[0].startswith("__Host-kaname_console_")
    assert {"HttpOnly", "Path=/", "SameSite=strict", "Secure"} <= {*parts}
    assert "Domain" not in header


def test_one_sign_in_ends_the_one_before(person: Person, browse: Callable[[Node], Browser]) -> None:
    """In the same browser: whoever used it until then is out."""
    before = browse(person.browser.node)
    before.cookies = httpx.Cookies(person.browser.cookies)
    assert before.get("/second").status_code == 303
    person.sign_in()
    assert before.get("/second").status_code == 401


def test_of_two_who_know_the_password_one_sets_up_the_first_factor(
    person: Person, node: Node, browse: Callable[[Node], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though both were let on to it before there was one."""
    thief = Person(browse(person.browser.node), person.time)
    thief.sign_in()
    page = thief.fill("/account/second/app").text
    thief.secret = re.findall(r'class="secret">([A-Z2-7 ]+)<', page)[0].replace(" ", "")
    question = re.findall(r'name="question" value="([^"]+)"', page)[0]
    key = Authenticator("http://localhost:8470", "localhost")
    made = key.make(thief.fill("/account/second/passkey/question").json())
    person.set_up_app()
    monkeypatch.setattr(setting_up, "factors", lambda *_: ())  # as it was when the thief was let on
    late = thief.fill("/account/second/app/confirm", question=question, code=thief.code(), label="phone")
    assert late.status_code == 403
    assert thief.fill("/account/second/passkey", credential=json.dumps(made), label="stick").status_code == 403
    assert [one.kind for one in factors(node.index, "reader")] == ["totp"]


def test_a_page_that_names_no_address_leads_to_the_first_one(equipped: Person) -> None:
    """Whatever a browser says where it comes from."""
    for said in ("http://[", "http://door:none/x", "//[/"):
        headers = {**HTML, "Origin": "http://door", "Referer": said}
        answer = equipped.browser.ask("POST", "/account/password", headers=headers)
        assert (answer.status_code, 'href="/second?next=%2F"' in answer.text) == (403, True)
