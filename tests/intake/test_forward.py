"""What a hub accepted goes on to the next tier as the gateway sealed it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaname.access.introductions import introduced
from kaname.archive.flow import shelve
from kaname.database import reading
from kaname.errors import KanameError, NotYet, Refused
from kaname.intake import forward, onward
from kaname.intake.flow import accept, find, receipt_for
from kaname.intake.forward import forward_parcel, stored_parcel, try_again, unforwarded
from kaname.intake.keep import proof_keys
from kaname.intake.tell import inventory, inventory_upstream, journey_of
from kaname.node import Node
from kaname.pack import pack_key
from kaname.parcel.enrolment import read_partner
from kaname.parcel.journey import Journey
from kaname.parcel.reconciliation import Inventory, InventoryRequest
from kaname.parcel.statements import Receipt
from kaname.testing.deliveries import AT, REGISTRY, Facility, hub_keys, make_hub, series
from kaname.testing.kill import killer
from kaname.testing.tiers import Tiers, make_tiers

KILLS = 8


def do(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step at once: what the durable worker does, without its memory."""
    return step(*arguments)


def raised(kind: type[KanameError], code: str) -> pytest.RaisesExc[KanameError]:
    """Expects that outcome with that code."""
    return pytest.raises(kind, check=lambda error: error.code == code)


@pytest.fixture
def tiers(tmp_path: Path) -> Generator[Tiers]:
    """A hub and a cloud, both doors shut."""
    made = make_tiers(tmp_path)
    yield made
    made.hub.index.dispose()
    made.cloud.index.dispose()


def journey(tiers: Tiers, digest: str) -> Journey:
    """What the hub says about a parcel, checked."""
    return Journey.open(journey_of(tiers.hub, digest), hub_keys(tiers.hub))


def state(node: Node, digest: str) -> tuple[str, str]:
    """Where a parcel stands on its way out, and why."""
    with reading(node.index) as connection:
        row = onward.row_of(connection, digest)
    assert row is not None
    return row.state, row.reason


def test_a_parcel_goes_on_as_it_was_sealed(tiers: Tiers) -> None:
    """The cloud learns the gateway's key from the hub, takes the same bytes in, and its receipt is kept at the hub."""
    file = tiers.facility.parcel(series())
    sealed = file.read_bytes()
    digest = accept(tiers.hub, file).digest
    stored = stored_parcel(tiers.hub, digest)
    assert b"".join(stored.pieces()) == sealed
    assert stored.size_bytes == len(sealed)
    assert unforwarded(tiers.hub) == (digest,)
    assert (journey(tiers, digest).onward, len(journey(tiers, digest).stops)) == ("waiting", 1)
    with tiers.cloud_door.open():
        assert forward_parcel(tiers.hub, do, digest) == {"outcome": "accepted", "reason": ""}
        head = tiers.hub.ledger.head()
        assert forward_parcel(tiers.hub, do, digest) == {}
        assert tiers.hub.ledger.head() == head
    assert unforwarded(tiers.hub) == ()
    there = find(tiers.cloud, digest)
    here = find(tiers.hub, digest)
    assert (there.gateway, there.sequence, there.packs) == (here.gateway, here.sequence, here.packs)
    assert shelve(tiers.cloud, digest).instances == 2
    found = journey(tiers, digest)
    assert found.onward == "settled"
    assert [(stop.name, stop.receipt.outcome) for stop in found.stops] == [
        ("society", "accepted"),
        ("research", "accepted"),
    ]
    assert found.stops[1].receipt.statement == receipt_for(tiers.cloud, digest)
    actions = [event.action for event in tiers.hub.ledger.events()]
    assert actions[-2:] == ["gateway-introduced", "parcel-forwarded"]
    with reading(tiers.cloud.index) as connection:
        (known,) = introduced(connection)
    assert (known.name, known.registries, known.hub) == (tiers.facility.name, (REGISTRY,), "society")


def test_a_gateway_is_introduced_once(tiers: Tiers) -> None:
    """Two parcels of one gateway take one introduction; what it says is the same after the cloud was away."""
    digests = [accept(tiers.hub, tiers.facility.parcel(series(study=n), n)).digest for n in (1, 2)]
    with raised(NotYet, "receiver-unreachable"):
        forward_parcel(tiers.hub, do, digests[0])
    assert state(tiers.hub, digests[0]) == ("waiting", "")
    assert unforwarded(tiers.hub) == tuple(digests)
    with tiers.cloud_door.open():
        for digest in digests:
            forward_parcel(tiers.hub, do, digest)
    assert len(list(tiers.hub.ledger.events(action="gateway-introduced"))) == 1
    assert len(list(tiers.cloud.ledger.events(action="message-taken"))) == 1


