"""Where partners said that their ledgers end: kept, and held against them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kaname.access.heads import OWN, head_answered, head_json, head_said, held_heads, keep_head, keep_own, newest_own
from kaname.access.partners import Partner, admit, revoke
from kaname.access.signing import SigningKey, sign_statement
from kaname.clock import Clock
from kaname.database import connect, migrate
from kaname.errors import Refused
from kaname.governance.messages import take_message
from kaname.ledger import Head, Json, Ledger
from kaname.node import Node
from kaname.parcel.messages import LEDGER_HEAD, Acknowledgement, Message
from kaname.parcel.statements import Receipt
from kaname.testing.deliveries import REGISTRY, make_hub
from kaname.testing.postgres import find_programs, postgres_server

NAME = "facility-1"
KEY, STRANGER = SigningKey.from_seed(b"\1" * 32), SigningKey.from_seed(b"\2" * 32)
A, B = "a" * 64, "b" * 64


@dataclass
class Told:
    """A head as a gateway would tell it."""

    sequence: int
    digest: str = A
    minute: int = 0
    key: SigningKey = KEY
    sender: str = NAME

    @property
    def statement(self) -> bytes:
        """The signed message."""
        at = f"2026-11-21T12:{self.minute:02}:00Z"
        body = head_json(Head(self.sequence, self.digest))
        return Message(LEDGER_HEAD, self.sender, REGISTRY, self.sequence, body, at).sign(self.key)


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Node]:
    """A hub that admitted one gateway."""
    node = make_hub(tmp_path / "hub", clock=Clock(now=lambda: datetime(2026, 11, 21, 13, tzinfo=UTC)))
    admit(node.index, Partner(NAME, "gateway", KEY.public, (REGISTRY,)), clock=node.clock)
    yield node
    node.index.dispose()


def held(node: Node) -> list[tuple[str, int, str]]:
    """What is kept."""
    return [(one.partner, one.head.sequence, one.head.digest) for one in held_heads(node)]


def actions(node: Node) -> list[str]:
    """What the ledger tells, in order."""
    return [event.action for event in node.ledger.events()]


def refused(node: Node, told: Told) -> tuple[str, object]:
    """Code and fact of a head that is not taken."""
    with pytest.raises(Refused) as raised:
        take_message(node, told.statement)
    return raised.value.code, raised.value.facts.get("part", raised.value.facts.get("sequence"))


def test_a_partners_head_is_kept_and_acknowledged(hub: Node) -> None:
    """With the evidence; the answer repeats it, signed; the same again has the same answer and changes nothing."""
    told = Told(7)
    answer = take_message(hub, told.statement)
    (one,) = held_heads(hub)
    assert (one.partner, one.head, one.key_id) == (NAME, Head(7, A), KEY.public.id)
    assert (one.received_at, one.statement) == ("2026-11-21T13:00:00Z", told.statement)
    assert take_message(hub, told.statement) == answer
    assert held(hub) == [(NAME, 7, A)]
    assert actions(hub) == ["message-taken"]


def test_another_digest_for_the_same_number_is_evidence(hub: Node) -> None:
    """It is refused, kept beside the first, and told in the ledger once, however often it comes."""
    take_message(hub, Told(7).statement)
    forged = Told(7, B, minute=1)
    assert refused(hub, forged) == ("ledger-contradicted", 7)
    assert refused(hub, forged) == ("ledger-contradicted", 7)
    assert held(hub) == [(NAME, 7, A), (NAME, 7, B)]
    assert actions(hub) == ["message-taken", "ledger-contradicted"]
    take_message(hub, Told(8, minute=2).statement)
    assert held(hub)[-1] == (NAME, 8, A)


def test_a_ledger_that_went_back_is_evidence(hub: Node) -> None:
    """A smaller number at a later time."""
    take_message(hub, Told(7).statement)
    assert refused(hub, Told(5, minute=1)) == ("ledger-went-back", 5)
    assert held(hub) == [(NAME, 5, A), (NAME, 7, A)]
    assert actions(hub) == ["message-taken", "ledger-went-back"]


def test_an_older_word_that_comes_late_takes_nothing_back(hub: Node) -> None:
    """A head of an earlier time is one more that the ledger must meet; the newest stays the newest."""
    take_message(hub, Told(7, minute=5).statement)
    take_message(hub, Told(3).statement)
    assert held(hub) == [(NAME, 3, A), (NAME, 7, A)]
    assert refused(hub, Told(6, minute=6)) == ("ledger-went-back", 6)


def test_a_strangers_head_is_refused(hub: Node) -> None:
    """Signed by nobody who was admitted, or in another's name; nothing is kept."""
    assert refused(hub, Told(7, key=STRANGER)) == ("statement-invalid", "key")
    assert refused(hub, Told(7, sender="facility-2")) == ("statement-invalid", "sender")
    flipped = bytearray(Told(7).statement)
    flipped[-10] ^= 1
    with pytest.raises(Refused, match="statement-invalid"):
        take_message(hub, bytes(flipped))
    assert held(hub) == []


