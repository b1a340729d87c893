import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from kaname.access.accounts import add_account, set_parts
from kaname.access.model import Grant, Part
from kaname.access.sessions import make_signin
from kaname.access.tokens import issue
from kaname.archive import retrieve
from kaname.archive.flow import shelve
from kaname.governance.withdraw import obey
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.tokens import make_token
from kaname.web import viewer
from kaname.web.app import make_app, make_viewer_app
from kaname.web.signin import cookie_name

HOST = "http://door"
VIEWER = "http://door:8472"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub with two studies in j-mid, of one subject, and one in basic."""
    folder = tmp_path_factory.mktemp("hub")
    made = make_hub(folder / "home")
    node = replace(made, settings=replace(made.settings, viewer_port=8472))
    mid = Facility(folder / "mid", 1, "j-mid").admitted_to(node)
    other = Facility(folder / "other", 2, "basic").admitted_to(node)
    for parcel in (
        mid.parcel(series(study=1, slices=(1, 2))),
        mid.parcel(series(study=2), 2),
        other.parcel(series(study=9)),
    ):
        shelve(node, accept(node, parcel).digest)
    yield node
    node.index.dispose()


def studies(node: Node, registry: str) -> list[str]:
    """Study Instance UIDs of a registry."""
    answer = Asker(make_app(node), token=token(node, registry)).get(f"{HOST}/dicomweb/studies")
    return sorted(document["0020000D"]["Value"][0] for document in answer.json())


def token(node: Node, *registries: str) -> str:
    """A fresh token."""
    return make_token(node.index, name="reader", registries=registries, days=1, clock=node.clock)


class Asker:
    """A browser or a program that talks to one app and keeps cookies."""

    def __init__(self, app: Any, *, token: str = "") -> None:
        self.app = app
        self.cookies = httpx.Cookies()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        """One request; redirects are not followed."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, cookies=self.cookies, headers=self.headers) as client:
                answer = await client.request(method, url, **options)
                self.cookies = client.cookies
                return answer

        return asyncio.run(go())

    def get(self, url: str) -> httpx.Response:
        """One GET; a path is taken at the viewer's origin."""
        return self.ask("GET", url if url.startswith("http") else VIEWER + url)


def ticket(node: Node, study: str, *registries: str) -> httpx.Response:
    """What the API answers to who asks for a ticket."""
    asker = Asker(make_app(node), token=token(node, *(registries or ("j-mid",))))
    return asker.ask("POST", f"{HOST}/api/v1/viewer/tickets", json={"study": study})


@pytest.fixture
def shown(hub: Node) -> tuple[Asker, str]:
    """A browser that has opened one study at the viewer, and its UID."""
    uid = studies(hub, "j-mid")[0]
    browser = Asker(make_viewer_app(hub))
    browser.get(ticket(hub, uid).json()["url"])
    return browser, uid


def test_a_ticket_opens_its_study_once(hub: Node) -> None:
    """It leads to the study in the viewer and leaves a cookie that no script reads; the second time it is used."""
    uid = studies(hub, "j-mid")[0]
    url = ticket(hub, uid).json()["url"]
    browser = Asker(make_viewer_app(hub))
    answer = browser.get(url)
    assert url.startswith(f"{VIEWER}/open?ticket=")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ohif/viewer?StudyInstanceUIDs={uid}")
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert Asker(make_viewer_app(hub)).get(url).status_code == 403


def test_a_ticket_is_for_who_may_see_the_study(hub: Node) -> None:
    """A study of another registry, an unknown one and what is no UID are not found; without a port nothing is made."""
    foreign = studies(hub, "basic")[0]
    for study in (foreign, "1.2.3", "x", ""):
        assert ticket(hub, study).status_code == 404
    closed = replace(hub, settings=replace(hub.settings, viewer_port=0))
    assert ticket(closed, foreign, "basic").json()["code"] == "viewer-closed"
    assert Asker(make_app(hub)).ask("POST", f"{HOST}/api/v1/viewer/tickets", json={"study": foreign}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"study": 1}, {"study": "1.2", "more": 1}, {"study": "1" * 65}])
def test_a_wish_that_is_none_is_refused(hub: Node, body: dict[str, Any]) -> None:
    """One study by its UID, and nothing else."""
    asker = Asker(make_app(hub), token=token(hub, "j-mid"))
    assert asker.ask("POST", f"{HOST}/api/v1/viewer/tickets", json=body).json()["code"] == "query-invalid"


