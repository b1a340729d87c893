"""What a hospital learns of its parcels behind the hub, over mutual TLS on the loopback."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from kaname.access.partners import Partner as Admitted
from kaname.access.partners import admit as write_down
from kaname.database import reading, writing
from kaname.errors import KanameError, NotYet, Refused
from kaname.gateway import follow as following
from kaname.gateway.batches import form_batches
from kaname.gateway.flow import Journey
from kaname.gateway.follow import follow, journeys_waiting, tiers
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.index import JOURNEYS, OBJECTS, PARCELS
from kaname.gateway.receive import receive
from kaname.gateway.reconcile import Reconciled, reconcile
from kaname.gateway.sources import Source
from kaname.gateway.withdraw import certificate_of, request
from kaname.intake.forward import forward_parcel, unforwarded
from kaname.intake.index import PARCELS as ARRIVED
from kaname.parcel.enrolment import accept_answer, admit, make_request, signing_key
from kaname.parcel.journey import Journey as Receipts
from kaname.parcel.reconciliation import Comparison
from kaname.settings import Settings
from kaname.testing.deliveries import REGISTRY, series
from kaname.testing.objects import to_bytes
from kaname.testing.tiers import REGISTRIES, Tiers, make_tiers
from kaname.upkeep.home import make_home

NUMBER = "00012345"


def do(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step at once: what the durable worker does, without its memory."""
    return step(*arguments)


def raised(kind: type[KanameError], code: str) -> pytest.RaisesExc[KanameError]:
    """Expects that outcome with that code."""
    return pytest.raises(kind, check=lambda error: error.code == code)


@dataclass(frozen=True, slots=True)
class Journeying:
    """A hospital in front of a hub and a cloud; the hub's door is open."""

    hospital: Hospital
    tiers: Tiers
    folder: Path

    def cross(self, study: int, patient: str = NUMBER) -> str:
        """A study of two images crosses; returns its parcel."""
        for number, ds in enumerate(series(patient, study=study)):
            file = self.folder / f"{study}-{number}.dcm"
            file.write_bytes(to_bytes(ds))
            assert receive(self.hospital, Source(file), self.hospital.engine(REGISTRY)).state == "received"
        (batch,) = form_batches(self.hospital)
        return str(Journey(self.hospital).cross_study(do, batch)["parcel"])

    def pass_on(self) -> None:
        """The hub forwards what waits; the cloud's door is open meanwhile."""
        with self.tiers.cloud_door.open():
            for one in unforwarded(self.tiers.hub):
                forward_parcel(self.tiers.hub, do, one)

    def state(self, parcel: str) -> str:
        """Where a parcel's journey stands."""
        with reading(self.hospital.node.index) as connection:
            return connection.execute(select(JOURNEYS.c.state).where(JOURNEYS.c.parcel == parcel)).scalar_one()


@pytest.fixture
def chain(tmp_path: Path) -> Generator[Journeying]:
    """All three, enrolled one with the other."""
    made = make_tiers(tmp_path)
    node = make_home(Settings(tmp_path / "gateway", "gateway", "facility-7", registries=REGISTRIES))
    hub = made.hub
    asked = make_request(node.settings.keys, "facility-7", REGISTRIES)
    admission = admit(asked, hub.settings.keys, signing_key(hub.settings.keys), "society", made.hub_door.url)
    gateway = Admitted(admission.name, "gateway", admission.key, admission.registries, admission.certificate)
    write_down(hub.index, gateway, clock=hub.clock)
    accept_answer(node.settings.keys, admission.answer)
    folder = tmp_path / "images"
    folder.mkdir()
    with ExitStack() as opened:
        opened.enter_context(made.hub_door.open())
        yield Journeying(open_hospital(node), made, folder)
    for one in (node, hub, made.cloud):
        one.index.dispose()


def test_both_receipts_come_home(chain: Journeying) -> None:
    """A parcel is followed until the cloud has judged it; the gateway keeps what every tier signed."""
    parcel = chain.cross(1)
    assert journeys_waiting(chain.hospital) == (parcel,)
    with raised(NotYet, "parcel-underway"):
        follow(chain.hospital, parcel)
    assert tiers(chain.hospital) == [{"tier": "society", "accepted": 1}]
    chain.pass_on()
    assert Journey(chain.hospital).follow_parcel(do, parcel) == {"society": "accepted", "research": "accepted"}
    assert journeys_waiting(chain.hospital) == ()
    assert tiers(chain.hospital) == [{"tier": "society", "accepted": 1}, {"tier": "research", "accepted": 1}]
    with reading(chain.hospital.node.index) as connection:
        kept = connection.execute(select(JOURNEYS.c.statement)).scalar_one()
    key = chain.hospital.partner().key
    assert [stop.receipt.instances for stop in Receipts.open(kept, {key.id: key}).stops] == [2, 2]
    follow(chain.hospital, parcel)
    told = [event.actor for event in chain.hospital.node.ledger.events(action="parcel-judged")]
    assert told == ["society", "research"]


