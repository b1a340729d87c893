"""An exported ledger is verified with public keys alone, and whatever one thing is changed in it is found."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kaname.access.heads import head_json
from kaname.access.ledger_file import Signer, Verified, read_signers, verify_file, write_ledger
from kaname.access.signing import SigningKey, sign_statement
from kaname.clock import Clock
from kaname.database import connect, migrate, writing
from kaname.errors import Refused
from kaname.ledger import Head, Ledger
from kaname.node import Node
from kaname.parcel.messages import Acknowledgement
from kaname.settings import Settings
from kaname.store import Store

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "ledger.md"
KEY, OTHER = SigningKey.from_seed(b"\1" * 32), SigningKey.from_seed(b"\2" * 32)
SIGNERS = {KEY.public.id: Signer("society", KEY.public)}
EVENTS = 6


@dataclass
class Hands:
    """A clock that a test turns."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))


@pytest.fixture
def hands() -> Hands:
    """Of the node's clock."""
    return Hands()


@pytest.fixture
def node(tmp_path: Path, hands: Hands) -> Generator[Node]:
    """A node that wrote an event an hour."""
    index = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(index, ["ground"])
    clock = Clock(now=lambda: hands.now)
    made = Node(Settings(tmp_path, "hub", "society"), index, Store.open(str(tmp_path)), Ledger(index, clock), clock)
    for number in range(EVENTS):
        made.ledger.append("a-thing", f"{number}", actor="society", facts={"n": number, "text": "撤回"})
        hands.now += timedelta(hours=1)
    yield made
    index.dispose()


@pytest.fixture
def exported(node: Node, tmp_path: Path) -> Path:
    """Its ledger in a file."""
    write_ledger(node, KEY, tmp_path / "ledger.jsonl")
    return tmp_path / "ledger.jsonl"


def receipt(node: Node, sequence: int, at: str = "2026-11-21T12:00:00Z", key: SigningKey = KEY) -> bytes:
    """A partner's acknowledgement that names an event."""
    event = next(node.ledger.events(after=sequence - 1))
    return Acknowledgement("a" * 64, {}, sequence, event.digest, at).sign(key)


def fails(path: Path, heads: tuple[bytes, ...] = ()) -> tuple[str, object, object]:
    """Code, number and part of what is found."""
    with pytest.raises(Refused) as raised:
        verify_file(path, SIGNERS, heads)
    return raised.value.code, raised.value.facts.get("sequence"), raised.value.facts.get("part")


def test_a_whole_ledger_is_verified_with_the_key_alone(node: Node, exported: Path) -> None:
    """Who signed it, when, up to which head, and how many held heads it meets."""
    heads = [receipt(node, 2), receipt(node, 5)]
    at = "2026-11-21T18:00:00Z"
    assert verify_file(exported, SIGNERS) == Verified("society", node.ledger.head(), at, "", 0, 0)
    assert verify_file(exported, SIGNERS, heads) == Verified("society", node.ledger.head(), at, "", 2, 0)
    assert exported.stat().st_mode & 0o777 == 0o600
    assert not list(exported.parent.glob("*.part"))


