"""Nodes tell each other where their ledgers end, over mutual TLS, and each then holds the other to it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from kaname.access.heads import OWN, held_heads
from kaname.access.partners import Partner as Admitted
from kaname.access.partners import admit as write_down
from kaname.access.partners import revoke
from kaname.clock import Clock
from kaname.database import writing
from kaname.errors import NotYet, Refused
from kaname.ledger import Ledger
from kaname.node import Node
from kaname.parcel.enrolment import accept_answer, admit, make_request, signing_key
from kaname.parcel.messages import Acknowledgement
from kaname.settings import Settings
from kaname.testing.tiers import REGISTRIES, Tiers, make_tiers
from kaname.upkeep import heads as telling
from kaname.upkeep import worker
from kaname.upkeep.audit import signers
from kaname.upkeep.heads import own_heads, send_head, tell_head, untold_head
from kaname.upkeep.home import make_home
from kaname.work import Work


def do(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step at once: what the durable worker does, without its memory."""
    return step(*arguments)


@dataclass
class Hands:
    """A clock that a test turns."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))

    def turn(self, **how: float) -> None:
        """Later."""
        self.now += timedelta(**how)


@pytest.fixture
def tiers(tmp_path: Path) -> Generator[Tiers]:
    """A hub and a cloud, both doors shut."""
    made = make_tiers(tmp_path)
    yield made
    made.hub.index.dispose()
    made.cloud.index.dispose()


@pytest.fixture
def hands() -> Hands:
    """Of the hospital's clock."""
    return Hands()


@pytest.fixture
def hospital(tiers: Tiers, hands: Hands, tmp_path: Path) -> Generator[Node]:
    """A gateway that is enrolled with the hub."""
    node = make_home(Settings(tmp_path / "gateway", "gateway", "facility-7", registries=REGISTRIES))
    hub = tiers.hub
    asked = make_request(node.settings.keys, "facility-7", REGISTRIES)
    admission = admit(asked, hub.settings.keys, signing_key(hub.settings.keys), "society", tiers.hub_door.url)
    gateway = Admitted(admission.name, "gateway", admission.key, admission.registries, admission.certificate)
    write_down(hub.index, gateway, clock=hub.clock)
    accept_answer(node.settings.keys, admission.answer)
    clock = Clock(now=lambda: hands.now)
    yield replace(node, clock=clock, ledger=Ledger(node.index, clock))
    node.index.dispose()


def held(node: Node) -> list[tuple[str, int]]:
    """Whose heads a node holds; its own as it knows them to be held."""
    return [(one.partner, one.head.sequence) for one in held_heads(node)]


def test_both_keep_the_others_head(hospital: Node, tiers: Tiers) -> None:
    """One message: the hub holds the gateway's head; the gateway the hub's, and its word that it holds the other."""
    assert untold_head(hospital) == ()
    first = hospital.ledger.append("a-thing", "1", actor="facility-7")
    (hour,) = untold_head(hospital)
    with pytest.raises(NotYet, match="receiver-unreachable"):
        tell_head(hospital, hour)
    with tiers.hub_door.open():
        assert send_head(hospital, do, hour) == {"told": 1, "heard": 1}
        assert tell_head(hospital, hour) == {}
    assert held(tiers.hub) == [("facility-7", 1)]
    assert held(hospital) == [(OWN, 1), ("society", 1)]
    assert own_heads(hospital) == (hospital.ledger.head(),)
    assert held_heads(tiers.hub)[0].head.digest == first.digest
    assert held_heads(hospital)[1].head == tiers.hub.ledger.head()
    assert hospital.ledger.verify(own_heads(hospital)).sequence == 1


def test_a_head_is_told_once_an_hour_when_it_moved_and_once_a_day(hospital: Node, hands: Hands, tiers: Tiers) -> None:
    """Telling it is no event of the teller, so that two quiet nodes stay quiet."""
    hospital.ledger.append("a-thing", "1", actor="facility-7")
    with tiers.hub_door.open():
        tell_head(hospital, "")
        hospital.ledger.append("a-thing", "2", actor="facility-7")
        hands.turn(minutes=59)
        assert untold_head(hospital) == ()
        hands.turn(minutes=1)
        assert len(untold_head(hospital)) == 1
        assert tell_head(hospital, "") == {"told": 2, "heard": 2}
        hands.turn(hours=23)
        assert untold_head(hospital) == ()
        hands.turn(hours=1)
        assert tell_head(hospital, "") == {"told": 2, "heard": 3}
        assert untold_head(hospital) == ()
    assert hospital.ledger.head().sequence == 2
    assert held(tiers.hub) == [("facility-7", 1), ("facility-7", 2)]


