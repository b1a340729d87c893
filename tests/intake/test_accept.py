"""Parcels are believed, looked at again, and answered."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pydicom
import pytest

from kaname.access.partners import revoke
from kaname.access.signing import SigningKey
from kaname.clock import SYSTEM
from kaname.database import writing
from kaname.errors import NotYet, Refused
from kaname.intake import purge
from kaname.intake.flow import accept, accepted, find, receipt_for
from kaname.intake.model import Taken
from kaname.ledger.canonical import canonical
from kaname.node import Node
from kaname.pack import pack_key
from kaname.parcel.statements import Receipt
from kaname.store import Store
from kaname.testing.deliveries import REGISTRY, Facility, hub_keys, make_hub, series

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Node]:
    """A hub."""
    node = make_hub(tmp_path / "hub")
    yield node
    node.index.dispose()


@pytest.fixture
def facility(tmp_path: Path, hub: Node) -> Facility:
    """A facility that the hub knows."""
    return Facility(tmp_path / "facility").admitted_to(hub)


def opened(hub: Node, taken: Taken) -> Receipt:
    """What the receipt says, its signature checked."""
    return Receipt.open(taken.receipt, hub_keys(hub))


def quarantined(hub: Node) -> list[bytes]:
    """The content of every file in quarantine."""
    return [file.read_bytes() for file in (hub.settings.home / "quarantine").glob("*")]


def refused(hub: Node, file: Path) -> str:
    """Has a parcel refused, sees that nothing of it is left but the whole file in quarantine, and returns why."""
    content, before = file.read_bytes(), set(hub.store.keys(""))
    receipt = opened(hub, accept(hub, file))
    assert (receipt.outcome, receipt.instances) == ("refused", 0)
    assert set(hub.store.keys("")) == before
    assert content in quarantined(hub)
    assert not file.exists()
    assert not list((hub.settings.home / "opened").glob("*"))
    return receipt.reason


def answer(hub: Node, file: Path) -> str:
    """Why a file is refused, with a receipt or without."""
    try:
        return opened(hub, accept(hub, file)).reason
    except Refused as refusal:
        return refusal.code


def test_a_parcel_is_taken_in(hub: Node, facility: Facility) -> None:
    """Packs, record, manifest and signature rest in the store, and the receipt is bound to the ledger."""
    file = facility.parcel(series() + series(number=2))
    taken = accept(hub, file)
    receipt = opened(hub, taken)
    event = next(hub.ledger.events(about=taken.digest))
    assert (receipt.outcome, receipt.instances, receipt.gateway, receipt.sequence) == ("accepted", 4, "facility-1", 1)
    assert (receipt.ledger_sequence, receipt.ledger_head) == (event.sequence, event.digest)
    assert sorted(key.split("/")[0] for key in hub.store.keys("")) == ["packs"] * 2 + ["parcels"] * 2 + ["records"]
    assert accepted(hub) == (taken.digest,)
    assert taken.accepted
    assert not file.exists()


def test_the_same_parcel_again_gets_the_same_receipt(hub: Node, facility: Facility) -> None:
    """A replay is answered byte for byte and changes nothing."""
    file = facility.parcel(series())
    content = file.read_bytes()
    first = accept(hub, file)
    head, objects = hub.ledger.head(), sorted(hub.store.keys(""))
    file.write_bytes(content)
    assert accept(hub, file) == first
    assert receipt_for(hub, first.digest) == first.receipt
    assert (hub.ledger.head(), sorted(hub.store.keys(""))) == (head, objects)
    assert not file.exists()


def test_a_stranger_is_answered_and_kept_out(hub: Node, tmp_path: Path) -> None:
    """A stranger's parcel gets a signed refusal; once its sender is admitted, the same parcel is taken in."""
    stranger = Facility(tmp_path / "stranger", 7)
    file = stranger.parcel(series())
    content = file.read_bytes()
    assert refused(hub, file) == "parcel-stranger"
    file.write_bytes(content)
    assert refused(hub, file) == "parcel-stranger"
    assert len(list(hub.ledger.events(action="parcel-refused"))) == 1
    stranger.admitted_to(hub)
    file.write_bytes(content)
    assert accept(hub, file).accepted


def test_a_stranger_cannot_spoil_a_name(hub: Node, facility: Facility) -> None:
    """What a stranger says in the name of a true parcel does not stand in its way, and is not told to its sender."""
    file = facility.parcel(series())
    content = file.read_bytes()
    revoke(hub.index, facility.name, clock=SYSTEM)
    digest = accept(hub, file).digest
    with pytest.raises(Refused, match="not-found"):
        receipt_for(hub, digest)
    with pytest.raises(Refused, match="not-found"):
        find(hub, digest)
    assert content in quarantined(hub)


def test_a_partner_speaks_for_itself_only(hub: Node, facility: Facility, tmp_path: Path) -> None:
    """A parcel that names another gateway than its signer's is a stranger's."""
    other = Facility(tmp_path / "other", 2).admitted_to(hub)
    object.__setattr__(facility, "signing", other.signing)
    assert refused(hub, facility.parcel(series())) == "parcel-stranger"


def test_a_registry_must_be_enrolled_for(hub: Node, tmp_path: Path) -> None:
    """A partner delivers only to the registries that it was admitted for."""
    facility = Facility(tmp_path / "facility").admitted_to(hub, ["basic"])
    assert refused(hub, facility.parcel(series())) == "parcel-registry"