def test_the_opened_study_is_read_whole(hub: Node, shown: tuple[Asker, str]) -> None:
    """Search, metadata, instances and frames of the study answer as they do at the door for people."""
    browser, uid = shown
    (one, *_) = retrieve.instances(hub, ("j-mid",), uid)
    where = f"/dicomweb/studies/{uid}/series/{one.series_instance_uid}"
    assert len(browser.get("/dicomweb/studies").json()) == 1
    assert len(browser.get(f"/dicomweb/studies?StudyInstanceUID={uid}").json()) == 1
    assert len(browser.get(f"/dicomweb/studies/{uid}/series").json()) == 1
    assert len(browser.get("/dicomweb/instances").json()) == 2
    assert len(browser.get(f"{where}/metadata").json()) == 2
    assert browser.get(f"{where}/instances/{one.member.sop_instance_uid}/frames/1").status_code == 200
    assert browser.get(f"{where}/instances/{one.member.sop_instance_uid}").status_code == 200


def test_every_other_study_does_not_exist(hub: Node, shown: tuple[Asker, str]) -> None:
    """Neither of the same subject and registry nor of another, however the question is asked."""
    browser, uid = shown
    (other,) = set(studies(hub, "j-mid")) - {uid}
    subject = browser.get("/dicomweb/studies").json()[0]["00100020"]["Value"][0]
    assert len(browser.get(f"/dicomweb/studies?PatientID={subject}").json()) == 1
    for hidden in (other, studies(hub, "basic")[0]):
        for path in (f"/studies/{hidden}", f"/studies/{hidden}/metadata", f"/studies/{hidden}/series"):
            assert browser.get(f"/dicomweb{path}").status_code == 404
        for query in (f"StudyInstanceUID={hidden}", f"0020000D={hidden}", f"StudyInstanceUID={uid},{hidden}"):
            assert browser.get(f"/dicomweb/studies?{query}").status_code == 404
            assert browser.get(f"/dicomweb/series?{query}").status_code == 404


@pytest.mark.parametrize("query", ["StudyInstanceUID=", "StudyInstanceUID=*", "0020000D=*", "0020000D=&limit=9"])
def test_a_question_for_any_study_is_refused(shown: tuple[Asker, str], query: str) -> None:
    """What would match every study never reaches the archive."""
    assert shown[0].get(f"/dicomweb/studies?{query}").status_code == 404


def test_two_studies_can_be_open_side_by_side(hub: Node) -> None:
    """Each has its cookie; together they are all that exists."""
    browser = Asker(make_viewer_app(hub))
    for uid in studies(hub, "j-mid"):
        browser.get(ticket(hub, uid).json()["url"])
    assert len(browser.get("/dicomweb/studies").json()) == 2
    for uid in studies(hub, "j-mid"):
        assert browser.get(f"/dicomweb/studies/{uid}/metadata").status_code == 200


def test_a_cookie_that_was_changed_opens_nothing(hub: Node, shown: tuple[Asker, str]) -> None:
    """Neither another study in its place, nor under another study's name."""
    browser, uid = shown
    (other,) = set(studies(hub, "j-mid")) - {uid}
    ((name, secret),) = browser.cookies.items()
    theirs = cookie_name(viewer.COOKIE, hub, other)
    for forged in ({theirs: secret.replace(uid, other)}, {theirs: secret}, {name: "x"}):
        browser.cookies = httpx.Cookies(forged)
        assert browser.get(f"/dicomweb/studies/{other}/metadata").status_code == 404
        assert browser.get("/dicomweb/studies").status_code == 401


def test_nothing_is_shown_without_a_ticket(hub: Node) -> None:
    """Neither images nor the viewer's page; a token of the API counts nothing here."""
    stranger = Asker(make_viewer_app(hub), token=token(hub, "j-mid"))
    assert stranger.get("/dicomweb/studies").status_code == 401
    assert stranger.get(f"/dicomweb/studies/{studies(hub, 'j-mid')[0]}/metadata").status_code == 404
    assert stranger.get("/open?ticket=guess").status_code == 403
    assert stranger.get("/open").status_code == 403


def test_no_image_comes_in_there(shown: tuple[Asker, str]) -> None:
    """Nor do the console's pages or the API stand there."""
    browser, uid = shown
    for path in ("/dicomweb/studies", f"/dicomweb/studies/{uid}"):
        assert browser.ask("POST", VIEWER + path, content=b"x").status_code == 405
    for path in ("/", "/api/v1/datasets", "/signin", "/healthz"):
        assert browser.get(path).status_code == 404


@pytest.fixture
def unprepared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The viewer's folder is another one."""
    monkeypatch.setattr(viewer, "prepared", lambda: tmp_path)
    viewer._known.cache_clear()
    yield tmp_path
    viewer._known.cache_clear()


def test_without_its_files_the_viewer_says_so(shown: tuple[Asker, str], unprepared: Path) -> None:
    """A sentence with what to do, and no half page."""
    answer = shown[0].get("/ohif/viewer")
    assert not list(unprepared.iterdir())
    assert (answer.status_code, "make_viewer.py" in answer.text) == (503, True)


