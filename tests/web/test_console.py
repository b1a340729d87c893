import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kaname.access.model import Grant
from kaname.access.sessions import make_signin
from kaname.airlock.flow import find, requests
from kaname.node import Node
from kaname.testing.busy import busy_hub

HOST = "http://door"
VIEWER_PORT = 8472
Browser = Any


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub with something in every room."""
    folder = tmp_path_factory.mktemp("hub")
    made = busy_hub(folder / "home", folder)
    node = replace(made, settings=replace(made.settings, viewer_port=VIEWER_PORT))
    yield node
    node.index.dispose()


@pytest.fixture
def browser(hub: Node, browse: Callable[[Node], Browser]) -> Browser:
    """A browser that nobody has signed in with."""
    return browse(hub)


@pytest.fixture
def doctor(browser: Browser) -> Browser:
    """A browser of somebody who may see both registries."""
    assert browser.sign_in("j-mid", "basic").status_code == 303
    return browser


def numbers(page: str, registry: str) -> list[int]:
    """The numbers of a registry's row, from received to series."""
    (row,) = re.findall(
        rf"<tr>\s*<th scope=\"row\"><a href=\"/studies\?registry={registry}\">.*?</tr>", page, re.DOTALL
    )
    return [int(text) for text in re.findall(r'<td class="number">(\d+)</td>', row)]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/studies", "/studies?registry=j-mid", "/studies/1.2", "/collection", "/held", "/research", "/queues"),
        *("/datasets/thorax/1", "/models/nodules/1", "/jobs/1", "/jobs/1/state", "/withdrawals", "/ledger", "/tasks"),
    ],
)
def test_nothing_is_shown_without_a_session(browser: Browser, path: str) -> None:
    """Every page says how to sign in, and nothing of what is held."""
    answer = browser.get(path)
    assert answer.status_code == 401
    assert "kaname user signin" in answer.text
    assert "J-MID" not in answer.text


def test_the_address_alone_uses_nothing_up(browser: Browser) -> None:
    """Programs that fetch addresses ahead leave the sign-in for the person; pressing the button uses it up."""
    grant = Grant.of_person("doctor", ("j-mid",), ("doctor",))
    secret = make_signin(browser.node.index, grant, place="console", clock=browser.node.clock)
    for _ in range(2):
        assert secret in browser.get(f"/signin?once={secret}").text
    answer = browser.send("/signin", once=secret)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    again = browser.send("/signin", once=secret)
    assert (again.status_code, "使用済み" in again.text) == (403, True)


def test_the_cookie_stays_out_of_reach(browser: Browser) -> None:
    """No script reads it and no other site sends it; over TLS it is sent over TLS alone."""
    cookie = browser.sign_in("j-mid").headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    secret = make_signin(
        browser.node.index,
        Grant.of_person("doctor", ("j-mid",), ("doctor",)),
        place="console",
        clock=browser.node.clock,
    )
    sent = browser.ask("POST", "/signin", data={"once": secret}, headers={"Origin": "https://door"})
    assert "Secure" in sent.headers["set-cookie"]


def test_the_first_page_counts_what_is_there(doctor: Browser) -> None:
    """Received, usable, derived, waiting, held, refused, withdrawn, subjects, studies, series of each registry."""
    page = doctor.get("/").text
    assert numbers(page, "j-mid") == [9, 5, 0, 2, 0, 2, 0, 2, 2, 2]
    assert numbers(page, "basic") == [2, 2, 0, 0, 0, 0, 0, 1, 1, 1]
    assert "到着後の検査で個人情報の疑いが見つかりました" in page
    assert doctor.node.ledger.head().digest in page


def test_another_registry_is_not_shown(browser: Browser) -> None:
    """Who may see one registry learns no name and no number of another."""
    browser.sign_in("basic")
    page = browser.get("/").text
    assert "J-MID" not in page
    assert "thorax" not in page
    assert browser.get("/studies?registry=j-mid").status_code == 404


def test_the_whole_page_is_there_in_both_languages(doctor: Browser) -> None:
    """Japanese at first; the switch holds for the next page; no Japanese is left in the English page but its switch."""
    assert '<html lang="ja">' in doctor.get("/").text
    english = doctor.get("/?lang=en").text
    assert '<html lang="en">' in english
    japanese = re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]+", english)
    assert japanese == ["要", "日本語"]
    assert '<html lang="en">' in doctor.get("/studies").text
    assert '<html lang="ja">' in doctor.get("/?lang=ja").text
    assert '<html lang="ja">' in doctor.get("/?lang=de").text


def test_signing_out_ends_the_session(doctor: Browser) -> None:
    """The cookie opens nothing afterwards, even where a browser kept it."""
    kept = dict(doctor.cookies)
    assert doctor.send("/signout", form=doctor.form_token()).status_code == 303
    assert doctor.get("/").status_code == 401
    doctor.cookies = httpx.Cookies(kept)
    assert doctor.get("/").status_code == 401


@pytest.mark.parametrize(
    ("origin", "own"), [("http://evil", True), ("http://[", True), ("null", True), ("", True), (HOST, False)]
)
def test_a_form_of_another_page_is_refused(doctor: Browser, origin: str, own: bool) -> None:  # noqa: FBT001 -- a parameter
    """Neither from another origin, nor without the token of this session."""
    answer = doctor.send("/signout", origin, form=doctor.form_token() if own else "0" * 64)
    assert answer.status_code == 403
    assert doctor.get("/").status_code == 200


