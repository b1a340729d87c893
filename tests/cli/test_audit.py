"""``kaname audit``: verify, export, heads, keys, why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from kaname.access.accounts import add_account
from kaname.access.heads import keep_head
from kaname.access.model import Part
from kaname.access.partners import Partner, admit
from kaname.access.signing import SigningKey
from kaname.cli import kaname
from kaname.database import writing
from kaname.errors import Refused
from kaname.node import Node, open_node
from kaname.parcel.enrolment import signing_key
from kaname.parcel.messages import Acknowledgement
from kaname.settings import load

CANARY = "カナリア太郎"
KEY = SigningKey.from_seed(b"\1" * 32)


def call(*arguments: str | Path) -> Result:
    """Runs the command line in this process."""
    return CliRunner().invoke(kaname, [str(one) for one in arguments])


def answer(*arguments: str | Path) -> Any:
    """What a command that must succeed prints as JSON."""
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: str | Path) -> tuple[str, dict[str, Any]]:
    """Code and facts of a command that must be refused."""
    error = call(*arguments).exception
    assert isinstance(error, Refused)
    return error.code, error.facts


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A hub with a few events, one of which holds what must not leave by DICOM."""
    answer("init", "--role", "hub", "--name", "society", "--registry", "j-mid", "--home", tmp_path / "hub")
    node = opened(tmp_path / "hub")
    for number in range(3):
        node.ledger.append("parcel-accepted", f"{number}", actor="society", facts={"n": number, "note": CANARY})
    node.index.dispose()
    return tmp_path / "hub"


def opened(home: Path) -> Node:
    """The node of a home."""
    return open_node(load(home))


