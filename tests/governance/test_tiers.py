"""A withdrawal goes through all tiers, and messages reach the room that they are for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kaname.access.signing import SigningKey
from kaname.archive.flow import shelve
from kaname.database import reading
from kaname.datasets import flow as datasets
from kaname.errors import KanameError, NotYet, Refused
from kaname.governance import withdraw
from kaname.governance.index import WITHDRAWALS
from kaname.governance.messages import take_message
from kaname.governance.withdraw import finish_withdrawal, obey, unfinished
from kaname.intake.flow import accept, find
from kaname.intake.forward import forward_parcel, unforwarded
from kaname.ledger import Json
from kaname.models import flow as models
from kaname.node import Node
from kaname.parcel.enrolment import signing_key
from kaname.parcel.messages import INTRODUCTION, READINGS, Acknowledgement, Message
from kaname.parcel.statements import Certificate, ModelRef
from kaname.testing.deliveries import AT, REGISTRY, Facility, hub_keys, series
from kaname.testing.kill import killer
from kaname.testing.tiers import Tiers, make_tiers

ME = "00012345"
KILLS = 6


def do(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step at once: what the durable worker does, without its memory."""
    return step(*arguments)


def raised(kind: type[KanameError], code: str, part: str | None = None) -> pytest.RaisesExc[KanameError]:
    """Expects that outcome with that code."""
    return pytest.raises(kind, check=lambda e: e.code == code and part in (None, e.facts.get("part")))


@pytest.fixture
def tiers(tmp_path: Path) -> Generator[Tiers]:
    """A hub and a cloud, both doors shut."""
    made = make_tiers(tmp_path)
    yield made
    made.hub.index.dispose()
    made.cloud.index.dispose()


def held_everywhere(tiers: Tiers, sequence: int = 1, patient: str = ME) -> str:
    """A study of a patient that hub and cloud have shelved; the cloud's door has to be open."""
    file = tiers.facility.parcel(series(patient, study=sequence), sequence)
    digest = accept(tiers.hub, file).digest
    forward_parcel(tiers.hub, do, digest)
    for node in (tiers.hub, tiers.cloud):
        shelve(node, digest)
    return digest


def certified(tiers: Tiers, statement: bytes) -> Certificate:
    """The hub's certificate, its signature and what it answers checked; the cloud's stands in it."""
    certificate = Certificate.open(obey(tiers.hub, statement), hub_keys(tiers.hub))
    assert certificate.answers(statement)
    (tier,) = certificate.upstream
    assert (tier.name, tier.key) == ("research", signing_key(tiers.cloud.settings.keys).public)
    assert tier.certificate.answers(statement)
    return certificate


def packs(node: Node) -> list[str]:
    """Packs in the store of a node."""
    return [key for key in node.store.keys("") if key.startswith("packs/")]


def withdrawal_state(node: Node) -> list[str]:
    """Where the withdrawals of a node stand."""
    with reading(node.index) as connection:
        return list(connection.scalars(select(WITHDRAWALS.c.state)))


def test_a_subject_is_gone_from_all_tiers(tiers: Tiers) -> None:
    """Hub and cloud delete, both leave a hole, and the gateway's certificate holds the cloud's."""
    with tiers.cloud_door.open():
        digest = held_everywhere(tiers)
        for node in (tiers.hub, tiers.cloud):
            datasets.freeze(node, "first", REGISTRY)
        statement = tiers.facility.withdrawal(ME)
        certificate = certified(tiers, statement)
        assert obey(tiers.hub, statement) == certificate.statement
    there = certificate.upstream[0].certificate
    for one in (certificate, there):
        assert {name.split("/")[0] for name in one.deleted} >= {"packs", "series", "records", "parcels"}
        assert [(made.name, made.version) for made in one.datasets] == [("first", 2)]
    assert packs(tiers.hub) == packs(tiers.cloud) == []
    assert find(tiers.hub, digest).state == find(tiers.cloud, digest).state == "withdrawn"
    assert obey(tiers.cloud, statement) == there.statement
    assert unforwarded(tiers.hub) == unfinished(tiers.hub) == ()
    assert [event.action for event in tiers.hub.ledger.events()][-4:] == [
        "withdrawal-received",
        "dataset-holed",
        "withdrawal-passed-on",
        "withdrawal-obeyed",
    ]
    tiers.hub.ledger.verify()
    tiers.cloud.ledger.verify()