def test_an_empty_ledger_is_verified(node: Node, tmp_path: Path) -> None:
    """Its end is the empty head."""
    head = write_ledger(node, KEY, tmp_path / "none", before="2026-11-21")
    assert head == Head()
    assert verify_file(tmp_path / "none", SIGNERS).head == Head()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_flipped_bit_is_found_and_told_by_its_number(exported: Path, data: st.DataObject) -> None:
    """Any bit of any event, and any of the signed head."""
    whole = exported.read_bytes()
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    changed = bytearray(whole)
    changed[place // 8] ^= 1 << place % 8
    line = whole[: place // 8].count(b"\n") + 1
    path = exported.with_name("flipped")
    path.write_bytes(changed)
    code, sequence, _ = fails(path)
    if line <= EVENTS:
        assert (code, sequence) == ("ledger-broken", line)
    else:
        assert (code, sequence) in {("ledger-broken", EVENTS + 1), ("ledger-head-invalid", EVENTS)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, EVENTS - 1), st.integers(0, EVENTS - 1))
@example(0, EVENTS - 1)
def test_a_removed_and_a_reordered_event_are_told_by_their_number(exported: Path, one: int, other: int) -> None:
    """Any event taken out, any two exchanged, any one written twice."""
    lines = exported.read_bytes().splitlines(keepends=True)
    path = exported.with_name("changed")
    path.write_bytes(b"".join(lines[:one] + lines[one + 1 :]))
    assert fails(path)[:2] == ("ledger-broken", one + 1)
    path.write_bytes(b"".join([*lines[: one + 1], *lines[one:]]))
    assert fails(path)[:2] == ("ledger-broken", one + 2)
    if one != other:
        lines[one], lines[other] = lines[other], lines[one]
        path.write_bytes(b"".join(lines))
        assert fails(path)[:2] == ("ledger-broken", min(one, other) + 1)


def test_an_end_that_was_cut_off_is_found(node: Node, exported: Path) -> None:
    """Without its head, under the old head, and signed anew by the node itself: that by a head that somebody held."""
    lines = exported.read_bytes().splitlines(keepends=True)
    path = exported.with_name("cut")
    path.write_bytes(b"".join(lines[:4]))
    assert fails(path) == ("ledger-head-invalid", 4, "missing")
    path.write_bytes(b"".join([*lines[:4], lines[-1]]))
    assert fails(path)[:2] == ("ledger-broken", 5)
    path.write_bytes(exported.read_bytes()[:-1])
    assert fails(path) == ("ledger-head-invalid", EVENTS, "missing")
    held = receipt(node, 5)
    with writing(node.index) as connection:
        connection.execute(text("DELETE FROM ledger WHERE sequence > 4"))
    write_ledger(node, KEY, path)
    assert verify_file(path, SIGNERS).head.sequence == 4
    assert fails(path, (held,))[:2] == ("ledger-broken", 5)


def test_a_ledger_written_anew_is_found_by_a_held_head(node: Node, exported: Path, tmp_path: Path) -> None:
    """It holds by itself, and is told by the number of the first head that it does not meet."""
    heads = (receipt(node, 2), receipt(node, 4), receipt(node, 6))
    with writing(node.index) as connection:
        connection.execute(text("DELETE FROM ledger WHERE sequence > 2"))
    for number in range(4):
        node.ledger.append("another", f"{number}", actor="society")
    write_ledger(node, KEY, tmp_path / "anew")
    assert verify_file(tmp_path / "anew", SIGNERS, heads[:1]).met == 1
    assert fails(tmp_path / "anew", heads)[:2] == ("ledger-broken", 4)
    assert verify_file(exported, SIGNERS, heads).met == 3


def test_what_stands_behind_the_head_is_found(exported: Path) -> None:
    """Nothing may follow it."""
    with exported.open("ab") as file:
        file.write(b"{}\n")
    assert fails(exported)[:2] == ("ledger-broken", EVENTS + 1)


def test_a_wrong_key_is_told(node: Node, exported: Path, tmp_path: Path) -> None:
    """A stranger's, another node's, and a head that is signed by a stranger."""
    write_ledger(node, OTHER, tmp_path / "strange")
    assert fails(tmp_path / "strange") == ("ledger-head-invalid", EVENTS, "key")
    both = SIGNERS | {OTHER.public.id: Signer("research", OTHER.public)}
    with pytest.raises(Refused) as raised:
        verify_file(tmp_path / "strange", both)
    assert raised.value.facts == {"part": "name", "sequence": EVENTS}
    assert fails(exported, (receipt(node, 2, key=OTHER),))[::2] == ("ledger-head-invalid", "key")
    with pytest.raises(Refused, match="ledger-head-invalid"):
        verify_file(exported, {KEY.public.id: Signer("society", OTHER.public)})


def test_heads_of_other_nodes_are_passed_over(node: Node, exported: Path) -> None:
    """A hospital has one file of heads, of all who ever signed one for it."""
    both = SIGNERS | {OTHER.public.id: Signer("research", OTHER.public)}
    elsewhere = Acknowledgement("a" * 64, {}, 3, "c" * 64, "2026-11-21T12:00:00Z").sign(OTHER)
    assert verify_file(exported, both, [elsewhere, receipt(node, 3)]).met == 1


def test_a_part_up_to_a_day_says_so(node: Node, hands: Hands, tmp_path: Path) -> None:
    """It ends in a signed head of its own; heads of later days are counted apart, those before must be met."""
    hands.now = datetime(2026, 11, 23, 1, tzinfo=UTC)
    node.ledger.append("a-thing", "late", actor="society")
    path = tmp_path / "part"
    assert write_ledger(node, KEY, path, before="2026-11-22").sequence == EVENTS
    later = receipt(node, EVENTS + 1, at="2026-11-23T02:00:00Z")
    found = verify_file(path, SIGNERS, [later, receipt(node, 3)])
    assert (found.before, found.met, found.later) == ("2026-11-22", 1, 1)
    early = receipt(node, EVENTS + 1, at="2026-11-21T23:00:00Z")
    assert fails(path, (early,))[:2] == ("ledger-broken", EVENTS + 1)


def test_a_broken_ledger_is_not_written_as_if_it_held(node: Node, exported: Path) -> None:
    """What stood in the file before stays."""
    before = exported.read_bytes()
    with writing(node.index) as connection:
        connection.execute(text("UPDATE ledger SET actor = 'other' WHERE sequence = 3"))
    with pytest.raises(Refused) as raised:
        write_ledger(node, KEY, exported)
    assert (raised.value.code, raised.value.facts) == ("ledger-broken", {"sequence": 3})
    assert exported.read_bytes() == before


@pytest.mark.parametrize("end", [{"ledger_sequence": True}, {"name": 1}, {"more": 1}, {"before": None}])
def test_a_head_of_another_form_is_refused(exported: Path, end: dict[str, object]) -> None:
    """Even when it is signed."""
    lines = exported.read_bytes().splitlines(keepends=True)
    body = json.loads(lines[-1])["body"] | end
    exported.write_bytes(b"".join(lines[:-1]) + sign_statement("ledger-head", body, KEY) + b"\n")
    assert fails(exported)[0] == "ledger-head-invalid"


def test_the_file_of_keys_is_read_strictly() -> None:
    """A name and a key a line, remarks and empty lines between; anything else is told by its line."""
    lines = f"# keys\n\nsociety {KEY.public.text}\nresearch {OTHER.public.text}\n"
    assert read_signers(lines) == SIGNERS | {OTHER.public.id: Signer("research", OTHER.public)}
    for wrong in ("society", f"society {KEY.public.text} more", "society AAAA", f"so/ciety {KEY.public.text}"):
        with pytest.raises(Refused) as raised:
            read_signers(f"{lines}{wrong}\n")
        assert (raised.value.code, raised.value.facts) == ("key-invalid", {"line": 5})


def test_the_specifications_vector_is_what_is_written(tmp_path: Path) -> None:
    """The file that ``docs/spec/ledger.md`` shows verifies with the key and the head that it gives."""
    page = SPEC.read_text(encoding="utf-8")
    blocks = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    exported, keys, heads = (tmp_path / name for name in ("export", "keys", "heads"))
    for path, block in zip((exported, keys, heads), blocks, strict=True):
        path.write_text(block, encoding="utf-8")
    signers = read_signers(keys.read_text(encoding="utf-8"))
    found = verify_file(exported, signers, heads.read_bytes().splitlines())
    assert (found.name, found.head.sequence, found.met) == ("hub-1", 2, 1)
    assert signers.keys() == {SigningKey.from_seed(b"\1" * 32).public.id}
    body = {**head_json(found.head), "name": "hub-1", "at": found.at, "before": ""}
    assert sign_statement("ledger-head", body, KEY) == exported.read_bytes().splitlines()[-1]