def test_a_revoked_partner_tells_nothing_more(hub: Node) -> None:
    """What it said before stays: that is what it may be held to."""
    take_message(hub, Told(7).statement)
    revoke(hub.index, NAME, clock=hub.clock)
    assert refused(hub, Told(8, minute=1)) == ("statement-invalid", "key")
    assert held(hub) == [(NAME, 7, A)]


def test_a_gateway_that_a_hub_vouches_for_tells_its_own_hub_only(hub: Node) -> None:
    """A node that never admitted it keeps no head of it."""
    from kaname.access.introductions import Introduced, introduce
    from kaname.database import writing

    admit(hub.index, Partner("other-hub", "hub", STRANGER.public, (REGISTRY,)), clock=hub.clock)
    far = SigningKey.from_seed(b"\3" * 32)
    with writing(hub.index) as connection:
        introduce(connection, Introduced("facility-9", far.public, (REGISTRY,), "other-hub", hub.clock.stamp()))
    assert refused(hub, Told(7, key=far, sender="facility-9")) == ("statement-invalid", "sender")
    take_message(hub, Told(7, key=STRANGER, sender="other-hub").statement)
    assert held(hub) == [("other-hub", 7, A)]


NO_HEADS: tuple[Json, ...] = (
    {},
    {"ledger_sequence": 0, "ledger_head": A},
    {"ledger_sequence": 1 << 31, "ledger_head": A},
    {"ledger_sequence": True, "ledger_head": A},
    {"ledger_sequence": 1, "ledger_head": "A" * 64},
    [],
    "7",
)


@pytest.mark.parametrize("body", NO_HEADS)
def test_what_is_no_head_is_refused(hub: Node, body: Json) -> None:
    """Signed by a partner or not."""
    message = Message(LEDGER_HEAD, NAME, REGISTRY, 1, body, "2026-11-21T12:00:00Z")
    with pytest.raises(Refused, match="statement-invalid"):
        take_message(hub, message.sign(KEY))
    assert held(hub) == []


def test_every_statement_that_names_a_ledger_names_a_head() -> None:
    """A receipt, an acknowledgement, and a head by itself; a statement about something else names none."""
    keys = {KEY.public.id: KEY.public}
    at = "2026-11-21T12:00:00Z"
    receipt = Receipt(A, NAME, REGISTRY, 1, "refused", "parcel-damaged", 0, "", 9, B, at).sign(KEY)
    acknowledgement = Acknowledgement(A, {}, 9, B, at).sign(KEY)
    alone = sign_statement("ledger-head", {**head_json(Head(9, B)), "at": at, "name": NAME, "before": ""}, KEY)
    for statement in (receipt, acknowledgement, alone, Told(9, B).statement):
        said = head_said(statement, keys)
        assert (said.head, said.key_id, said.at) == (Head(9, B), KEY.public.id, at)
    with pytest.raises(Refused, match="statement-invalid"):
        head_said(Message("readings", NAME, REGISTRY, 9, head_json(Head(9, B)), at).sign(KEY), keys)
    with pytest.raises(Refused, match="statement-invalid"):
        head_answered(receipt, KEY.public)


def test_own_heads_are_kept_by_the_word_of_who_holds_them(hub: Node) -> None:
    """The newest word of the next tier about each; they are no partner's."""
    early = Acknowledgement(A, head_json(Head(4, B)), 9, A, "2026-11-21T12:00:00Z").sign(KEY)
    later = Acknowledgement(B, head_json(Head(4, B)), 10, B, "2026-11-21T12:30:00Z").sign(KEY)
    assert newest_own(hub) is None
    assert keep_own(hub, KEY.public, early) == keep_own(hub, KEY.public, later) == Head(4, B)
    (one,) = held_heads(hub)
    assert (one.partner, one.statement) == (OWN, later)
    assert newest_own(hub) == one
    with pytest.raises(Refused, match="statement-invalid"):
        keep_own(hub, STRANGER.public, early)


def test_heads_are_kept_on_postgres(hub: Node) -> None:
    """The same rules there."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    with postgres_server(programs) as url:
        index = connect(url)
        migrate(index, ["ground"])
        node = replace(hub, index=index, ledger=Ledger(index, hub.clock))
        keep_head(node, NAME, KEY.public, Told(7).statement)
        with pytest.raises(Refused, match="ledger-contradicted"):
            keep_head(node, NAME, KEY.public, Told(7, B).statement)
        assert held(node) == [(NAME, 7, A), (NAME, 7, B)]
        assert actions(node) == ["ledger-contradicted"]
        index.dispose()