def test_the_hub_tells_the_cloud(tiers: Tiers) -> None:
    """Each tier holds the next one to its word; the cloud, behind which nobody stands, tells nobody."""
    tiers.hub.ledger.append("a-thing", "1", actor="society")
    with tiers.cloud_door.open():
        assert tell_head(tiers.hub, "") == {"told": 1, "heard": 1}
    assert held(tiers.cloud) == [("society", 1)]
    assert held(tiers.hub) == [(OWN, 1), ("research", 1)]
    assert untold_head(tiers.cloud) == ()


def test_a_gateway_whose_ledger_was_rewritten_is_found_out(hospital: Node, hands: Hands, tiers: Tiers) -> None:
    """By the hub, which says so in its own ledger; and by the gateway's own verification."""
    for number in range(3):
        hospital.ledger.append("a-thing", f"{number}", actor="facility-7")
    with tiers.hub_door.open():
        tell_head(hospital, "")
        with writing(hospital.index) as connection:
            connection.execute(text("DELETE FROM ledger WHERE sequence > 1"))
        with pytest.raises(Refused) as raised:
            hospital.ledger.verify(own_heads(hospital))
        assert (raised.value.code, raised.value.facts) == ("ledger-broken", {"sequence": 3})
        hands.turn(hours=1)
        with pytest.raises(Refused, match="message-unanswered"):
            tell_head(hospital, "")
        for number in range(2):
            hospital.ledger.append("another", f"{number}", actor="facility-7")
        with pytest.raises(Refused, match="message-unanswered"):
            tell_head(hospital, "")
    actions = [event.action for event in tiers.hub.ledger.events()]
    assert actions == ["message-taken", "ledger-went-back", "ledger-contradicted"]
    assert held(tiers.hub) == [("facility-7", 1), ("facility-7", 3), ("facility-7", 3)]


def test_a_hub_whose_ledger_was_rewritten_is_found_out(hospital: Node, hands: Hands, tiers: Tiers) -> None:
    """By the gateway, from the acknowledgements that it signed."""
    hospital.ledger.append("a-thing", "1", actor="facility-7")
    with tiers.hub_door.open():
        tell_head(hospital, "")
        with writing(tiers.hub.index) as connection:
            connection.execute(text("DELETE FROM ledger"))
        hands.turn(days=1)
        with pytest.raises(Refused, match="ledger-contradicted"):
            tell_head(hospital, "")
    assert held(hospital) == [(OWN, 1), ("society", 1), ("society", 1)]
    assert [event.action for event in hospital.ledger.events()] == ["a-thing", "ledger-contradicted"]


def test_an_answer_that_holds_another_head_is_none(
    hospital: Node, tiers: Tiers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next tier has to repeat what it was told."""
    hospital.ledger.append("a-thing", "1", actor="facility-7")
    told = Acknowledgement(
        "a" * 64, {"ledger_head": "b" * 64, "ledger_sequence": 1}, 1, "c" * 64, "2026-11-21T12:00:00Z"
    )
    monkeypatch.setattr(telling, "send_message", lambda *_: told)
    with pytest.raises(Refused, match="message-unanswered"):
        tell_head(hospital, "")
    assert held(hospital) == []
    assert held(tiers.hub) == []


def test_own_heads_are_those_that_the_next_tier_signed(hospital: Node, tiers: Tiers) -> None:
    """A row that somebody wrote there by hand is told."""
    hospital.ledger.append("a-thing", "1", actor="facility-7")
    with tiers.hub_door.open():
        tell_head(hospital, "")
    with writing(hospital.index) as connection:
        connection.execute(text("UPDATE access_head SET digest = 'f' WHERE partner = ''"))
    with pytest.raises(Refused) as raised:
        own_heads(hospital)
    assert (raised.value.code, raised.value.facts["sequence"]) == ("ledger-head-invalid", 1)


def test_every_role_that_delivers_has_the_flow(hospital: Node, tiers: Tiers) -> None:
    """The worker of a gateway and that of a hub look for heads to tell."""
    names: list[str] = []

    class Listed:
        """Takes flows as the worker's list does."""

        def flow(self, name: str, *_: Any, **__: Any) -> None:
            """One flow."""
            names.append(name)

    worker._hospital(cast("Work", Listed()), hospital)
    assert "send-head" in names
    names.clear()
    worker._society(cast("Work", Listed()), tiers.hub)
    assert "send-head" in names


def test_keys_of_all_who_sign_are_given_once(hospital: Node, tiers: Tiers) -> None:
    """This node's, the next tier's, and those of partners, of revoked ones too."""
    assert [one.name for one in signers(hospital)] == ["facility-7", "society"]
    revoke(tiers.hub.index, "facility-7", clock=tiers.hub.clock)
    assert [one.name for one in signers(tiers.hub)] == ["society", "research", "facility-1", "facility-7"]