def test_the_hub_deletes_at_once_and_waits_for_the_cloud(tiers: Tiers) -> None:
    """While the cloud is unreachable nothing is certified, though all is gone here; the same statement goes on."""
    with tiers.cloud_door.open():
        held_everywhere(tiers)
    waiting = accept(tiers.hub, tiers.facility.parcel(series(study=2), 2)).digest
    statement = tiers.facility.withdrawal(ME)
    for _ in range(2):
        with raised(NotYet, "receiver-unreachable"):
            obey(tiers.hub, statement)
    assert packs(tiers.hub) == []
    assert len(packs(tiers.cloud)) == 1
    assert unforwarded(tiers.hub) == ()
    assert forward_parcel(tiers.hub, do, waiting) == {}
    assert unfinished(tiers.hub) == (sha256(statement).hexdigest(),)
    with tiers.cloud_door.open():
        deleted = finish_withdrawal(tiers.hub, do, unfinished(tiers.hub)[0])["deleted"]
        certificate = certified(tiers, statement)
    assert len(certificate.deleted) == deleted
    assert packs(tiers.cloud) == []
    assert withdrawal_state(tiers.hub) == withdrawal_state(tiers.cloud) == ["certified"]


def test_a_subject_that_the_cloud_never_saw(tiers: Tiers) -> None:
    """The gateway is introduced for the withdrawal alone, so that the cloud refuses whatever may come later."""
    with tiers.cloud_door.open():
        certificate = certified(tiers, tiers.facility.withdrawal(ME))
        assert certificate.deleted == certificate.upstream[0].certificate.deleted == ()
    assert not accept(tiers.cloud, tiers.facility.parcel(series())).accepted


