"""The receipts of all tiers in one statement, and messages between nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from kaname.access.certificates import client_context
from kaname.access.signing import sign_statement
from kaname.errors import Refused
from kaname.parcel import messages
from kaname.parcel.ask import Partner
from kaname.parcel.journey import Journey, Stop, ask_journey
from kaname.parcel.messages import Acknowledgement, Message, send_message
from kaname.parcel.statements import Receipt
from kaname.testing.door import ScriptedDoor, scripted_door
from kaname.testing.parcels import (
    AT,
    CLOUD_KEY,
    GATEWAY_KEY,
    HUB_KEY,
    HUB_KEYS,
    Pair,
    enrolled_pair,
    journey_for,
    receipt_for,
    small_manifest,
    small_message,
)

MANIFEST = small_manifest()
JOURNEY = journey_for(MANIFEST)
MESSAGE = small_message().sign(HUB_KEY)
ACKNOWLEDGEMENT = Acknowledgement(sha256(MESSAGE).hexdigest(), {"key": "x", "share": 0.5}, 3, "3" * 64, AT)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A hub and a gateway that is enrolled with it."""
    return enrolled_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def door(pair: Pair) -> Iterator[ScriptedDoor]:
    """A door that answers as this test says."""
    with scripted_door(pair.hub) as door:
        yield door


@pytest.fixture
def partner(pair: Pair, door: ScriptedDoor) -> Partner:
    """The door, behind which whoever signs with the hub's key of the test vectors is believed."""
    return Partner(door.url, client_context(pair.gateway), HUB_KEY.public)


def refused(code: str, part: str) -> pytest.RaisesExc[Refused]:
    """Expects a refusal with that code, naming that part."""
    return pytest.raises(Refused, check=lambda error: (error.code, error.facts.get("part")) == (code, part))


def body_of(statement: bytes, **values: object) -> dict[str, Any]:
    """The body of a statement with other values."""
    return json.loads(statement)["body"] | values


def stop(receipt: Receipt, **values: Any) -> Stop:
    """The cloud's stop with another receipt."""
    signed = replace(receipt, **values).sign(CLOUD_KEY)
    return Stop("cloud-1", CLOUD_KEY.public, Receipt.open(signed, {CLOUD_KEY.public.id: CLOUD_KEY.public}))


def test_a_journey_survives_its_signature(door: ScriptedDoor, partner: Partner) -> None:
    """A signed journey opens to an equal one; asked for over the network, it is the same."""
    door.answer = JOURNEY.sign(HUB_KEY)
    found = ask_journey(MANIFEST.digest, partner)
    assert found == JOURNEY == Journey.open(door.answer, HUB_KEYS)
    assert found.statement == door.answer
    assert [one.receipt.statement for one in found.stops] == [one.receipt.statement for one in JOURNEY.stops]
    assert door.came[0][:2] == ("GET", f"/peer/v1/journeys/{MANIFEST.digest}")


def test_a_refusal_is_a_stop_too() -> None:
    """The cloud may refuse what the hub accepted; the journey says so."""
    refusal = stop(receipt_for(MANIFEST), outcome="refused", reason="withdrawn", instances=0, instances_digest="")
    journey = replace(JOURNEY, stops=(JOURNEY.stops[0], refusal))
    assert Journey.open(journey.sign(HUB_KEY), HUB_KEYS).stops[1].receipt.reason == "withdrawn"


@pytest.mark.parametrize("values", [{"parcel": "0" * 64}, {"gateway": "gw-2"}, {"sequence": 2}, {"instances": 1}])
def test_receipts_of_other_parcels_are_no_stops(values: dict[str, Any]) -> None:
    """Every receipt is about this parcel and what the first tier took in."""
    journey = replace(JOURNEY, stops=(JOURNEY.stops[0], stop(receipt_for(MANIFEST), **values)))
    with refused("receipt-invalid", "stops"):
        Journey.open(journey.sign(HUB_KEY), HUB_KEYS)


def test_wrong_journeys_are_refused(door: ScriptedDoor, partner: Partner) -> None:
    """No stop at all, an unknown word, another parcel's journey, or one that begins elsewhere is none."""
    for part, values in (("stops", {"stops": []}), ("onward", {"onward": "lost"}), ("members", {"stops": [1]})):
        with refused("receipt-invalid", part):
            Journey.open(sign_statement("journey", body_of(JOURNEY.sign(HUB_KEY), **values), HUB_KEY), HUB_KEYS)
    door.answer = JOURNEY.sign(HUB_KEY)
    with refused("receipt-invalid", "answer"):
        ask_journey("0" * 64, partner)
    door.answer = replace(JOURNEY, stops=JOURNEY.stops[1:]).sign(HUB_KEY)
    with refused("receipt-invalid", "answer"):
        ask_journey(MANIFEST.digest, partner)
    door.answer = JOURNEY.sign(GATEWAY_KEY)
    with refused("receipt-invalid", "key"):
        ask_journey(MANIFEST.digest, partner)


def test_a_message_is_acknowledged(door: ScriptedDoor, partner: Partner) -> None:
    """What is said survives its signature, fractions too, and the answer is about exactly that message."""
    message = Message.open(MESSAGE, HUB_KEYS)
    assert (message, message.statement) == (small_message(), MESSAGE)
    door.answer = ACKNOWLEDGEMENT.sign(HUB_KEY)
    found = send_message(MESSAGE, partner)
    assert (found, found.statement) == (ACKNOWLEDGEMENT, door.answer)
    assert door.came[0][:2] + door.came[0][3:] == ("POST", "/peer/v1/messages", MESSAGE)
    door.answer = replace(ACKNOWLEDGEMENT, message="0" * 64).sign(HUB_KEY)
    with refused("message-unanswered", "answer"):
        send_message(MESSAGE, partner)
    door.answer = ACKNOWLEDGEMENT.sign(GATEWAY_KEY)
    with refused("message-unanswered", "key"):
        send_message(MESSAGE, partner)
    door.status = 422
    with pytest.raises(Refused, match="message-unanswered"):
        send_message(MESSAGE, partner)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("kind", {"kind": "Introduction"}),
        ("sender", {"sender": ""}),
        ("registry", {"registry": ""}),
        ("sequence", {"sequence": 0}),
        ("at", {"at": "now"}),
        ("members", {"more": 1}),
    ],
)
def test_wrong_messages_are_refused_by_name(part: str, values: dict[str, object]) -> None:
    """A message with a wrong value is refused and its place named."""
    with refused("statement-invalid", part):
        Message.open(sign_statement("message", body_of(MESSAGE, **values), HUB_KEY), HUB_KEYS)


def test_a_message_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no receiver would take does not leave."""
    monkeypatch.setattr(messages, "MESSAGE_LIMIT_BYTES", len(MESSAGE) - 1)
    with pytest.raises(Refused, match="too-large"):
        small_message().sign(HUB_KEY)
