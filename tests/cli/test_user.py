from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kaname.access.accounts import sign_in
from kaname.access.model import PEOPLE, Part
from kaname.cli import kaname
from kaname.errors import Forbidden, Refused
from kaname.node import Node, open_node
from kaname.settings import load


def run(home: Path, *arguments: str, typed: str = "") -> Any:
    """What a command answers."""
    done = CliRunner().invoke(kaname, [*arguments, "--home", str(home), "--json"], input=typed, catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Node, dict[str, Any]]:
    """A hub that ``kaname init`` made, and what the command said."""
    home = tmp_path_factory.mktemp("hub") / "home"
    answer = run(home, "init", "--role", "hub", "--name", "society", "--registry", "j-mid")
    return open_node(load(home)), answer


def test_the_first_person_may_do_everything(made: tuple[Node, dict[str, Any]]) -> None:
    """The password of the administrator is shown once and differs from home to home."""
    node, answer = made
    session = sign_in(node.index, answer["administrator"], answer["password"], node.clock)
    assert {part.role for part in session.grant.parts} == {*PEOPLE}
    assert session.grant.registries == ("j-mid",)
    everything = [path.read_bytes() for path in node.settings.home.rglob("*") if path.is_file()]
    assert not any(answer["password"].encode() in data for data in everything)


def test_somebody_is_added_listed_and_given_a_new_password(made: tuple[Node, dict[str, Any]]) -> None:
    """Each step stands in the ledger, without the password."""
    node, _ = made
    home = node.settings.home
    wanted = ("--name", "reader", "--registry", "j-mid", "--role", "reader")
    first = run(home, "user", "add", *wanted)["password"]
    assert sign_in(node.index, "reader", first, node.clock).grant.parts == (Part("reader", "j-mid"),)
    typed = "a long enough phrase"
    answer = run(home, "user", "password", "--name", "reader", "--ask", typed=f"{typed}\n{typed}\n")
    assert answer == {"name": "reader"}
    with pytest.raises(Forbidden, match="password-wrong"):
        sign_in(node.index, "reader", first, node.clock)
    sign_in(node.index, "reader", typed, node.clock)
    listed = {row["name"]: row for row in run(home, "user", "list")}
    assert listed["reader"]["parts"] == ["reader j-mid"]
    assert not listed["reader"]["locked"]
    events = [event for event in node.ledger.events(about="reader") if event.actor == "operator"]
    assert [event.action for event in events] == ["user-added", "user-password"]
    assert not any(secret in f"{events}" for secret in (first, typed))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "--name", "admin", "--registry", "j-mid", "--role", "reader"), "account-exists"),
        (("add", "--name", "x", "--registry", "nobody", "--role", "reader"), "unknown-registry"),
        (("password", "--name", "nobody"), "not-found"),
    ],
)
def test_what_cannot_be_done_is_refused(
    made: tuple[Node, dict[str, Any]], arguments: tuple[str, ...], code: str
) -> None:
    """A name that is taken, a registry that is none, a person who is none."""
    with pytest.raises(Refused, match=code):
        run(made[0].settings.home, "user", *arguments)
