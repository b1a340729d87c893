"""``kaname project``: a team in one file, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kaname.access.accounts import accounts, add_account
from kaname.access.model import Part
from kaname.access.sessions import check_session, open_session
from kaname.archive.flow import shelve
from kaname.cli import kaname
from kaname.datasets.flow import freeze
from kaname.errors import Forbidden, NotYet, Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.settings import write
from kaname.testing.deliveries import Facility, make_hub, series

DIGEST = "a" * 64
TEAM = f"""
[organisation]
id = "univ"
title = "Univ"
kind = "university"
[project]
id = "nodules"
title = "Nodules"
registry = "j-mid"
agreement = "{DIGEST}"
datasets = ["lungs"]
quota = {{ seconds = 0 }}
[[member]]
name = "mori"
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Node]:
    """A research cloud with one frozen dataset."""
    node = make_hub(tmp_path / "home")
    write(replace(node.settings, role="cloud"))
    facility = Facility(tmp_path / "facility", 1, "j-mid").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1,)))).digest)
    freeze(node, "lungs", "j-mid")
    yield node
    node.index.dispose()


def answer(node: Node, *arguments: str) -> Any:
    """What a command says."""
    command = [*arguments, "--home", str(node.settings.home), "--json"]
    done = CliRunner().invoke(kaname, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def onboarded(node: Node, text: str = TEAM) -> Any:
    """What taking a team in says."""
    file = node.settings.home / "team.toml"
    file.write_text(text, encoding="utf-8")
    return answer(node, "project", "onboard", str(file), "--at", "https://console.example/")


def test_a_team_is_taken_in_by_one_command(cloud: Node) -> None:
    """Each new member gets an address that works once; all of it is one event, without a secret."""
    said = onboarded(cloud)
    address = said["signins"]["mori"]
    assert address.startswith("https://console.example/signin?once=")
    secret = address.partition("once=")[2]
    session = open_session(cloud.index, secret, place="console", clock=cloud.clock)
    assert session.grant.parts == (Part("researcher", "j-mid", "nodules"),)
    (event,) = cloud.ledger.events(about="nodules")
    assert (event.action, event.facts["members"], event.facts["new_accounts"]) == (
        "project-onboarded",
        {"mori": "researcher"},
        ["mori"],
    )
    assert secret not in f"{[*cloud.ledger.events()]}"
    (row,) = answer(cloud, "project", "list")
    assert (row["id"], row["state"], row["datasets"]) == ("nodules", "open", ["lungs"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (('registry = "j-mid"', 'registry = "nobody"'), "unknown-registry"),
        (('registry = "j-mid"', 'registry = "jed"'), "unknown-registry"),
        (('registry = "j-mid"', 'registry = "basic"'), "not-found"),
        (('["lungs"]', '["lungs", "none"]'), "not-found"),
        (('name = "mori"', 'name = ""'), "account-name"),
    ],
)
def test_what_cannot_be_leaves_nothing(cloud: Node, change: tuple[str, str], code: str) -> None:
    """A registry that is none or not this node's, a dataset that is not there, a name that is none."""
    with pytest.raises(Refused, match=code):
        onboarded(cloud, TEAM.replace(*change))
    assert accounts(cloud.index, cloud.clock) == ()
    assert answer(cloud, "project", "list") == []


def test_members_come_and_go_at_once(cloud: Node) -> None:
    """A member who was removed sees nothing of it in the session that is open."""
    said = onboarded(cloud)
    secret = said["signins"]["mori"].partition("once=")[2]
    session = open_session(cloud.index, secret, place="console", clock=cloud.clock)
    add_account(cloud.index, "abe", [], None, cloud.clock)
    answer(cloud, "project", "member", "add", "nodules", "--name", "abe", "--role", "checker")
    assert answer(cloud, "project", "show", "nodules")["members"] == ["abe checker", "mori researcher"]
    answer(cloud, "project", "member", "remove", "nodules", "--name", "mori")
    grant = check_session(cloud.index, session.secret, place="console", clock=cloud.clock).grant
    assert grant.parts == ()
    assert [event.action for event in cloud.ledger.events(about="abe")] == ["member-added"]


def test_a_job_is_submitted_in_a_project(cloud: Node) -> None:
    """Not in one that is closed, not beyond its time, not in one that is not there."""
    onboarded(cloud)
    code = cloud.settings.home / "learn.py"
    code.write_text("pass")
    command = ("job", "submit", str(code), "--dataset", "lungs")
    with pytest.raises(NotYet, match="quota-used"):
        answer(cloud, *command, "--project", "nodules")
    with pytest.raises(Refused, match="not-found"):
        answer(cloud, *command, "--project", "none")
    answer(cloud, "project", "state", "nodules", "suspended")
    with pytest.raises(Forbidden, match="project-closed"):
        answer(cloud, *command, "--project", "nodules")
    answer(cloud, "project", "state", "nodules", "closed")
    with pytest.raises(Refused, match="project-state"):
        answer(cloud, "project", "state", "nodules", "open")
    assert answer(cloud, *command)["project"] == ""
    assert [event.action for event in cloud.ledger.events(about="nodules")][1:] == [
        "project-suspended",
        "project-closed",
    ]