def test_a_hub_alone_settles_at_once(chain: Journeying, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no tier follows, there is nothing to wait for; once one does, a reconciliation asks again."""
    parcel = chain.cross(1)
    with monkeypatch.context() as patched:
        patched.setattr("kaname.intake.tell.delivers", lambda *_: False)
        follow(chain.hospital, parcel)
        assert chain.state(parcel) == "none"
        assert journeys_waiting(chain.hospital) == ()
        assert reconcile(chain.hospital, REGISTRY) == (Reconciled("society", Comparison(1, 0)),)
    chain.pass_on()
    found = reconcile_all(chain)
    assert chain.state(parcel) == "settled"
    assert found == (Reconciled("society", Comparison(1, 0)), Reconciled("research", Comparison(1, 0)))


def test_what_no_waiting_mends_is_left_to_a_person(chain: Journeying, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that answers with no journey is not asked for ever."""
    parcel = chain.cross(1)

    def wrong(*_: object) -> Receipts:
        raise Refused("receipt-invalid")

    with monkeypatch.context() as patched:
        patched.setattr(following, "ask_journey", wrong)
        with raised(Refused, "receipt-invalid"):
            follow(chain.hospital, parcel)
    assert chain.state(parcel) == "stopped"
    assert journeys_waiting(chain.hospital) == ()
    chain.pass_on()
    assert reconcile_all(chain)[1].comparison == Comparison(1, 0)


def reconcile_all(chain: Journeying) -> tuple[Reconciled, ...]:
    """A reconciliation with the cloud's door open."""
    with chain.tiers.cloud_door.open():
        return reconcile(chain.hospital, REGISTRY)


def test_reconciliation_shows_zero(chain: Journeying) -> None:
    """What is under way is no difference; once everything arrived, both tiers match; withdrawn is gone everywhere."""
    chain.cross(1)
    chain.pass_on()
    chain.cross(2, "777")
    near, far = reconcile_all(chain)
    assert (near, far) == (Reconciled("society", Comparison(2, 0)), Reconciled("research", Comparison(1, 1)))
    chain.pass_on()
    (who,) = request(chain.hospital, NUMBER, None, [REGISTRY])
    assert [one.comparison for one in reconcile_all(chain)] == [Comparison(2, 0)] * 2
    steps = Journey(chain.hospital)
    with raised(NotYet, "receiver-busy"):
        steps.withdraw_subject(do, who)  # the hub has obeyed and waits for the cloud
    assert [one.comparison for one in reconcile_all(chain)] == [Comparison(2, 0), Comparison(1, 1)]
    with chain.tiers.cloud_door.open():
        steps.withdraw_subject(do, who)
    assert [one.comparison for one in reconcile_all(chain)] == [Comparison(2, 0)] * 2
    found = certificate_of(chain.hospital, who)
    (there,) = found["upstream"]
    assert (there["tier"], there["upstream"]) == ("research", [])
    assert there["deleted_objects"] == found["deleted_objects"]
    assert len(list(chain.hospital.node.ledger.events(action="reconciled"))) == 8


def test_differences_are_named(chain: Journeying) -> None:
    """A parcel that a tier lost, and one image too few on our side, each by its sequence number."""
    lost, short = chain.cross(1), chain.cross(2, "777")
    chain.pass_on()
    with writing(chain.tiers.cloud.index) as connection:
        connection.execute(ARRIVED.delete().where(ARRIVED.c.digest == lost))
    with writing(chain.hospital.node.index) as connection:
        batch = connection.execute(select(PARCELS.c.batch).where(PARCELS.c.digest == short)).scalar_one()
        one = connection.execute(select(OBJECTS.c.id).where(OBJECTS.c.batch == batch).limit(1)).scalar_one()
        connection.execute(update(OBJECTS).where(OBJECTS.c.id == one).values(state="held"))
    near, far = reconcile_all(chain)
    named = [[(d.sequence, d.kind, d.parcel) for d in one.comparison.differences] for one in (near, far)]
    assert named == [
        [(2, "other-instances", short)],
        [(1, "missing", lost), (2, "other-instances", short)],
    ]
    told = far.to_json()
    assert (told["tier"], told["matched"], told["underway"], told["difference"]) == ("research", 0, 0, 2)


def test_an_unreachable_cloud_is_waited_for(chain: Journeying) -> None:
    """The hub says that the next tier does not answer; nothing is compared half."""
    chain.cross(1)
    chain.pass_on()
    with raised(NotYet, "receiver-busy"):
        reconcile(chain.hospital, REGISTRY)