@pytest.mark.parametrize("where", [0, 700, 0.3, 0.6, -1])
def test_a_flipped_byte_is_found(hub: Node, facility: Facility, where: float) -> None:
    """Whatever byte is flipped, nothing is taken in; the true parcel still may come."""
    file = facility.parcel(series())
    content = file.read_bytes()
    place = int(where * len(content)) if isinstance(where, float) else where
    flipped = bytearray(content)
    flipped[place] ^= 1
    file.write_bytes(flipped)
    assert answer(hub, file) in ("parcel-format", "parcel-signature", "parcel-damaged")
    assert quarantined(hub) == [bytes(flipped)]
    assert not list(hub.store.keys(""))
    file.write_bytes(content)
    assert accept(hub, file).accepted


def test_what_is_no_parcel_is_quarantined(hub: Node, tmp_path: Path) -> None:
    """A file that names no parcel cannot be given a receipt; it is kept and written down."""
    for content in (b"", b"not a parcel"):
        file = tmp_path / "file"
        file.write_bytes(content)
        with pytest.raises(Refused, match="parcel-format"):
            accept(hub, file)
        assert content in quarantined(hub)
    assert len(list(hub.ledger.events(action="parcel-refused"))) == 2


def test_a_sequence_number_is_used_once(hub: Node, facility: Facility) -> None:
    """Other content under a number that came before is refused, however often; the first parcel stands."""
    first = accept(hub, facility.parcel(series()))
    second = facility.parcel(series(study=2))
    content = second.read_bytes()
    assert refused(hub, second) == "parcel-replayed"
    second.write_bytes(content)
    assert refused(hub, second) == "parcel-replayed"
    assert accepted(hub) == (first.digest,)


def test_a_withdrawn_subject_is_not_taken_in(hub: Node, facility: Facility) -> None:
    """A parcel of a withdrawn subject is refused and deleted, not quarantined; other subjects are not concerned."""
    with writing(hub.index) as connection:
        for _ in range(2):
            purge.block(connection, REGISTRY, facility.subject("00012345"), facility.name, "2026-11-21T12:00:00Z")
    file = facility.parcel(series())
    assert opened(hub, accept(hub, file)).reason == "withdrawn"
    assert not file.exists()
    assert not quarantined(hub)
    assert not list(hub.store.keys(""))
    assert accept(hub, facility.parcel(series("777", study=2), 2)).accepted


def plant(**attributes: object) -> Callable[[Path], None]:
    """Changes attributes of a clean file."""

    def change(path: Path) -> None:
        ds = pydicom.dcmread(path)
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.save_as(path)

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (plant(InstitutionName="Keio University Hospital"), "inspection-failed"),
        (plant(PatientName="YAMADA^TARO"), "inspection-failed"),
        (plant(PatientID="ABCDEFGHIJKLMN23", PatientName="ABCDEFGHIJKLMN23"), "inspection-failed"),
        (plant(SOPClassUID=CAPTURE), "sop-class-not-accepted"),
        (plant(StudyInstanceUID="2.25.99"), "parcel-damaged"),
    ],
)
def test_every_instance_is_inspected_again(
    hub: Node, facility: Facility, change: Callable[[Path], None], reason: str
) -> None:
    """What the crossing missed is found on arrival, and the whole parcel stays outside, for good."""
    file = facility.parcel(series(), tamper=change)
    content = file.read_bytes()
    assert refused(hub, file) == reason
    file.write_bytes(content)
    assert refused(hub, file) == reason
    (event,) = hub.ledger.events(action="parcel-refused")
    facts = str(event.facts)
    assert "YAMADA" not in facts
    assert "Keio" not in facts


@pytest.mark.parametrize(
    "record",
    [canonical({"text": "山田太郎"}), canonical({"山田": 1}), b"{", canonical([{"a": ["x y"]}]), canonical({"a": [1]})],
)
def test_a_record_says_whose_it_is_and_nothing_in_words(hub: Node, facility: Facility, record: bytes) -> None:
    """Free text in a record is refused, since no room reads it yet; so is one that names no subject."""
    assert refused(hub, facility.parcel(series(), record=record)) == "inspection-failed"


def test_a_record_may_hold_numbers_uids_and_the_subject(hub: Node, facility: Facility) -> None:
    """Such a record passes."""
    record = canonical({"ok": [1, None, True, 0.5, "1.2.3", facility.subject("00012345")]})
    assert accept(hub, facility.parcel(series(), record=record)).accepted


def test_a_full_disk_decides_nothing(hub: Node, facility: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is no room the parcel stays where it is; with room the same call takes it in."""
    file = facility.parcel(series())

    def full(_store: Store, _key: str, _data: bytes | Path) -> bool:
        raise NotYet("storage-full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", full)
        with pytest.raises(NotYet, match="storage-full"):
            accept(hub, file)
    assert not accepted(hub)
    assert accept(hub, file).accepted


def test_the_same_series_may_come_in_another_parcel(hub: Node, facility: Facility) -> None:
    """A second parcel with a pack that is there already is accepted as a parcel of its own."""
    first = accept(hub, facility.parcel(series()))
    second = accept(hub, facility.parcel(series(), 2))
    assert accepted(hub) == (first.digest, second.digest)
    (pack,) = find(hub, second.digest).packs
    assert [pack] == list(find(hub, first.digest).packs)
    assert pack_key(pack.digest) in set(hub.store.keys("packs"))


def test_the_hubs_signature_is_checked(hub: Node, facility: Facility) -> None:
    """A receipt is worth nothing under another key."""
    taken = accept(hub, facility.parcel(series()))
    other = SigningKey.from_seed(bytes(32)).public
    with pytest.raises(Refused, match="receipt-invalid"):
        Receipt.open(taken.receipt, {other.id: other})