def test_the_worker_leaves_a_refusal_to_a_person(tiers: Tiers, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no waiting mends is not tried for ever; whoever sends the statement again goes on with it."""
    statement = tiers.facility.withdrawal(ME)

    def refusing(*_: object) -> Certificate:
        raise Refused("certificate-invalid")

    with tiers.cloud_door.open():
        with monkeypatch.context() as patched:
            patched.setattr(withdraw, "send_withdrawal", refusing)
            with raised(Refused, "certificate-invalid"):
                obey(tiers.hub, statement)
            with raised(Refused, "certificate-invalid"):
                finish_withdrawal(tiers.hub, do, unfinished(tiers.hub)[0])
        assert withdrawal_state(tiers.hub) == ["stopped"]
        assert unfinished(tiers.hub) == ()
        certified(tiers, statement)
    assert withdrawal_state(tiers.hub) == ["certified"]


def test_models_that_learned_are_named(tiers: Tiers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate names every model version that was trained on a dataset version which named the subject."""
    asked: list[tuple[str, ...]] = []

    def trained_on(node: Node, digests: tuple[str, ...]) -> tuple[ModelRef, ...]:
        asked.append(digests)
        return (ModelRef("nodules", 1, "6" * 64),) if node is tiers.hub else ()

    monkeypatch.setattr(models, "trained_on", trained_on)
    with tiers.cloud_door.open():
        held_everywhere(tiers)
        held_everywhere(tiers, 2, "777")
        named = [datasets.freeze(tiers.hub, "first", REGISTRY).digest]
        certificate = certified(tiers, tiers.facility.withdrawal(ME))
    assert certificate.models == (ModelRef("nodules", 1, "6" * 64),)
    assert certificate.upstream[0].certificate.models == ()
    assert asked[-1] == tuple(named)


def test_withdrawing_survives_being_killed(tiers: Tiers) -> None:
    """Killed at any line at the hub, the same statement again ends with both certificates, each event once."""
    with tiers.cloud_door.open():
        for number in range(1, KILLS + 3):
            held_everywhere(tiers, number, f"P{number}")
        statements = [tiers.facility.withdrawal(f"P{n}", n) for n in range(1, KILLS + 3)]
        tiers.hub.index.dispose()
        with killer(tiers.hub.settings.home) as kill:
            file = tiers.facility.folder / "statement"
            lines = 0
            for number, statement in enumerate(statements):
                file.write_bytes(statement)
                if number < 2:  # the first one opens what is opened once, the second one is counted
                    lines = kill.run("obey", file)
                else:
                    stop = 1 + (number - 2) * lines // KILLS
                    assert kill.run("obey", file, stop) == stop
                certified(tiers, statement)
    assert packs(tiers.hub) == packs(tiers.cloud) == []
    for action in ("withdrawal-received", "withdrawal-passed-on", "withdrawal-obeyed"):
        assert len(list(tiers.hub.ledger.events(action=action))) == len(statements)
    assert len(list(tiers.cloud.ledger.events(action="withdrawal-obeyed"))) == len(statements)
    tiers.hub.ledger.verify()


def message(tiers: Tiers, kind: str, body: Json, *, registry: str = REGISTRY, key: SigningKey | None = None) -> bytes:
    """What the hub says to the cloud."""
    signing = key or signing_key(tiers.hub.settings.keys)
    return Message(kind, "society", registry, 1, body, AT).sign(signing)


def test_a_message_is_answered_once(tiers: Tiers) -> None:
    """The same message again is the same acknowledgement, and the ledger has it once."""
    facility = Facility(tiers.facility.folder, 2)
    body: Json = {"gateway": facility.name, "public_key": facility.signing.public.text}
    statement = message(tiers, INTRODUCTION, body)
    first = take_message(tiers.cloud, statement)
    found = Acknowledgement.open(first, hub_keys(tiers.cloud))
    assert (found.message, found.answer) == (sha256(statement).hexdigest(), {"key": facility.signing.public.id})
    assert take_message(tiers.cloud, statement) == first
    (event,) = tiers.cloud.ledger.events(action="message-taken")
    assert (found.ledger_sequence, found.ledger_head) == (event.sequence, event.digest)
    assert accept(tiers.cloud, facility.parcel(series())).accepted


def test_messages_reach_their_room(tiers: Tiers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings go to annotation, with who sent them and about which registry; two at once are one."""
    came: list[tuple[str, str, Json]] = []

    def take_in(node: Node, sender: str, registry: str, body: Json) -> Json:
        came.append((sender, registry, body))
        if len(came) == 1:
            take_message(node, statement)
        return {"cases": 1}

    monkeypatch.setattr("kaname.annotation.exchange.take_in", take_in)
    body: Json = {"score": 0.25, "cases": []}
    statement = message(tiers, READINGS, body)
    answer = take_message(tiers.cloud, statement)
    assert Acknowledgement.open(answer, hub_keys(tiers.cloud)).answer == {"cases": 1}
    assert came == [("society", REGISTRY, body)] * 2
    assert len(list(tiers.cloud.ledger.events(action="message-taken"))) == 1


def test_only_a_hub_may_speak(tiers: Tiers) -> None:
    """A stranger, a gateway, another name, another registry, an unknown kind or a wrong body changes nothing."""
    gateway = Facility(tiers.facility.folder, 3).admitted_to(tiers.cloud)
    wrong = [
        (message(tiers, INTRODUCTION, {}, key=SigningKey.from_seed(bytes(32))), "key"),
        (message(tiers, INTRODUCTION, {}, key=gateway.signing), "sender"),
        (message(tiers, INTRODUCTION, {}, registry="joi"), "registry"),
        (message(tiers, "gossip", {}), "kind"),
        (message(tiers, INTRODUCTION, {}), "members"),
        (message(tiers, INTRODUCTION, {"gateway": "x", "public_key": "AAAA"}), "public_key"),
    ]
    head = tiers.cloud.ledger.head()
    for statement, part in wrong:
        with raised(Refused, "statement-invalid", part):
            take_message(tiers.cloud, statement)
    taken: Json = {"gateway": gateway.name, "public_key": tiers.facility.signing.public.text}
    with raised(Refused, "enrolment-invalid", "name"):
        take_message(tiers.cloud, message(tiers, INTRODUCTION, taken))
    assert tiers.cloud.ledger.head() == head


def test_a_registry_that_stays_at_the_hub(tmp_path: Path) -> None:
    """Where the next tier takes nothing of a registry, a withdrawal from it ends at the hub."""
    tiers = make_tiers(tmp_path, ["basic"])
    accept(tiers.hub, tiers.facility.parcel(series()))
    certificate = Certificate.open(obey(tiers.hub, tiers.facility.withdrawal(ME)), hub_keys(tiers.hub))
    assert certificate.upstream == ()
    assert packs(tiers.hub) == []
