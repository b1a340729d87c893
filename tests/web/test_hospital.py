"""The hospital's own console: only there do pages name a patient, and only for who may check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from kaname.access.accounts import add_account
from kaname.access.model import PEOPLE, Grant, Role
from kaname.gateway import held
from kaname.gateway.hospital import Hospital
from kaname.gateway.sight import after, before, frames
from kaname.node import Node
from kaname.testing.waiting import HOSTILE, LONG, REGISTRIES, waiting_gateway

PASSWORD = "correct-horse-battery"
Browser = Any
"""See ``conftest.Browser``."""
Browse = Callable[[Node], Browser]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """A gateway with things of each kind that wait for a person."""
    made = waiting_gateway(tmp_path_factory.mktemp("hospital"))
    yield made
    made.node.index.dispose()


def signed_in(browser: Browser, name: str, registries: tuple[str, ...], roles: tuple[Role, ...]) -> Browser:
    """The browser of that person now."""
    grant = Grant.of_person(name, registries, roles)
    assert browser.sign_in_as(grant).status_code == 303
    return browser


@pytest.fixture
def checker(hospital: Hospital, browse: Browse) -> Browser:
    """A browser of somebody who may do everything."""
    return signed_in(browse(hospital.node), "checker", REGISTRIES, PEOPLE)


def one_of(hospital: Hospital, reason: str, number: int = 0) -> held.Item:
    """Something that waits for that reason."""
    return held.items(hospital, REGISTRIES, reason=reason)[number]


def address(item: held.Item) -> str:
    """Of its page."""
    return f"/held/{item.kind}/{item.id}"


def picture(answer: httpx.Response) -> np.ndarray[Any, Any]:
    """The pixels of a picture that was answered."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["cache-control"] == "no-store"
    return np.asarray(Image.open(BytesIO(answer.content)))


def test_signing_in_by_password(hospital: Hospital, browse: Browse) -> None:
    """The first administrator of a gateway signs in by name and password, and the page names the node."""
    parts = Grant.of_person("admin", REGISTRIES, PEOPLE).parts
    add_account(hospital.node.index, "admin", parts, PASSWORD, hospital.node.clock)
    browser = browse(hospital.node)
    assert browser.send("/signin", name="admin", password=PASSWORD + "x").status_code == 403
    assert browser.send("/signin", name="admin", password=PASSWORD).status_code == 303
    assert "facility-1" in browser.get("/").text


def test_nothing_without_a_session(hospital: Hospital, browse: Browse) -> None:
    """Who is not signed in sees no page and no picture, and is shown how to sign in."""
    stranger, item = browse(hospital.node), one_of(hospital, "text-in-pixels")
    for path in ("/", "/held", address(item), f"{address(item)}/before.png", f"{address(item)}/after.png"):
        assert stranger.get(path).status_code == 401, path
    assert stranger.get("/healthz").status_code == 200
    assert stranger.get("/dicomweb/studies").status_code == 404


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_pages_in_both_languages(hospital: Hospital, checker: Browser, language: str) -> None:
    """Numbers, reasons, and every item that waits, whose page says why, in the reader's language."""
    first = checker.get(f"/?lang={language}").text
    assert ("送付の状況" if language == "ja" else "What has left") in first
    listed = checker.get("/held").text
    everything = held.items(hospital, REGISTRIES)
    assert {item.kind for item in everything} == {"object", "file", "row"}
    for item in everything:
        assert address(item) in listed
        answer = checker.get(address(item))
        assert answer.status_code == 200
        assert f"<code>{item.reason}</code>" in answer.text
    assert checker.get("/held?registry=nsdd").text.count("/held/file/") == 2
    assert checker.get("/held?registry=jed").status_code == 404
    assert checker.get("/held?offset=x").status_code == 400
    assert 'class="rows"' not in checker.get("/held?offset=50").text


def test_before_and_after(hospital: Hospital, checker: Browser) -> None:
    """The original shows the name's banner; what the crossing made has none, and a frame around what is left."""
    item = one_of(hospital, "text-in-pixels")
    page = checker.get(address(item)).text
    assert f"{address(item)}/before.png?frame=1" in page
    came, went = (picture(checker.get(f"{address(item)}/{which}.png")) for which in ("before", "after"))
    assert came.shape == went.shape
    assert came[:40].max() > 100
    red = (went == (208, 0, 64)).all(axis=-1)
    assert red.any()
    assert went[:20][~red[:20]].max() == 0
    assert checker.get(f"{address(item)}/before.png?frame=2").status_code == 404


