"""From a subject back to the patient, at the hospital: two persons, once, and nothing of the patient is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from kaname.access.model import PEOPLE, Grant
from kaname.database import reading
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import LINKAGE
from kaname.node import Node
from kaname.testing.waiting import REGISTRIES, waiting_gateway

Browser = Any
Browse = Callable[[Node], Browser]
REASON = "Incidental finding, told by the reader."


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """A gateway that has met patients."""
    made = waiting_gateway(tmp_path_factory.mktemp("hospital"))
    yield made
    made.node.index.dispose()


@pytest.fixture
def subject(hospital: Hospital) -> tuple[str, str, str]:
    """Registry and subject of a patient, and their number."""
    with reading(hospital.node.index) as connection:
        row = connection.execute(select(LINKAGE).order_by(LINKAGE.c.subject)).first()
        assert row is not None
        number, _ = hospital.linkage.patient(connection, row.registry, row.subject)
    return row.registry, row.subject, number


def of(hospital: Hospital, browse: Browse, name: str, *roles: str, registries: tuple[str, ...] = REGISTRIES) -> Browser:
    """A browser of somebody with these roles."""
    browser = browse(hospital.node)
    grant = Grant.of_person(name, registries, [role for role in PEOPLE if role in roles])
    assert browser.sign_in_as(grant).status_code == 303
    return browser


def fill(browser: Browser, path: str, **fields: str) -> Any:
    """Sends a form of that session."""
    return browser.send(path, form=browser.form_token(), **fields)


def waiting(browser: Browser) -> set[str]:
    """Ids of pairs that this person may decide about or use."""
    return {*re.findall(r'action="/identity/pairs/(\w+)', browser.get("/identity").text)}


def test_one_asks_another_agrees_and_the_first_sees_it_once(
    hospital: Hospital, browse: Browse, subject: tuple[str, str, str]
) -> None:
    """The number is on one page, which no browser keeps; the ledger has every step and no word of the patient."""
    registry, pseudonym, number = subject
    desk, other = of(hospital, browse, "desk", "desk"), of(hospital, browse, "other", "manager")
    assert fill(desk, "/identity", registry=registry, subject=pseudonym, reason=REASON).status_code == 303
    (pair,) = waiting(other) - waiting(desk)
    assert fill(desk, f"/identity/pairs/{pair}", decision="agree").status_code == 403
    assert fill(desk, f"/identity/pairs/{pair}/do").status_code == 503
    assert REASON in other.get("/identity").text
    assert fill(other, f"/identity/pairs/{pair}", decision="agree").status_code == 303
    assert fill(other, f"/identity/pairs/{pair}/do").status_code == 404
    shown = fill(desk, f"/identity/pairs/{pair}/do")
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    assert f"<bdi>{number}</bdi>" in shown.text
    again = fill(desk, f"/identity/pairs/{pair}/do")
    assert again.status_code == 422
    for page in (again.text, desk.get("/identity").text, other.get("/identity").text, desk.get("/identity/pairs").text):
        assert number not in page
    events = [event for event in hospital.node.ledger.events(about=pseudonym) if "pair" in event.facts]
    assert [event.action for event in events] == ["pair-asked", "pair-agreed", "pair-used", "identity-seen"]
    assert [event.actor for event in events] == ["desk", "other", "desk", "desk"]
    told = f"{[*hospital.node.ledger.events()]}"
    assert number not in told
    assert REASON not in told


@pytest.mark.parametrize(
    ("registry", "pseudonym"),
    [("j-mid", "no-such-subject"), ("jed", ""), ("jp-aid", "x"), ("", ""), ("j-mid", "' OR 1=1")],
)
def test_nothing_is_asked_about_nobody(hospital: Hospital, browse: Browse, registry: str, pseudonym: str) -> None:
    """A subject that this hospital never had, and a registry that it is not in."""
    desk = of(hospital, browse, "desk", "desk")
    assert fill(desk, "/identity", registry=registry, subject=pseudonym, reason=REASON).status_code == 404


def test_another_registrys_subject_is_not_theirs(
    hospital: Hospital, browse: Browse, subject: tuple[str, str, str]
) -> None:
    """Neither asked about, nor agreed to, nor seen by its id."""
    registry, pseudonym, _ = subject
    others = tuple(one for one in REGISTRIES if one != registry)
    stranger = of(hospital, browse, "stranger", "desk", registries=others)
    assert fill(stranger, "/identity", registry=registry, subject=pseudonym, reason=REASON).status_code == 404
    fill(of(hospital, browse, "desk", "desk"), "/identity", registry=registry, subject=pseudonym, reason=REASON)
    (pair, *_) = waiting(of(hospital, browse, "other", "desk"))
    assert waiting(stranger) == set()
    for path in (f"/identity/pairs/{pair}", f"/identity/pairs/{pair}/do"):
        assert fill(stranger, path, decision="agree").status_code == 404


def test_it_is_a_duty_of_its_own(hospital: Hospital, browse: Browse) -> None:
    """Operators, auditors, curators and readers see no patient, and no form does it for them."""
    rest = of(hospital, browse, "rest", *(role for role in PEOPLE if role not in {"desk", "manager"}))
    token = rest.form_token()
    assert rest.get("/identity").status_code == 403
    for path in ("/identity", "/identity/pairs/x", "/identity/pairs/x/do"):
        assert rest.send(path, form=token, registry="j-mid", subject="x", reason="x").status_code == 403


def test_the_hospital_looks_after_its_own_people(hospital: Hospital, browse: Browse) -> None:
    """The same pages as on the other nodes; projects belong to those."""
    root = of(hospital, browse, "root", "operator", "auditor")
    for path in ("/people", "/organisations", "/tokens", "/pairs", "/audit"):
        assert root.get(path).status_code == 200, path
    assert root.get("/projects").status_code == 404
