"""The list of studies with its filters, and the page of one study."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from kaname.node import Node

Browser = Any


def rows(page: str) -> list[str]:
    """UIDs of the studies of a page."""
    return re.findall(r'<th scope="row"><a href="/studies/([0-9.]+)"', page)


def choice(page: str, name: str) -> str:
    """The address of one choice of a filter."""
    found = re.findall(rf'<a href="([^"]+)"[^>]*>{re.escape(name)} <span class="count">(\d+)</span>', page)
    return unescape(found[0][0])


@pytest.fixture
def uid(looker: Browser) -> str:
    """A study of j-mid."""
    return rows(looker.get("/studies?registry=j-mid").text)[0]


def test_all_studies_are_listed(looker: Browser) -> None:
    """Those of every registry of the session, each with its link."""
    assert len(rows(looker.get("/studies").text)) == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("registry=j-mid", 2),
        ("registry=basic", 1),
        ("modality=CT", 3),
        ("modality=MR", 0),
        ("facility=facility-1", 2),
        ("facility=facility-1&registry=basic", 0),
        ("facility=nobody", 0),
        ("since=2000-01-01", 3),
        ("until=2000-01-01", 0),
        ("text=no%20such%20words", 0),
        ("text=%25", 0),
        ("subject=XXXX", 0),
        ("offset=50", 0),
    ],
)
def test_a_filter_shows_what_matches(looker: Browser, query: str, found: int) -> None:
    """And nothing else; a wildcard is a letter like others."""
    assert len(rows(looker.get(f"/studies?{query}").text)) == found


def test_a_choice_keeps_the_others_and_can_be_taken_back(looker: Browser) -> None:
    """Filters live in the address; the count beside a choice is what it shows."""
    page = looker.get("/studies?modality=CT").text
    address = choice(page, "facility-1")
    assert {"modality=CT", "facility=facility-1"} == set(address.partition("?")[2].split("&"))
    narrowed = looker.get(address).text
    assert len(rows(narrowed)) == 2
    assert "facility" not in choice(narrowed, "facility-1").partition("?")[2].partition("modality")[0]
    assert len(rows(looker.get(choice(narrowed, "facility-1")).text)) == 3


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("registry=joi", 404),
        ("since=yesterday", 400),
        ("until=2026-1-1", 400),
        ("offset=-1", 400),
        ("offset=x", 400),
        (f"text={'x' * 65}", 400),
    ],
)
def test_what_cannot_be_asked_is_refused(looker: Browser, query: str, status: int) -> None:
    """With a page that says so, and without an echo of it."""
    answer = looker.get(f"/studies?{query}")
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_what_is_typed_is_shown_as_text(looker: Browser) -> None:
    """Markup in a filter stays markup to nobody."""
    page = looker.get("/studies?text=<script>alert(1)</script>").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_without_the_duty_no_study_is_listed(busy: Node, browse: Callable[[Node], Browser]) -> None:
    """Who only checks what leaves has no page of studies."""
    browser = browse(busy)
    browser.sign_in("j-mid", duties=("check",))
    assert 'href="/studies"' not in browser.get("/").text
    assert browser.get("/studies").status_code == 403
    assert browser.get("/studies/1.2.3").status_code == 403


def test_a_study_shows_its_series_and_what_they_hold(looker: Browser, uid: str) -> None:
    """A thumbnail that leads to the images, and what the study says of itself."""
    page = looker.get(f"/studies/{uid}").text
    assert uid in page
    assert re.search(r'<a href="/images/[0-9.]+/[0-9.]+"><img src="/media/[0-9.]+/[0-9.]+/thumbnail"', page)
    assert "臨床項目は届いていません" in page


def test_who_reads_is_led_to_the_cases_of_the_study(everything: Browser, looker: Browser, uid: str) -> None:
    """Those that wait for this person; who does not read is led nowhere."""
    assert re.search(r'href="/cases/[0-9a-f]{64}">nodules', everything.get(f"/studies/{uid}").text)
    assert "/cases/" not in looker.get(f"/studies/{uid}").text


@pytest.mark.parametrize("wrong", ["1.2.3", "x", "1.2.%22"])
def test_a_study_that_is_not_there_has_no_page_and_no_ticket(looker: Browser, wrong: str) -> None:
    """Neither an unknown one nor what is no UID."""
    assert looker.get(f"/studies/{wrong}").status_code == 404
    assert looker.send(f"/studies/{wrong}/look", form=looker.form_token()).status_code == 404


def test_a_study_of_another_registry_does_not_exist(stranger: Browser, uid: str) -> None:
    """Neither as a page nor for the viewer."""
    assert stranger.get(f"/studies/{uid}").status_code == 404
    assert stranger.send(f"/studies/{uid}/look", form=stranger.form_token()).status_code == 404


def test_the_button_leads_to_the_viewer(looker: Browser, uid: str) -> None:
    """A ticket for that study at the viewer's port of the same host, which the page's policy permits."""
    page = looker.get(f"/studies/{uid}")
    answer = looker.send(f"/studies/{uid}/look", form=looker.form_token())
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("http://door:8472/open?ticket=")
    assert "form-action 'self' http://door:8472;" in page.headers["content-security-policy"]


def test_without_a_viewer_the_page_says_so(busy: Node, browse: Callable[[Node], Browser], uid: str) -> None:
    """No button that leads nowhere."""
    browser = browse(replace(busy, settings=replace(busy.settings, viewer_port=0)))
    browser.sign_in("j-mid")
    page = browser.get(f"/studies/{uid}").text
    assert "viewer_port" in page
    assert "/look" not in page