def test_files_are_served_from_their_list_alone(shown: tuple[Asker, str], hub: Node, unprepared: Path) -> None:
    """Places within the viewer are its page, for who opened a study; nothing above the folder is reached."""
    (unprepared / "index.html").write_text("<p>page", encoding="utf-8")
    (unprepared / "app.0123456789abcdef.js").write_text("1", encoding="utf-8")
    browser, _ = shown
    page, script = browser.get("/ohif/viewer?StudyInstanceUIDs=1"), browser.get("/ohif/app.0123456789abcdef.js")
    assert (page.text, page.headers["cache-control"]) == ("<p>page", "no-store")
    assert (script.headers["content-type"].partition(";")[0], script.status_code) == ("text/javascript", 200)
    assert "immutable" in script.headers["cache-control"]
    assert "unsafe-eval" not in page.headers["content-security-policy"].replace("'wasm-unsafe-eval'", "")
    assert Asker(make_viewer_app(hub)).get("/ohif/viewer").status_code == 401
    for path in ("/ohif/..%2fwords.toml", "/ohif/%2e%2e/words.toml", "/ohif/none.js", "/ohif//etc/passwd.txt"):
        assert browser.get(path).status_code == 404


def test_the_viewer_is_told_where_the_images_are(hub: Node) -> None:
    """Its settings name its own origin and no other host, in the language that the reader chose at the console."""
    browser = Asker(make_viewer_app(hub))
    answer = browser.get("/ohif/app-config.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "wadoRoot: '/dicomweb'" in answer.text
    assert "://" not in answer.text
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert '"language": "ja-JP"' in answer.text
    browser.cookies.set("kaname_language", "en")
    assert '"language": "en-US"' in browser.get("/ohif/app-config.js").text


def test_who_opened_what_stands_in_the_ledger(hub: Node, shown: tuple[Asker, str]) -> None:
    """By the digest of the study's UID: the ledger outlives a withdrawal and names nobody's study."""
    last = list(hub.ledger.events(action="study-opened"))[-1]
    assert last.actor == "reader"
    assert shown[1] not in f"{last.about}{last.facts}"


def test_a_withdrawn_study_is_gone_from_an_open_viewer(hub: Node, tmp_path: Path) -> None:
    """The session stays, the study does not."""
    facility = Facility(tmp_path / "third", 3, "j-mid").admitted_to(hub)
    shelve(hub, accept(hub, facility.parcel(series(patient="55", study=55))).digest)
    subject = facility.subject("55")
    door = Asker(make_app(hub), token=token(hub, "j-mid"))
    (found,) = door.get(f"{HOST}/dicomweb/studies?PatientID={subject}").json()
    uid = found["0020000D"]["Value"][0]
    browser = Asker(make_viewer_app(hub))
    browser.get(ticket(hub, uid).json()["url"])
    assert browser.get(f"/dicomweb/studies/{uid}/metadata").status_code == 200
    obey(hub, facility.withdrawal("55"))
    assert browser.get(f"/dicomweb/studies/{uid}/metadata").status_code == 404


def test_a_ticket_of_ones_own_token_shows_no_more_than_one_may_see(hub: Node) -> None:
    """Who made the token reads no longer: what its ticket opened is closed at once."""
    uid, reader = studies(hub, "j-mid")[0], Part("reader", "j-mid")
    add_account(hub.index, "yamada", (reader,), None, hub.clock)
    own = issue(hub.index, Grant("yamada", (reader,), ("pixels",)), days=1, clock=hub.clock, owner="yamada")
    asker = Asker(make_app(hub), token=own)
    browser = Asker(make_viewer_app(hub))
    browser.get(asker.ask("POST", f"{HOST}/api/v1/viewer/tickets", json={"study": uid}).json()["url"])
    assert browser.get(f"/dicomweb/studies/{uid}").status_code == 200
    set_parts(hub.index, "yamada", ())
    assert browser.get(f"/dicomweb/studies/{uid}").status_code == 403


def test_a_browser_that_comes_from_nowhere_gets_no_ticket(hub: Node) -> None:
    """Half an address in ``Origin`` is told so."""
    asker = Asker(make_app(hub), token=token(hub, "j-mid"))
    wish = {"study": studies(hub, "j-mid")[0]}
    for origin in ("http://[", "http://[::1", "//]"):
        answer = asker.ask("POST", f"{HOST}/api/v1/viewer/tickets", json=wish, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (400, "query-invalid")


def test_a_researcher_who_takes_whole_studies_has_taken_their_frames(hub: Node) -> None:
    """An answer of whole instances counts as many as it holds, not as one."""
    few = replace(hub, settings=replace(hub.settings, researcher_frames_hour=3))
    uid = studies(hub, "j-mid")[0]
    researcher = Grant.of_person("researcher", ("j-mid",), ("researcher",))
    secret = make_signin(hub.index, researcher, place="viewer", clock=hub.clock, about=uid)
    browser = Asker(make_viewer_app(few))
    browser.get(f"/open?ticket={secret}")
    assert [browser.get(f"/dicomweb/studies/{uid}").status_code for _ in range(2)] == [200, 429]
