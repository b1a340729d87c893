"""What was delivered is given back byte for byte, to who may see it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from kaname.archive.describe import number, text
from kaname.archive.flow import shelve
from kaname.archive.index import PACKS
from kaname.archive.model import Located
from kaname.archive.retrieve import frame, instance, instances, metadata, stream
from kaname.archive.shelf import IndexMemory, index_key, load_index, memory
from kaname.archive.verify import verify
from kaname.database import reading
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.pack import SeriesIndex, pack_key
from kaname.store import digest_bytes
from kaname.testing.deliveries import REGISTRY, Facility, make_hub, series


@pytest.fixture
def facility(tmp_path: Path) -> Facility:
    """A facility."""
    return Facility(tmp_path / "facility")


@pytest.fixture
def hub(tmp_path: Path, facility: Facility) -> Generator[Node]:
    """A hub with one study of two series on the shelf."""
    node = make_hub(tmp_path / "hub")
    facility.admitted_to(node)
    shelve(node, accept(node, facility.parcel(series() + series(number=2))).digest)
    yield node
    node.index.dispose()


def uids(facility: Facility) -> tuple[str, str, str]:
    """The first instance, as the archive knows it."""
    uid = facility.identity.uid
    return uid("1.2.1"), uid("1.2.1.1"), uid("1.2.1.1.1")


def test_an_instance_comes_back_whole(hub: Node, facility: Facility) -> None:
    """The bytes are those whose digest the manifest named."""
    found = instance(hub, [REGISTRY], *uids(facility))
    assert digest_bytes(b"".join(stream(hub, found))) == found.member.digest
    assert metadata(found)["00080018"]["Value"] == [uids(facility)[2]]


def test_a_frame_is_one_ranged_read(hub: Node, facility: Facility) -> None:
    """Frame 1 is the pixel data; there is no frame 0 or 2."""
    found = instance(hub, [REGISTRY], *uids(facility))
    assert frame(hub, found, 1) == bytes((1, 0)) * 64
    for wrong in (0, 2):
        with pytest.raises(Refused, match="frame-out-of-range"):
            frame(hub, found, wrong)


def test_without_frames_there_is_none(hub: Node, facility: Facility) -> None:
    """An instance whose frames cannot be cut out says so."""
    found = instance(hub, [REGISTRY], *uids(facility))
    index = load_index(hub.store, found.pack)
    values = {name: getattr(index.members[0], name) for name in type(index.members[0]).__slots__}
    bare = Located(
        found.study_instance_uid, found.series_instance_uid, found.pack, type(found.member)(**values | {"frames": ()})
    )
    with pytest.raises(Refused, match="no-frames"):
        frame(hub, bare, 1)


def test_a_study_comes_series_by_series(hub: Node, facility: Facility) -> None:
    """Every instance once, in the order of the UIDs."""
    study, one, _ = uids(facility)
    found = [(i.series_instance_uid, i.member.sop_instance_uid) for i in instances(hub, [REGISTRY], study)]
    assert len(found) == 4
    assert found == sorted(found)
    assert len(list(instances(hub, [REGISTRY], study, one))) == 2


def test_what_is_not_yours_does_not_exist(hub: Node, facility: Facility) -> None:
    """Another registry, another study and an unknown instance are not found, all alike."""
    study, one, uid = uids(facility)
    for wrong in (
        lambda: instances(hub, ["basic"], study),
        lambda: instances(hub, [REGISTRY], study, "1.2"),
        lambda: instance(hub, ["basic"], study, one, uid),
        lambda: instance(hub, [], study, one, uid),
        lambda: instance(hub, [REGISTRY], "1.2", one, uid),
        lambda: instance(hub, [REGISTRY], study, one, "1.2"),
    ):
        with pytest.raises(Refused, match="not-found"):
            wrong()


def test_everything_sound_is_said_to_be(hub: Node) -> None:
    """A re-hash of everything finds nothing, and the ledger has the evidence."""
    found = verify(hub)
    assert (found.packs, found.damaged, found.missing) == (2, (), ())
    (event,) = hub.ledger.events(action="archive-verified")
    assert event.facts["packs"] == 2


def test_rot_is_found_and_named(hub: Node) -> None:
    """A flipped byte in a pack and a missing index are both named, also in the ledger."""
    with reading(hub.index) as connection:
        first, second = sorted(connection.scalars(PACKS.select().with_only_columns(PACKS.c.digest)))
    content = bytearray(hub.store.get(pack_key(first)))
    content[700] ^= 1
    hub.store.delete(pack_key(first))
    hub.store.put(pack_key(first), bytes(content))
    hub.store.delete(index_key(second))
    found = verify(hub)
    assert found.damaged == (pack_key(first),)
    assert found.missing == (index_key(second),)
    assert [event.about for event in hub.ledger.events(action="object-damaged")] == [first]
    assert len(list(hub.ledger.events(action="object-missing"))) == 1
    hub.ledger.verify()


def test_an_index_of_another_pack_is_damaged(hub: Node) -> None:
    """An index is believed only for the pack that it names."""
    with reading(hub.index) as connection:
        first, second = sorted(connection.scalars(PACKS.select().with_only_columns(PACKS.c.digest)))
    content = hub.store.get(index_key(second))
    hub.store.delete(index_key(first))
    hub.store.put(index_key(first), content)
    memory(hub.store).forget([first])
    with pytest.raises(Refused, match="object-damaged"):
        load_index(hub.store, first)


def test_memory_is_bounded() -> None:
    """The indexes used longest ago go first, and one that is larger than the bound is not kept."""
    kept = IndexMemory(10)
    for name in ("a", "b"):
        kept.keep(SeriesIndex(name, "1", "2", ()), 5)
    assert kept.get("a") is not None
    kept.keep(SeriesIndex("c", "1", "2", ()), 5)
    assert kept.get("b") is None
    assert kept.get("a") is not None
    kept.keep(SeriesIndex("d", "1", "2", ()), 11)
    assert kept.get("d") is None
    kept.keep(SeriesIndex("a", "1", "2", ()), 5)
    kept.keep(SeriesIndex("a", "1", "2", ()), 5)
    kept.forget(["a", "x"])
    assert kept.get("a") is None


def test_values_of_a_document() -> None:
    """Text and numbers are read out of DICOM JSON, absent ones as nothing."""
    document = {
        "1": {"vr": "PN", "Value": [{"Alphabetic": "A"}]},
        "2": {"vr": "PN", "Value": [{"Ideographic": "A"}]},
        "3": {"vr": "IS", "Value": [-3]},
        "4": {"vr": "DA", "Value": [None]},
    }
    assert [text(document, tag) for tag in "12345"] == ["A", "", "-3", "", ""]
    assert [number(document, tag) for tag in "35"] == [-3, None]
