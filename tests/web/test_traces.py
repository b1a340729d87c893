"""Looks and refusals stand in the ledger: once for a person, a thing and an hour, and never without being written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from kaname.access.model import Duty, Grant
from kaname.access.tokens import issue
from kaname.archive.flow import shelve
from kaname.clock import Clock
from kaname.errors import NotYet
from kaname.intake.flow import accept
from kaname.ledger import Ledger
from kaname.node import Node
from kaname.testing.deliveries import REGISTRY, Facility, make_hub, series
from kaname.web.app import make_app

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


class Looker:
    """A hub with one series, in front of it somebody with a token."""

    def __init__(self, node: Node) -> None:
        self.hours = 0.0
        clock = Clock(now=lambda: NOW + timedelta(hours=self.hours))
        self.node = replace(node, clock=clock, ledger=Ledger(node.index, clock))
        self.app = make_app(self.node)
        found = self.ask("/dicomweb/instances").json()[0]
        self.study, one, instance = (found[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
        self.series = f"/dicomweb/studies/{self.study}/series/{one}"
        self.instance = f"{self.series}/instances/{instance}"

    def ask(self, path: str, *duties: Duty, name: str = "ueda") -> httpx.Response:
        """One request with a token of its own."""
        grant = Grant.of_program(name, (REGISTRY,), duties or ("browse", "pixels"))
        headers = {"Authorization": f"Bearer {issue(self.node.index, grant, days=9, clock=self.node.clock)}"}

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(go())

    def events(self, action: str) -> list[tuple[str, str, Any]]:
        """Who, what it is about, and the duty."""
        return [(one.actor, one.about, one.facts["duty"]) for one in self.node.ledger.events(action=action)]


@pytest.fixture
def looker(tmp_path: Path) -> Iterator[Looker]:
    """A new one."""
    node = make_hub(tmp_path / "home")
    facility = Facility(tmp_path / "facility", 1, REGISTRY).admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1, 2)))).digest)
    yield Looker(node)
    node.index.dispose()


def test_a_look_is_one_event_for_person_study_duty_and_hour(looker: Looker) -> None:
    """However many frames; another person's, another duty and the next hour are others. The UID itself is not told."""
    about = sha256(looker.study.encode()).hexdigest()
    for _ in range(3):
        assert looker.ask(f"{looker.instance}/frames/1").status_code == 200
        assert looker.ask(looker.instance).status_code == 200
    assert looker.events("looked-at") == [("ueda", about, "pixels")]
    assert looker.ask(f"{looker.series}/metadata").status_code == 200
    assert looker.ask(f"{looker.instance}/frames/1", name="endo").status_code == 200
    looker.hours = 1
    assert looker.ask(f"{looker.instance}/frames/1").status_code == 200
    assert [(who, duty) for who, _, duty in looker.events("looked-at")] == [
        ("ueda", "pixels"),
        ("ueda", "browse"),
        ("endo", "pixels"),
        ("ueda", "pixels"),
    ]
    assert looker.study not in "".join(f"{one}" for one in looker.node.ledger.events())


def test_who_is_turned_away_stands_there_once_an_hour(looker: Looker) -> None:
    """By name and route, as the route is declared, never as it was asked for."""
    for _ in range(3):
        assert looker.ask(looker.instance, "browse").status_code == 403
        assert looker.ask("/api/v1/annotation/tasks", "browse").status_code == 403
    routes = "/dicomweb/studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}"
    assert looker.events("turned-away") == [
        ("ueda", routes, "pixels"),
        ("ueda", "/api/v1/annotation/tasks", "read / adjudicate / curate"),
    ]


def test_what_is_not_there_and_lists_are_no_looks(looker: Looker) -> None:
    """Only what was shown of a study or series counts."""
    assert looker.ask("/dicomweb/studies/1.2.3/metadata").status_code == 404
    assert looker.ask("/dicomweb/studies").status_code == 200
    assert looker.events("looked-at") == []


def test_what_cannot_be_written_down_is_not_shown(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is told to come again; nothing of the images has left."""

    def busy(*_: object, **__: object) -> None:
        raise NotYet("index-busy")

    monkeypatch.setattr(Ledger, "append", busy)
    answer = looker.ask(f"{looker.instance}/frames/1")
    assert (answer.status_code, answer.json()["code"]) == (503, "index-busy")
    monkeypatch.undo()
    assert looker.ask(f"{looker.instance}/frames/1").status_code == 200
    assert len(looker.events("looked-at")) == 1
