"""A hospital tells how much lies there: counts by reason, on change, through all tiers, over mutual TLS."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kaname.access.partners import Partner as Admitted
from kaname.access.partners import admit as write_down
from kaname.access.signing import read_statement
from kaname.clock import Clock
from kaname.errors import KanameError, NotYet, Refused
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.tell import Teller, tell
from kaname.governance import messages
from kaname.governance.messages import take_message
from kaname.intake.facilities import history, holdings, pass_holdings_on, untold
from kaname.node import Node
from kaname.parcel.enrolment import accept_answer, admit, make_request, signing_key
from kaname.parcel.holdings import Counts
from kaname.parcel.messages import HOLDINGS, Message
from kaname.settings import Settings
from kaname.testing.deliveries import AT, Facility
from kaname.testing.tiers import REGISTRIES, Tiers, make_tiers
from kaname.upkeep.home import make_home

from .hospitals import REGISTRY, slice_file, table_file, take


def do(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step at once: what the durable worker does, without its memory."""
    return step(*arguments)


def raised(kind: type[KanameError], code: str, part: str | None = None) -> pytest.RaisesExc[KanameError]:
    """Expects that outcome with that code."""
    return pytest.raises(kind, check=lambda e: e.code == code and part in (None, e.facts.get("part")))


@dataclass
class Hands:
    """A clock that a test turns."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))

    def turn(self, seconds: float) -> None:
        """Later."""
        self.now += timedelta(seconds=seconds)


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
def hospital(tiers: Tiers, hands: Hands, tmp_path: Path) -> Hospital:
    """A gateway that is enrolled with the hub."""
    node = make_home(Settings(tmp_path / "gateway", "gateway", "facility-7", registries=REGISTRIES))
    hub = tiers.hub
    asked = make_request(node.settings.keys, "facility-7", REGISTRIES)
    admission = admit(asked, hub.settings.keys, signing_key(hub.settings.keys), "society", tiers.hub_door.url)
    gateway = Admitted(admission.name, "gateway", admission.key, admission.registries, admission.certificate)
    write_down(hub.index, gateway, clock=hub.clock)
    accept_answer(node.settings.keys, admission.answer)
    return open_hospital(replace(node, clock=Clock(now=lambda: hands.now)))


def refuse(*_: object) -> Any:
    """A receiver that knows no such kind."""
    raise Refused("statement-invalid", part="kind")


def said(node: Node) -> list[tuple[str, str, int, int, dict[str, int]]]:
    """What a node knows of its facilities."""
    return [(h.facility, h.registry, h.received, h.sent, dict(h.held)) for h in holdings(node, REGISTRIES)]


def test_counts_reach_every_tier(hospital: Hospital, hands: Hands, tiers: Tiers, tmp_path: Path) -> None:
    """What is held, received and sent is told on change, once a minute at most, and the cloud hears the same words."""
    teller = Teller(hospital)
    assert teller.waiting() == ()
    for number in "12":
        slice_file(tmp_path / "in", number, accession=f"A-{number}", patient=f"P{number}")
    table_file(tmp_path / "in", ("A-1", "P1"))
    take(hospital, tmp_path / "in")
    assert teller.waiting() == ()
    hands.turn(10)
    assert teller.waiting() == (f"{REGISTRY}:1",)
    with raised(NotYet, "receiver-unreachable"):
        tell(hospital, f"{REGISTRY}:1")
    with tiers.hub_door.open():
        assert tell(hospital, f"{REGISTRY}:1") == {"sequence": 1}
        assert tell(hospital, f"{REGISTRY}:1") == {}
        held = {"image-without-record": 1}
        assert said(tiers.hub) == [("facility-7", REGISTRY, 2, 0, held)]
        take(hospital, table_file(tmp_path / "later", ("A-2", "P2")))
        hands.turn(30)
        assert teller.waiting() == ()
        hands.turn(86400)
        assert teller.waiting() == (f"{REGISTRY}:2",)
        tell(hospital, f"{REGISTRY}:2")
        hands.turn(100)
        assert teller.waiting() == ()
    assert said(tiers.hub) == [("facility-7", REGISTRY, 2, 0, {})]
    (one,) = untold(tiers.hub)
    with raised(NotYet, "receiver-unreachable"):
        pass_holdings_on(tiers.hub, do, one)
    assert untold(tiers.hub) == (one,)
    with tiers.cloud_door.open():
        assert pass_holdings_on(tiers.hub, do, one) == {"sequence": 2}
        assert pass_holdings_on(tiers.hub, do, one) == {}
    assert untold(tiers.hub) == untold(tiers.cloud) == ()
    assert said(tiers.cloud) == said(tiers.hub)
    days = [(day.day, day.held) for day in history(tiers.hub, REGISTRIES)]
    assert days == [("2026-11-21", 1), ("2026-11-22", 0)]
    assert holdings(tiers.cloud, ["basic"]) == ()


def test_a_word_that_is_refused(
    hospital: Hospital, hands: Hands, tiers: Tiers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the partner does not take is not said again; the next word is another one."""
    take(hospital, slice_file(tmp_path / "in", "1"))
    (one,) = Teller(hospital).waiting()
    with monkeypatch.context() as patch:
        patch.setattr(messages, "take_holdings", refuse)
        with tiers.hub_door.open(), raised(Refused, "message-unanswered"):
            tell(hospital, one)
    hands.turn(61)
    assert Teller(hospital).waiting() == ()
    take(hospital, slice_file(tmp_path / "in2", "2", accession="A-2"))
    assert Teller(hospital).waiting() == (f"{REGISTRY}:2",)