@pytest.mark.parametrize("body", [b"\xff\xfe", b"once", b"&&&", b"a=1&" * 40])
def test_a_form_that_is_none_is_refused(browser: Browser, body: bytes) -> None:
    """What cannot be read is refused before anything is done."""
    answer = browser.ask("POST", "/signin", content=body, headers={"Origin": HOST})
    assert answer.status_code in {400, 403}


def test_pages_run_nothing_foreign(doctor: Browser) -> None:
    """Nothing inline, nothing from elsewhere, no frame; and what the policy promises holds for the page."""
    answer = doctor.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?://", answer.text)


@pytest.mark.parametrize(("name", "status"), [("console.css", 200), ("console.js", 200), ("..%2fwords.toml", 404)])
def test_few_files_are_served(browser: Browser, name: str, status: int) -> None:
    """Those that the pages use, and nothing beside them."""
    assert browser.get(f"/static/{name}").status_code == status


def test_what_is_signed_in_and_out_stands_in_the_ledger(doctor: Browser) -> None:
    """By name, never by secret."""
    doctor.send("/signout", form=doctor.form_token())
    actions = [event.action for event in doctor.node.ledger.events(about="doctor")]
    assert actions[-2:] == ["signed-in", "signed-out"]


@pytest.fixture
def checker(hub: Node, browse: Callable[[Node], Browser]) -> Callable[..., Browser]:
    """Opens browsers of people who may check what leaves."""

    def opened(name: str = "doctor", *registries: str) -> Browser:
        browser = browse(hub)
        browser.sign_in(
            *(registries or ("j-mid",)), duties=("browse", "check", "release", "read", "adjudicate"), name=name
        )
        return browser

    return opened


def test_work_stands_before_everything_else(checker: Callable[..., Browser], doctor: Browser) -> None:
    """What waits for this person comes first; who has no duty there has nothing to do."""
    page = checker().get("/").text
    lines = re.findall(r"<li><a href=\"([^\"]+)\">([^<]+)</a></li>", page)
    assert [(address, re.findall(r"\d+", text)[-1]) for address, text in lines] == [
        ("/airlock", "1"),
        ("/tasks", "3"),
        ("/tasks", "1"),
    ]
    assert page.index("/airlock") < page.index("登録事業ごとの保管状況")
    assert "いま待っているものはありません" in doctor.get("/").text


def test_who_reads_is_told_no_counts_of_answers(checker: Callable[..., Browser], browser: Browser) -> None:
    """From disputed and settled cases a reader could tell what others answered: curators see them, as in the API."""
    assert ">判定が分かれた</th>" not in checker().get("/").text
    browser.sign_in("j-mid", duties=("browse", "curate"))
    assert ">判定が分かれた</th>" in browser.get("/").text


def test_a_second_person_decides(hub: Node, checker: Callable[..., Browser]) -> None:
    """The one who asked sees that somebody else decides; the decision needs a reason and takes the request off."""
    (waiting,) = requests(hub, ["j-mid"], "in-review")
    asker, second = checker("researcher"), checker()
    page = second.get("/airlock").text
    assert "&lt;b&gt;done&lt;/b&gt;" in page
    assert "/airlock/" not in asker.get("/airlock").text
    own = asker.send(f"/airlock/{waiting.id}", form=asker.form_token(), decision="approve", reason="自分で")
    assert (own.status_code, find(hub, waiting.id).state) == (403, "in-review")
    for fields in ({"decision": "approve"}, {"reason": "x"}, {"decision": "maybe", "reason": "x"}):
        assert second.send(f"/airlock/{waiting.id}", form=second.form_token(), **fields).status_code in {400, 422}
    assert second.send(f"/airlock/{waiting.id}", decision="approve", reason="x").status_code == 403
    answer = second.send(f"/airlock/{waiting.id}", form=second.form_token(), decision="approve", reason="数値のみ。")
    assert (answer.status_code, answer.headers["location"]) == (303, "/airlock")
    decided = find(hub, waiting.id)
    assert (decided.state, decided.checker, decided.reason) == ("approved", "doctor", "数値のみ。")
    assert "数値のみ。" in second.get("/airlock").text


def test_who_may_not_check_decides_nothing(hub: Node, doctor: Browser, checker: Callable[..., Browser]) -> None:
    """Neither without the duty nor about another registry."""
    some = requests(hub, ["j-mid"])[0]
    assert doctor.get("/airlock").status_code == 403
    stranger = checker("doctor", "basic")
    for browser, status in ((doctor, 403), (stranger, 404)):
        sent = browser.send(f"/airlock/{some.id}", form=browser.form_token(), decision="approve", reason="x")
        assert sent.status_code == status
    assert "researcher" not in stranger.get("/airlock").text


def test_an_address_that_is_none_is_told_to_people_in_a_page_and_to_programs_as_json(browser: Browser) -> None:
    """In the reader's language, with its status; a program gets the same reason with its code."""
    shown = browser.ask("GET", "/nowhere?lang=en", headers={"Accept": "text/html,*/*"})
    assert (shown.status_code, "<h1>That was not possible</h1>" in shown.text) == (404, True)
    told = browser.get("/nowhere")
    assert (told.status_code, told.json()["code"]) == (404, "not-found")
    api = browser.ask("GET", "/api/v1/datasets", headers={"Accept": "text/html"})
    assert (api.status_code, api.headers["www-authenticate"]) == (401, "Bearer")
    assert "<h1>" in api.text