def test_a_hub_without_a_next_tier_keeps_what_it_has(tmp_path: Path) -> None:
    """Nothing waits, and the journey ends at the hub; a cloud does not even write it down."""
    hub = make_hub(tmp_path / "hub")
    facility = Facility(tmp_path / "facility").admitted_to(hub)
    digest = accept(hub, facility.parcel(series())).digest
    assert unforwarded(hub) == ()
    assert Journey.open(journey_of(hub, digest), hub_keys(hub)).onward == "none"
    assert state(hub, digest) == ("waiting", "")
    cloud = replace(hub, settings=replace(hub.settings, role="cloud"))
    later = accept(cloud, facility.parcel(series(study=2), 2)).digest
    with reading(hub.index) as connection:
        assert onward.row_of(connection, later) is None
    assert Journey.open(journey_of(hub, later), hub_keys(hub)).onward == "none"
    with raised(Refused, "not-found"):
        journey_of(hub, "0" * 64)
    hub.index.dispose()


def test_an_introduction_that_cannot_stand(tiers: Tiers) -> None:
    """Where the cloud knows that gateway otherwise, the parcel leaves the list with the reason, for a person."""
    tiers.facility.admitted_to(tiers.cloud)
    digest = accept(tiers.hub, tiers.facility.parcel(series())).digest
    with tiers.cloud_door.open(), raised(Refused, "message-unanswered"):
        forward_parcel(tiers.hub, do, digest)
    assert state(tiers.hub, digest) == ("refused", "message-unanswered")
    assert unforwarded(tiers.hub) == ()


def test_a_subject_of_another_gateway_is_refused_there(tiers: Tiers, tmp_path: Path) -> None:
    """The cloud's signed refusal stands in the journey, and the parcel leaves the list."""
    other = Facility(tmp_path / "other", 2).admitted_to(tiers.cloud)
    object.__setattr__(other, "identity", tiers.facility.identity)
    assert accept(tiers.cloud, other.parcel(series(study=9))).accepted
    digest = accept(tiers.hub, tiers.facility.parcel(series())).digest
    with tiers.cloud_door.open():
        assert forward_parcel(tiers.hub, do, digest) == {"outcome": "refused", "reason": "parcel-subject"}
    assert state(tiers.hub, digest) == ("refused", "parcel-subject")
    found = journey(tiers, digest)
    assert (found.onward, found.stops[1].receipt.reason) == ("settled", "parcel-subject")
    assert try_again(tiers.hub) == 0


def test_what_cannot_leave_waits_for_a_person(tiers: Tiers) -> None:
    """A pack that is gone or damaged stops its parcel alone; brought back, a person lets it leave again."""
    digest = accept(tiers.hub, tiers.facility.parcel(series())).digest
    key = pack_key(find(tiers.hub, digest).packs[0].digest)
    data = tiers.hub.store.get(key)
    with tiers.cloud_door.open():
        for content, code in ((None, "object-missing"), (b"x" * len(data), "object-damaged")):
            tiers.hub.store.delete(key)
            if content:
                tiers.hub.store.put(key, content)
            with raised(Refused, code):
                forward_parcel(tiers.hub, do, digest)
            assert state(tiers.hub, digest) == ("refused", code)
            assert unforwarded(tiers.hub) == ()
            assert journey(tiers, digest).onward == "waiting"
            assert try_again(tiers.hub) == 1
        tiers.hub.store.delete(key)
        tiers.hub.store.put(key, data)
        (again,) = unforwarded(tiers.hub)
        assert again == f"{digest}.2"
        forward_parcel(tiers.hub, do, again)
    assert state(tiers.hub, digest) == ("forwarded", "")
    assert len(list(tiers.hub.ledger.events(action="parcel-not-forwarded"))) == 2


def test_a_false_manifest_does_not_leave(tiers: Tiers) -> None:
    """What lies under a parcel's name must have that digest."""
    digest = accept(tiers.hub, tiers.facility.parcel(series())).digest
    other = accept(tiers.hub, tiers.facility.parcel(series(study=2), 2)).digest
    key = proof_keys(digest)[0]
    tiers.hub.store.delete(key)
    tiers.hub.store.put(key, tiers.hub.store.get(proof_keys(other)[0]))
    with raised(Refused, "object-damaged"):
        stored_parcel(tiers.hub, digest)