def test_the_newest_word_counts(tiers: Tiers) -> None:
    """An older word that comes later changes nothing; the same one again is answered by the same bytes."""
    words = [
        Message(HOLDINGS, "facility-1", REGISTRY, number, Counts(number, 0, {"withdrawn": 1}).to_json(), AT)
        for number in (1, 2, 3)
    ]
    first, second, third = (word.sign(tiers.facility.signing) for word in words)
    answers = [take_message(tiers.hub, one) for one in (second, first, third, second, third)]
    assert (answers[0], answers[2]) == (answers[3], answers[4])
    assert said(tiers.hub) == [("facility-1", REGISTRY, 3, 0, {"withdrawn": 1})]


def test_words_of_strangers(tiers: Tiers) -> None:
    """A gateway speaks for itself alone, about its own registries, in counts; a hub does not speak in its place."""

    def word(sender: str = "facility-1", registry: str = REGISTRY, body: Any = None) -> Message:
        return Message(HOLDINGS, sender, registry, 1, Counts(1, 0, {}).to_json() if body is None else body, AT)

    me, stranger = tiers.facility.signing, Facility(tiers.facility.folder, 9).signing
    with raised(Refused, "statement-invalid"):
        take_message(tiers.hub, word().sign(stranger))
    with raised(Refused, "statement-invalid", "sender"):
        take_message(tiers.hub, word("facility-2").sign(me))
    with raised(Refused, "statement-invalid", "registry"):
        take_message(tiers.hub, word(registry="jed").sign(me))
    with raised(Refused, "statement-invalid", "sender"):
        take_message(tiers.cloud, word("society").sign(signing_key(tiers.hub.settings.keys)))
    good = Counts(1, 0, {"withdrawn": 1}).to_json()
    reasons = ([{"count": 1, "reason": "a"}, {"count": 2, "reason": "a"}], [{"count": 0, "reason": "a"}], ["a"])
    wrongs = [good | {"held": held} for held in (*reasons, [{"count": 1, "reason": "A b"}])]
    for wrong in (*wrongs, {}, good | {"sent": -1}, good | {"received": 1 << 40}):
        with raised(Refused, "statement-invalid"):
            take_message(tiers.hub, word(body=wrong).sign(me))
    assert said(tiers.hub) == []
    assert read_statement(word().sign(me)).kind == "message"
