"""One CT study from the hospital to a frozen dataset and back out by withdrawal. Read this first.

Both sites live in this process; what would be a request between them is a call. Everything else is the real thing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest

from kaname.access.partners import Partner as Admitted
from kaname.access.partners import admit as write_partner_down
from kaname.archive.flow import shelve, unshelved
from kaname.archive.retrieve import frame, instance, stream
from kaname.clock import Clock
from kaname.datasets import flow as datasets
from kaname.datasets.verify import verify
from kaname.deid.keys import MasterKey
from kaname.errors import Refused
from kaname.gateway import send as sending
from kaname.gateway import withdraw as withdrawing
from kaname.gateway.batches import form_batches
from kaname.gateway.flow import Journey
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.receive import receive
from kaname.gateway.sources import Source
from kaname.gateway.sweep import sweep
from kaname.governance.withdraw import obey
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.parcel.enrolment import accept_answer, admit, make_request, signing_key
from kaname.parcel.seal import Parcel
from kaname.parcel.statements import Certificate, Receipt
from kaname.settings import Settings
from kaname.testing.data import real_file
from kaname.upkeep.home import make_home

REGISTRY = "j-mid"


def do(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step at once: what the durable worker does, without its memory."""
    return step(*arguments)


@pytest.fixture
def hub(tmp_path: Path) -> Node:
    """A society's server."""
    return make_home(Settings(tmp_path / "hub", "hub", "society", registries=(REGISTRY,)))


@pytest.fixture
def hospital(tmp_path: Path, hub: Node, monkeypatch: pytest.MonkeyPatch) -> Hospital:
    """A gateway enrolled with the hub, its requests answered in this process."""
    node = make_home(Settings(tmp_path / "gateway", "gateway", "facility-1", registries=(REGISTRY,)))
    request = make_request(node.settings.keys, "facility-1", [REGISTRY])
    hub_key = signing_key(hub.settings.keys)
    admission = admit(request, hub.settings.keys, hub_key, "society", "https://127.0.0.1:1")
    gateway = Admitted(admission.name, "gateway", admission.key, admission.registries, admission.certificate)
    write_partner_down(hub.index, gateway, clock=hub.clock)
    accept_answer(node.settings.keys, admission.answer)
    keys = {hub_key.public.id: hub_key.public}

    def deliver(parcel: Parcel, _partner: object) -> Receipt:
        arriving = hub.settings.home / "inbox" / "arriving.parcel"
        arriving.parent.mkdir(exist_ok=True)
        arriving.write_bytes(parcel.path.read_bytes())
        return Receipt.open(accept(hub, arriving).receipt, keys)

    def send_withdrawal(statement: bytes, _partner: object) -> Certificate:
        return Certificate.open(obey(hub, statement), keys)

    monkeypatch.setattr(sending, "deliver", deliver)
    monkeypatch.setattr(withdrawing, "send_withdrawal", send_withdrawal)
    return open_hospital(node)


def test_a_ct_crosses(hospital: Hospital, hub: Node) -> None:
    """A real CT goes from a folder to a frozen dataset, names nobody on the way, and leaves by withdrawal."""
    original = pydicom.dcmread(real_file("CT_small.dcm"))

    # ── in the hospital: received, kept encrypted, queued by study ────────────────────────────────────
    received = receive(hospital, Source(real_file("CT_small.dcm")), hospital.engine(REGISTRY))
    assert received.state == "received"
    (batch,) = form_batches(hospital)

    # ── across: de-identified, checked, sealed, delivered, a signed receipt back ──────────────────────
    outcome = Journey(hospital).cross_study(do, batch)
    assert outcome["treated"] == {"cleaned": 1}
    assert outcome["receipt"]["outcome"] == "accepted"

    # ── the original stays for a week and goes; the gateway still knows it ────────────────────────────
    assert sweep(hospital) == 0
    later = Clock(now=lambda: hospital.node.clock.now() + timedelta(days=8))
    assert sweep(replace(hospital, node=replace(hospital.node, clock=later))) == 1
    assert list(hospital.spool.names()) == []
    assert receive(hospital, Source(real_file("CT_small.dcm")), hospital.engine(REGISTRY)).known
    assert list(hospital.spool.names()) == []

    # ── at the society: shelved in the archive, one ranged read away ──────────────────────────────────
    (parcel,) = unshelved(hub)
    shelve(hub, parcel)
    dataset = datasets.freeze(hub, "first", REGISTRY)
    (member,) = datasets.content(hub, dataset).members
    keys = MasterKey.read(hospital.node.settings.keys / "identity.key").for_registry(REGISTRY)
    assert member.subject == keys.subject(original.PatientID)
    assert member.study_instance_uid == keys.uid(original.StudyInstanceUID)
    uids = (member.study_instance_uid, member.series_instance_uid, keys.uid(original.SOPInstanceUID))
    located = instance(hub, [REGISTRY], *uids)
    assert frame(hub, located, 1) == original.PixelData
    assert str(original.PatientName).encode() not in b"".join(stream(hub, located))
    verify(hub, "first")

    # ── back: the patient withdraws, the bytes go, a named hole stays, a certificate comes ────────────
    (who,) = withdrawing.request(hospital, original.PatientID, "", [REGISTRY])
    Journey(hospital).withdraw_subject(do, who)
    certificate = withdrawing.certificate_of(hospital, who)
    assert certificate["deleted_objects"]
    assert not list((hub.settings.home / "objects" / "packs").rglob("*.tar"))
    assert list(hospital.spool.names()) == []
    newest = datasets.show(hub, "first")
    assert (newest.version, newest.parent) == (2, dataset.digest)
    assert len(datasets.content(hub, newest).holes) == 1
    verify(hub, "first")
    with pytest.raises(Refused, match="not-found"):
        instance(hub, [REGISTRY], *uids)

    # ── for good: neither site takes the patient in again, and both ledgers hold together ─────────────
    again = receive(hospital, Source(real_file("CT_small.dcm")), hospital.engine(REGISTRY))
    assert again.reason == "withdrawn"
    hub.ledger.verify()
    hospital.node.ledger.verify()
