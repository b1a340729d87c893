"""Delivery over mutual TLS, against a real server on the loopback."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kaname.access.certificates import client_context
from kaname.errors import KanameError, NotYet, Refused
from kaname.parcel import ask
from kaname.parcel.ask import Partner
from kaname.parcel.manifest import PackEntry, RecordEntry
from kaname.parcel.open import open_parcel
from kaname.parcel.seal import Parcel
from kaname.parcel.stored import StoredParcel
from kaname.parcel.transfer import ask_receipt, deliver, pass_on, send_withdrawal
from kaname.testing.door import ScriptedDoor, scripted_door
from kaname.testing.parcels import (
    GATEWAY_KEY,
    GATEWAY_KEYS,
    Pair,
    certificate_for,
    enrolled_pair,
    receipt_for,
    small_manifest,
    small_parcel,
    small_withdrawal,
)

WITHDRAWAL = small_withdrawal().sign(GATEWAY_KEY)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A hub and a gateway that is enrolled with it."""
    return enrolled_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def parcel(tmp_path_factory: pytest.TempPathFactory) -> Parcel:
    """The parcel of the test vectors."""
    return small_parcel(tmp_path_factory.mktemp("parcel"))


@pytest.fixture
def door(pair: Pair) -> Iterator[ScriptedDoor]:
    """The hub's door."""
    with scripted_door(pair.hub) as door:
        yield door


@pytest.fixture
def partner(pair: Pair, door: ScriptedDoor) -> Partner:
    """The door as the gateway knows it."""
    return Partner(door.url, client_context(pair.gateway), pair.record.key)


def raised(kind: type[KanameError], code: str) -> pytest.RaisesExc[KanameError]:
    """Expects that outcome with that code."""
    return pytest.raises(kind, check=lambda error: error.code == code)


def test_parcel_arrives_and_its_receipt_comes_back(
    pair: Pair, parcel: Parcel, door: ScriptedDoor, partner: Partner, tmp_path: Path
) -> None:
    """The bytes that arrive are the parcel's, announced by their length, and the receipt is the hub's."""
    receipt = receipt_for(parcel.manifest)
    door.answer = receipt.sign(pair.hub_key)
    assert deliver(parcel, partner) == receipt
    [(method, path, headers, body)] = door.came
    assert (method, path) == ("POST", "/peer/v1/parcels")
    assert headers["content-length"] == str(parcel.path.stat().st_size)
    assert headers["content-type"] == "application/x-tar"
    (tmp_path / "arrived").write_bytes(body)
    assert open_parcel(tmp_path / "arrived", GATEWAY_KEYS).manifest == parcel.manifest


def stored(parcel: Parcel, *, damage: bytes = b"") -> StoredParcel:
    """The same parcel as a receiver keeps it: its files apart; ``damage`` takes the place of each one's content."""
    with parcel.path.open("rb") as file:
        data = file.read()

    def source(member: PackEntry | RecordEntry) -> Iterator[bytes]:
        start = data.index(member.name.encode()) + 512
        content = damage or data[start : start + member.size_bytes]
        yield from (content[:100], b"", content[100:])

    start = data.index(b"manifest.sig") + 512
    signature = data[start : start + int(data[start - 388 : start - 377], 8)]
    return StoredParcel(parcel.manifest, signature, source)


def test_a_parcel_is_passed_on_as_it_was_sealed(
    pair: Pair, parcel: Parcel, door: ScriptedDoor, partner: Partner
) -> None:
    """Read from where its files rest, the parcel arrives byte for byte, announced by its length."""
    door.answer = receipt_for(parcel.manifest).sign(pair.hub_key)
    assert pass_on(stored(parcel), partner) == receipt_for(parcel.manifest)
    [(_, path, headers, body)] = door.came
    assert (path, body) == ("/peer/v1/parcels", parcel.path.read_bytes())
    assert (headers["content-length"], headers["content-type"]) == (str(len(body)), "application/x-tar")
    assert "transfer-encoding" not in headers
    assert stored(parcel).digest == parcel.digest


@pytest.mark.parametrize("size_bytes", [10, 768, 2000])
def test_a_damaged_file_is_never_passed_on_whole(
    parcel: Parcel, door: ScriptedDoor, partner: Partner, size_bytes: int
) -> None:
    """Too short, too long or other bytes: the request is broken off before the parcel is complete."""
    with raised(Refused, "object-damaged"):
        pass_on(stored(parcel, damage=b"x" * size_bytes), partner)
    assert all(len(body) < parcel.path.stat().st_size for *_, body in door.came)


def test_refusal_is_a_receipt_too(pair: Pair, parcel: Parcel, door: ScriptedDoor, partner: Partner) -> None:
    """A parcel that the hub refuses comes back as a signed receipt with the reason, not as an error."""
    refusal = replace(
        receipt_for(parcel.manifest), outcome="refused", reason="inspection-failed", instances=0, instances_digest=""
    )
    door.answer = refusal.sign(pair.hub_key)
    assert deliver(parcel, partner).reason == "inspection-failed"


def test_enrolled_keys_folder_is_a_partner(pair: Pair, tmp_path: Path) -> None:
    """What enrolment left in the keys folder is all that delivery needs; without it there is no partner."""
    found = Partner.enrolled(pair.gateway)
    assert (found.url, found.key) == (pair.record.url, pair.record.key)
    again = Partner.upstream(pair.gateway, "basic")
    assert again is not None
    assert (again.url, again.key, again.name) == (found.url, found.key, "hub-1")
    assert (again.registries, Partner.upstream(pair.gateway, "joi")) == (("basic", "j-mid"), None)
    assert Partner.upstream(pair.hub, "basic") is None
    with raised(NotYet, "not-enrolled"):
        Partner.enrolled(tmp_path)