def test_frames_of_a_clip(hospital: Hospital, checker: Browser) -> None:
    """Each frame can be looked at; where the regions are missing nothing comes after, and the page says why."""
    item = one_of(hospital, "regions-missing")
    assert frames(hospital, item) == 3
    page = checker.get(f"{address(item)}?frame=2").text
    assert f"{address(item)}?frame=1" in page
    assert f"{address(item)}?frame=3" in page
    shown = [picture(checker.get(f"{address(item)}/before.png?frame={number}")) for number in (1, 3)]
    assert (shown[0] != shown[1]).any()
    assert checker.get(f"{address(item)}/after.png").status_code == 503


def test_a_photograph_and_a_document(hospital: Hospital, checker: Browser) -> None:
    """A file that is no DICOM is shown where it is a picture; a document and broken bytes have none."""
    items = {frames(hospital, item): item for item in held.items(hospital, ("nsdd",)) if item.kind == "file"}
    assert picture(checker.get(f"{address(items[1])}/before.png")).shape == (40, 60, 3)
    assert "before.png" not in checker.get(address(items[0])).text
    assert checker.get(f"{address(items[0])}/before.png").status_code == 404
    assert "before.png" not in checker.get(address(one_of(hospital, "not-dicom"))).text


def test_a_photograph_that_became_an_object(hospital: Hospital, checker: Browser) -> None:
    """A face is held and shown to who may check, with what its row says; afterwards it looks as before."""
    item = one_of(hospital, "face-may-identify")
    assert "<bdi>FACE</bdi>" in checker.get(address(item)).text
    came, went = (picture(checker.get(f"{address(item)}/{which}.png")) for which in ("before", "after"))
    assert came.shape == (40, 60, 3)
    assert (came == went).all()


def test_names_are_text(hospital: Hospital, checker: Browser) -> None:
    """Markup, right-to-left marks and ten thousand characters in a record are shown as text."""
    texts = [checker.get(address(item)).text for item in held.items(hospital, ("j-mid",))]
    assert not any(HOSTILE in text for text in texts)
    assert any("&lt;script&gt;alert(1)" in text for text in texts)
    assert any("<bdi>عبد" in text for text in texts)
    assert any(LONG in text for text in texts)
    answer = checker.get("/held")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "alert" not in answer.text


def test_who_may_look(hospital: Hospital, browse: Browse) -> None:
    """Without the duty to check nothing that names a patient is shown; nobody sees other registries."""
    clerk = signed_in(browse(hospital.node), "clerk", REGISTRIES, ("doctor",))
    other = signed_in(browse(hospital.node), "other", ("j-mid",), PEOPLE)
    item = one_of(hospital, "text-in-pixels")
    assert address(item) not in clerk.get("/held").text
    assert clerk.get("/").status_code == 200
    for path in (address(item), f"{address(item)}/before.png", f"{address(item)}/after.png"):
        assert clerk.get(path).status_code == 403
        assert other.get(path).status_code == 404
    assert item.id[:12] not in other.get("/held").text
    assert "jsum" not in other.get("/").text


def test_every_look_is_an_event(hospital: Hospital, checker: Browser) -> None:
    """The ledger keeps who looked at which item, and which picture of it; no value of the record."""
    item = one_of(hospital, "text-in-pixels")
    before_now = len(list(hospital.node.ledger.events(action="held-viewed")))
    checker.get(address(item))
    checker.get(f"{address(item)}/before.png")
    checker.get("/held")
    events = list(hospital.node.ledger.events(action="held-viewed"))[before_now:]
    assert [(event.actor, event.about, event.facts["part"]) for event in events] == [
        ("checker", item.id, "words"), ("checker", item.id, "before 1"),
    ]  # fmt: skip


def test_what_is_gone_or_unknown(hospital: Hospital, checker: Browser) -> None:
    """An item of another kind, an unknown one and an unknown kind are not found."""
    item = one_of(hospital, "text-in-pixels")
    for path in (f"/held/row/{item.id}", f"/held/object/{'0' * 64}", f"/held/thing/{item.id}", "/held/file/x"):
        assert checker.get(path).status_code == 404
    assert re.search(r"<img[^>]+alt=\"[^\"]+\"", checker.get(address(item)).text)
    assert before(hospital, item) != after(hospital, item)