def test_a_cloud_that_is_not_the_one_enrolled_with(tiers: Tiers, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrusted receiver is a matter for a person: the parcel is held, and leaves once that is mended."""
    digest = accept(tiers.hub, tiers.facility.parcel(series())).digest

    def untrusted(*_: object) -> Receipt:
        raise NotYet("receiver-untrusted")

    with tiers.cloud_door.open():
        with monkeypatch.context() as patched:
            patched.setattr(forward, "pass_on", untrusted)
            with raised(NotYet, "receiver-untrusted"):
                forward_parcel(tiers.hub, do, digest)
        assert state(tiers.hub, digest) == ("held", "receiver-untrusted")
        assert try_again(tiers.hub) == 1
        forward_parcel(tiers.hub, do, unforwarded(tiers.hub)[0])
    assert state(tiers.hub, digest) == ("forwarded", "")


def test_forwarding_survives_being_killed(tiers: Tiers) -> None:
    """Killed at any line, the same parcel again ends with one introduction, one parcel at the cloud, one receipt."""
    digests = [accept(tiers.hub, tiers.facility.parcel(series(study=n), n)).digest for n in range(1, KILLS + 3)]
    tiers.hub.index.dispose()
    with tiers.cloud_door.open(), killer(tiers.hub.settings.home) as kill:
        first, measured, *others = digests
        for line in (150, 300, 450, 600):  # while the gateway is introduced
            assert kill.run("forward", first, line) == line
        forward_parcel(tiers.hub, do, first)
        lines = kill.run("forward", measured)
        for number, digest in enumerate(others):
            assert kill.run("forward", digest, 1 + number * lines // KILLS) == 1 + number * lines // KILLS
            forward_parcel(tiers.hub, do, digest)
    for digest in digests:
        assert state(tiers.hub, digest) == ("forwarded", "")
        assert len(list(tiers.hub.ledger.events(action="parcel-forwarded", about=digest))) == 1
        assert len(list(tiers.cloud.ledger.events(action="parcel-accepted", about=digest))) == 1
        assert journey(tiers, digest).stops[1].receipt.statement == receipt_for(tiers.cloud, digest)
    assert len(list(tiers.hub.ledger.events(action="gateway-introduced"))) == 1
    tiers.hub.ledger.verify()
    tiers.cloud.ledger.verify()


def listed(node: Node, facility: Facility, after: int = 0, registry: str = REGISTRY) -> Inventory:
    """A page of what a node has of a facility."""
    request = InventoryRequest(facility.name, registry, after, AT).sign(facility.signing)
    return Inventory.open(inventory(node, request), hub_keys(node))


def test_the_list_of_a_gateway(tiers: Tiers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parcels by sequence number, page by page, with what became of them; nobody else is told."""
    accepted = accept(tiers.hub, tiers.facility.parcel(series(), 1)).digest
    refused = accept(tiers.hub, tiers.facility.parcel(series(study=2), 2, record=b'{"text":"x y"}')).digest
    page = listed(tiers.hub, tiers.facility)
    assert [(p.sequence, p.parcel, p.state, p.instances) for p in page.parcels] == [
        (1, accepted, "accepted", 2),
        (2, refused, "refused", 0),
    ]
    assert (page.node, page.last, page.upstream[0].key) == ("society", 2, read_partner(tiers.hub.settings.keys).key)
    assert listed(tiers.hub, tiers.facility, registry="basic").last == 0
    monkeypatch.setattr("kaname.parcel.reconciliation.PAGE", 1)
    assert [p.sequence for p in listed(tiers.hub, tiers.facility, after=1).parcels] == [2]
    stranger = Facility(tmp_path / "stranger", 3)
    thief = InventoryRequest(tiers.facility.name, REGISTRY, 0, AT)
    for request in (thief.sign(stranger.signing), thief.sign(stranger.admitted_to(tiers.hub).signing)):
        with raised(Refused, "statement-invalid"):
            inventory(tiers.hub, request)


def test_only_what_the_next_tier_takes_leaves(tmp_path: Path) -> None:
    """A registry that the hub keeps to itself waits for nobody: not its parcels, not its lists."""
    tiers = make_tiers(tmp_path, ["basic"])
    digest = accept(tiers.hub, tiers.facility.parcel(series())).digest
    assert unforwarded(tiers.hub) == ()
    assert journey(tiers, digest).onward == "none"
    assert listed(tiers.hub, tiers.facility).upstream == ()
    assert len(listed(tiers.hub, tiers.facility, registry="basic").upstream) == 1
    request = InventoryRequest(tiers.facility.name, REGISTRY, 0, AT).sign(tiers.facility.signing)
    with raised(Refused, "not-found"):
        inventory_upstream(tiers.hub, request)


def test_nobody_gets_into_a_registry_by_asking(tiers: Tiers) -> None:
    """The hub vouches upstream for a gateway only where it admitted it: asking for another list changes nothing."""
    facility = tiers.facility.admitted_to(tiers.hub, ["j-mid"])
    request = InventoryRequest(facility.name, "basic", 0, AT).sign(facility.signing)
    with tiers.cloud_door.open(), raised(Refused, "statement-invalid"):
        inventory_upstream(tiers.hub, request)
    with reading(tiers.cloud.index) as connection:
        assert introduced(connection) == []