def test_an_export_is_verified_without_the_home(home: Path, tmp_path: Path) -> None:
    """File and keys alone; a flipped bit, a removed and a reordered event are told by their numbers."""
    exported, keys, heads = tmp_path / "ledger.jsonl", tmp_path / "keys", tmp_path / "heads"
    made = answer("audit", "export", "-o", exported, "--home", home)
    keys.write_text(call("audit", "keys", "--home", home).stdout, encoding="utf-8")
    node = opened(home)
    event = next(node.ledger.events(after=1))
    held = Acknowledgement("a" * 64, {}, 2, event.digest, event.at).sign(signing_key(node.settings.keys))
    heads.write_bytes(held + b"\n")
    offline = ("audit", "verify", "--export", exported, "--keys", keys, "--heads", heads)
    found = answer(*offline)
    assert (found["name"], found["events"], found["heads_met"]) == ("society", made["events"], 1)
    lines = exported.read_bytes().splitlines(keepends=True)
    assert json.loads(lines[-2])["action"] == "ledger-read"
    for changed, number in (
        ([lines[0], lines[1].replace(b'"n":0', b'"n":1'), *lines[2:]], 2),
        ([lines[0], *lines[2:]], 2),
        ([lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lines[1:], 1),
    ):
        exported.write_bytes(b"".join(changed))
        assert refused(*offline) == ("ledger-broken", {"sequence": number})
    exported.write_bytes(b"".join(lines))
    keys.write_text(f"society {KEY.public.text}\n", encoding="utf-8")
    assert refused(*offline)[0] == "ledger-head-invalid"
    keys.write_bytes(b"\xff\x00")
    assert refused(*offline) == ("key-invalid", {"line": 1})


def test_verify_wants_a_file_and_keys_together(home: Path) -> None:
    """Neither is any use alone."""
    assert call("audit", "verify", "--export", home / "kaname.toml").exit_code == 2
    assert call("audit", "verify", "--keys", home / "kaname.toml").exit_code == 2
    assert call("audit", "verify", "--heads", home / "kaname.toml", "--home", home).exit_code == 2


def test_the_own_ledger_is_verified(home: Path) -> None:
    """And the event that does not hold is named."""
    assert answer("audit", "verify", "--home", home)["heads_met"] == 0
    with writing(opened(home).index) as connection:
        connection.execute(text("UPDATE ledger SET actor = 'other' WHERE sequence = 2"))
    assert refused("audit", "verify", "--home", home) == ("ledger-broken", {"sequence": 2})


def test_dicom_messages_name_nobody(home: Path, tmp_path: Path) -> None:
    """One a line for each event, the reading itself among them; what stood among the facts stays."""
    target = tmp_path / "messages.xml"
    made = answer("audit", "export", "-o", target, "--format", "dicom", "--home", home)
    whole = target.read_text(encoding="utf-8")
    lines = whole.splitlines()
    assert len(lines) == made["events"]
    assert all(line.startswith("<AuditMessage>") for line in lines)
    assert 'csd-code="110101"' in lines[-1]
    assert CANARY not in whole
    assert answer("audit", "show", "--action", "ledger-read", "--home", home)[0]["form"] == "dicom"


def test_what_happened_before_a_day_is_written_apart(home: Path, tmp_path: Path) -> None:
    """Nothing yet, long ago; a day that is none is no day."""
    target = tmp_path / "part"
    assert answer("audit", "export", "-o", target, "--before", "2020-01-01", "--home", home)["events"] == 0
    assert call("audit", "export", "-o", target, "--before", "yesterday", "--home", home).exit_code == 2


def test_held_heads_are_shown_with_what_speaks_against_them(home: Path, tmp_path: Path) -> None:
    """Whose, since when, the newest, the contradicted; and written to a file that verifies a ledger."""
    node = opened(home)
    admit(node.index, Partner("facility-1", "gateway", KEY.public, ("j-mid",)), clock=node.clock)
    for sequence, digest in ((4, "a"), (5, "b")):
        said = Acknowledgement("0" * 64, {}, sequence, digest * 64, "2026-11-21T12:00:00Z").sign(KEY)
        keep_head(node, "facility-1", KEY.public, said)
    other = Acknowledgement("0" * 64, {}, 4, "c" * 64, "2026-11-21T12:00:00Z").sign(KEY)
    with pytest.raises(Refused):
        keep_head(node, "facility-1", KEY.public, other)
    (row,) = answer("audit", "heads", "-o", tmp_path / "heads", "--home", home)
    assert (row["name"], row["held_by"], row["heads"]) == ("facility-1", "society", 3)
    assert (row["sequence"], row["head"], row["contradicted"]) == (5, "b" * 64, [4])
    assert row["since"] <= row["received_at"]
    assert len((tmp_path / "heads").read_bytes().splitlines()) == 3
    assert f"facility-1 {KEY.public.text}\n" in call("audit", "keys", "--home", home).stdout


def test_why_says_what_decided(home: Path) -> None:
    """Allowed with the policy's text, denied without one, denied by one that forbids, and an unknown name."""
    node = opened(home)
    add_account(node.index, "r-sato", (Part("reader", "j-mid"),), None, node.clock)
    found = answer("audit", "why", "r-sato", "read", "j-mid", "--home", home)
    assert (found["decision"], found["policies"], found["parts"]) == ("allowed", ["reader"], ["reader in j-mid"])
    assert found["texts"]["reader"].startswith("@id")
    shown = call("audit", "why", "r-sato", "read", "j-mid", "--weak", "--home", home).stdout
    assert "denied" in shown
    assert '@id("second-factor-missing")\nforbid' in shown
    denied = answer("audit", "why", "r-sato", "release", "j-mid", "--home", home)
    assert (denied["decision"], denied["policies"], denied["roles_that_may"]) == ("denied", [], ["checker"])
    assert refused("audit", "why", "nobody", "read", "j-mid", "--home", home)[0] == "not-found"
    assert refused("audit", "why", "r-sato", "read", "j-mid/heart", "--home", home)[0] == "not-found"
    assert call("audit", "why", "r-sato", "fly", "j-mid", "--home", home).exit_code == 2