def test_receipt_can_be_asked_for(pair: Pair, parcel: Parcel, door: ScriptedDoor, partner: Partner) -> None:
    """A receipt that got lost is asked for by the parcel's digest; a parcel that never arrived has none."""
    door.answer = receipt_for(parcel.manifest).sign(pair.hub_key)
    assert ask_receipt(parcel, partner) == receipt_for(parcel.manifest)
    assert door.came[0][:2] == ("GET", f"/peer/v1/receipts/{parcel.digest}")
    door.status = 404
    assert ask_receipt(parcel, partner) is None


def test_withdrawal_brings_a_certificate(pair: Pair, door: ScriptedDoor, partner: Partner) -> None:
    """A withdrawal is answered by the hub's certificate about exactly that statement."""
    door.answer = certificate_for(WITHDRAWAL).sign(pair.hub_key)
    certificate = send_withdrawal(WITHDRAWAL, partner)
    assert certificate.withdrawal == sha256(WITHDRAWAL).hexdigest()
    assert certificate.statement == door.answer
    assert door.came[0][1:2] + door.came[0][3:] == ("/peer/v1/withdrawals", WITHDRAWAL)


def test_answers_of_others_are_refused(pair: Pair, parcel: Parcel, door: ScriptedDoor, partner: Partner) -> None:
    """An answer signed by another key, or about another parcel or withdrawal, is worth nothing."""
    other = replace(small_manifest(), sequence=2)
    for answer in (
        b"",
        b"accepted",
        receipt_for(parcel.manifest).sign(GATEWAY_KEY),
        receipt_for(other).sign(pair.hub_key),
    ):
        door.answer = answer
        with raised(Refused, "receipt-invalid"):
            deliver(parcel, partner)
    for answer in (b"", certificate_for(WITHDRAWAL).sign(GATEWAY_KEY), certificate_for(b"x").sign(pair.hub_key)):
        door.answer = answer
        with raised(Refused, "certificate-invalid"):
            send_withdrawal(WITHDRAWAL, partner)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (500, NotYet, "receiver-busy"),
        (503, NotYet, "receiver-busy"),
        (507, NotYet, "receiver-busy"),
        (429, NotYet, "receiver-busy"),
        (408, NotYet, "receiver-busy"),
        (401, NotYet, "not-enrolled"),
        (403, NotYet, "not-enrolled"),
        (404, Refused, "receipt-invalid"),
        (302, Refused, "receipt-invalid"),
        (204, Refused, "receipt-invalid"),
    ],
)
def test_other_answers_have_their_outcome(
    parcel: Parcel, door: ScriptedDoor, partner: Partner, status: int, kind: type[KanameError], code: str
) -> None:
    """Every answer but 200 is an outcome of ours: wait, ask a person, or not a receiver at all."""
    door.status = status
    with raised(kind, code):
        deliver(parcel, partner)


def test_endless_answer_is_cut(
    parcel: Parcel, door: ScriptedDoor, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is longer than any statement is not read to its end."""
    monkeypatch.setattr(ask, "ANSWER_LIMIT_BYTES", 1000)
    door.answer = b"x" * 1_000_000
    with raised(Refused, "receipt-invalid"):
        deliver(parcel, partner)


def test_lost_connection_is_tried_again_later(parcel: Parcel, door: ScriptedDoor, partner: Partner) -> None:
    """A receiver that hangs up, or is not there, is unreachable for now."""
    door.hang_up = True
    with raised(NotYet, "receiver-unreachable"):
        deliver(parcel, partner)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = replace(partner, url=f"https://127.0.0.1:{free.getsockname()[1]}")
        with raised(NotYet, "receiver-unreachable"):
            deliver(parcel, gone)


def test_false_hub_gets_nothing(parcel: Parcel, door: ScriptedDoor, tmp_path: Path) -> None:
    """A server whose certificate is not of the pinned authority sees no byte of the parcel; a person has to look."""
    elsewhere = enrolled_pair(tmp_path)
    partner = Partner(door.url, client_context(elsewhere.gateway), elsewhere.record.key)
    with raised(NotYet, "receiver-untrusted") as outcome:
        deliver(parcel, partner)
    assert outcome.value.reason.waits_for == "person"
    assert door.came == []


def test_client_without_certificate_delivers_nothing(pair: Pair, parcel: Parcel, door: ScriptedDoor) -> None:
    """The hub hangs up on a client that shows no certificate, before it reads a byte of a parcel."""
    bare = ssl.create_default_context(cafile=str(pair.gateway / "authority.crt"))
    with raised(NotYet, "receiver-unreachable"):
        deliver(parcel, Partner(door.url, bare, pair.record.key))
    assert door.came == []


def test_missing_parcel_is_refused(parcel: Parcel, partner: Partner, tmp_path: Path) -> None:
    """A parcel whose file is gone cannot be sent."""
    with raised(Refused, "object-missing"):
        deliver(replace(parcel, path=tmp_path / "gone"), partner)


def test_partner_prints_no_tls(partner: Partner) -> None:
    """The printed form of a partner leaves its TLS context out."""
    assert "SSLContext" not in repr(partner)
