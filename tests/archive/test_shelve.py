"""Accepted parcels are put on the shelf, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import Table, select, text

from kaname.archive import flow
from kaname.archive.flow import shelve, shelve_parcel, unshelved
from kaname.archive.index import HELD, PACKS, SERIES, STUDIES, SUBJECTS
from kaname.archive.query import packed_series, search
from kaname.archive.question import ask
from kaname.archive.rebuild import rebuild
from kaname.archive.retrieve import instances, stream
from kaname.archive.shelf import index_key
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.intake.flow import accept, find
from kaname.node import Node
from kaname.pack import pack_key
from kaname.testing.deliveries import REGISTRY, Facility, make_hub, series
from kaname.testing.kill import killer

TABLES = (SUBJECTS, STUDIES, SERIES, PACKS, HELD)
KILLS = 6


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Node]:
    """A hub whose clock ticks whenever somebody looks at it."""
    seconds = count(1_800_000_000)
    node = make_hub(tmp_path / "hub", clock=Clock(now=lambda: datetime.fromtimestamp(next(seconds), UTC)))
    yield node
    node.index.dispose()


@pytest.fixture
def facility(tmp_path: Path, hub: Node) -> Facility:
    """A facility that the hub knows."""
    return Facility(tmp_path / "facility").admitted_to(hub)


def deliver(hub: Node, facility: Facility, slices: list[Dataset], sequence: int = 1) -> str:
    """Has a parcel accepted; returns its digest."""
    taken = accept(hub, facility.parcel(slices, sequence))
    assert taken.accepted
    return taken.digest


def table(hub: Node, which: Table) -> list[dict[str, Any]]:
    """All rows of a table, in order."""
    with reading(hub.index) as connection:
        rows = connection.execute(select(which).order_by(*which.primary_key.columns)).all()
        return [dict(row._mapping) for row in rows]


def catalogue(hub: Node) -> dict[str, list[dict[str, Any]]]:
    """Everything that the archive has written down."""
    return {which.name: table(hub, which) for which in TABLES}


def test_a_parcel_is_shelved(hub: Node, facility: Facility) -> None:
    """One study, two series and two packs become findable, each pack with its series index."""
    digest = deliver(hub, facility, series(slices=(1, 2, 3)) + series(number=2))
    assert unshelved(hub) == (digest,)
    shelved = shelve(hub, digest)
    assert (shelved.packs, shelved.instances, shelved.known, shelved.held) == (2, 5, 0, 0)
    assert unshelved(hub) == ()
    (study,) = table(hub, STUDIES)
    document = json.loads(study["document"])
    assert (study["series"], study["instances"], study["subject"]) == (2, 5, facility.subject("00012345"))
    assert document["00080061"]["Value"] == ["CT"]
    assert document["00201206"]["Value"] == [2]
    assert document["00201208"]["Value"] == [5]
    for pack in table(hub, PACKS):
        assert hub.store.size(index_key(pack["digest"])) is not None
    assert not list((hub.settings.home / "shelving").glob("*"))


def test_shelving_again_changes_nothing(hub: Node, facility: Facility) -> None:
    """A parcel is shelved once, whoever asks again."""
    digest = deliver(hub, facility, series())
    shelve(hub, digest)
    before, head = catalogue(hub), hub.ledger.head()
    assert shelve(hub, digest).packs == 0
    assert (catalogue(hub), hub.ledger.head()) == (before, head)


def test_the_workers_flow_shelves(hub: Node, facility: Facility) -> None:
    """The flow is one durable step whose outcome is JSON."""
    digest = deliver(hub, facility, series())

    def do(step: Callable[..., Any], *arguments: Any) -> Any:
        return json.loads(json.dumps(step(*arguments)))

    assert shelve_parcel(hub, do, digest) == {"parcel": digest, "packs": 1, "instances": 2, "known": 0, "held": 0}


def test_late_instances_make_a_further_pack(hub: Node, facility: Facility) -> None:
    """A series grows by a second pack; the first one stays what it was, known instances are counted and no more."""
    shelve(hub, deliver(hub, facility, series(slices=(1, 3))))
    late = shelve(hub, deliver(hub, facility, series(slices=(2, 3)), 2))
    assert (late.packs, late.instances, late.known, late.held) == (1, 1, 1, 0)
    (row,) = table(hub, SERIES)
    assert row["instances"] == 3
    assert json.loads(row["document"])["00201209"]["Value"] == [3]
    uids = [found.member.sop_instance_uid for found in instances(hub, [REGISTRY], row["study_instance_uid"])]
    assert uids == sorted(facility.identity.uid(f"1.2.1.1.{n}") for n in (1, 2, 3))
    with reading(hub.index) as connection:
        assert [pack.instances for pack in packed_series(connection, REGISTRY)] == [2, 1]
        assert list(packed_series(connection, REGISTRY, "MR")) == []


def test_the_same_pack_again_changes_nothing(hub: Node, facility: Facility) -> None:
    """A series that came before, in another parcel, is known."""
    shelve(hub, deliver(hub, facility, series()))
    before = catalogue(hub)
    again = shelve(hub, deliver(hub, facility, series(), 2))
    assert (again.packs, again.instances, again.known) == (0, 0, 2)
    assert catalogue(hub) == before


def test_other_bytes_of_a_known_instance_are_held(hub: Node, facility: Facility) -> None:
    """The first bytes of a UID stay; the others are written down and not shown."""
    shelve(hub, deliver(hub, facility, series(slices=(1,))))
    other = shelve(hub, deliver(hub, facility, series(slices=(1,), KVP="99") + series(slices=(2,)), 2))
    assert (other.packs, other.instances, other.held) == (1, 1, 1)
    (held,) = table(hub, HELD)
    assert (held["sop_instance_uid"], held["reason"]) == (facility.identity.uid("1.2.1.1.1"), "same-uid-other-bytes")
    study = facility.identity.uid("1.2.1")
    kvp = [found.member.metadata["00180060"]["Value"][0] for found in instances(hub, [REGISTRY], study)]
    assert sorted(map(str, kvp)) == ["120.0", "120.0"]
    files = [b"".join(stream(hub, found)) for found in instances(hub, [REGISTRY], study)]
    assert len(files) == 2


def test_a_pack_of_nothing_new_is_not_shown(hub: Node, facility: Facility) -> None:
    """When every instance of a pack is held, no reader and no dataset is led to it."""
    shelve(hub, deliver(hub, facility, series(slices=(1,))))
    shelve(hub, deliver(hub, facility, series(slices=(1,), KVP="99"), 2))
    with reading(hub.index) as connection:
        assert len(list(packed_series(connection, REGISTRY))) == 1
    shelve(hub, deliver(hub, facility, series(slices=(1,), KVP="98"), 3))
    assert len(table(hub, HELD)) == 2


@pytest.mark.parametrize("what", ["study", "series"])
def test_a_uid_of_another_subject_stops_the_parcel(hub: Node, facility: Facility, what: str) -> None:
    """A study or series UID that belongs to somebody else: the whole parcel waits for a person, and says so again."""
    first = deliver(hub, facility, series())
    shelve(hub, first)
    column, original = (
        ("subject", facility.subject("00012345")) if what == "study" else ("study_instance_uid", "2.25.7")
    )
    where = STUDIES if what == "study" else SERIES
    with writing(hub.index) as connection:
        connection.execute(text(f"UPDATE {where.name} SET {column} = 'SOMEBODYELSE2222'"))  # noqa: S608
    second = deliver(hub, facility, series(slices=(3,)) + series(study=2), 2)
    for _ in range(2):
        with pytest.raises(Refused, match="same-uid-other-series"):
            shelve(hub, second)
    assert original != "SOMEBODYELSE2222"
    assert find(hub, second).state == "stopped"
    assert [held["sop_instance_uid"] for held in table(hub, HELD)] == [""]
    assert len(table(hub, PACKS)) == 1
    assert len(list(hub.ledger.events(action="parcel-stopped"))) == 1
    assert unshelved(hub) == ()


def test_an_unknown_parcel_is_not_found(hub: Node) -> None:
    """Nothing is shelved that was not accepted."""
    with pytest.raises(Refused, match="not-found"):
        shelve(hub, "0" * 64)


def test_a_damaged_pack_is_not_shelved(hub: Node, facility: Facility) -> None:
    """Bytes that are not those of the pack's name make no catalogue."""
    digest = deliver(hub, facility, series(slices=(1,)))
    other = deliver(hub, facility, series(slices=(2,)), 2)
    (pack,), (wrong,) = find(hub, digest).packs, find(hub, other).packs
    content = hub.store.get(pack_key(wrong.digest))
    hub.store.delete(pack_key(pack.digest))
    hub.store.put(pack_key(pack.digest), content)
    with pytest.raises(Refused, match="object-damaged"):
        shelve(hub, digest)
    assert unshelved(hub) == (digest, other)


def test_the_catalogue_can_be_rebuilt(hub: Node, facility: Facility) -> None:
    """Made again from packs, intake's rows and the ledger, the catalogue equals the one kept, held parcels included."""
    shelve(hub, deliver(hub, facility, series(slices=(1, 2))))
    late = deliver(hub, facility, series(slices=(2, 3), KVP="99"), 2)
    shelve(hub, deliver(hub, facility, series("777", study=5), 3))
    shelve(hub, late)
    stopped = deliver(hub, facility, series("888", study=9), 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow, "misfits", lambda _connection, _parcel, packs: packs)
        with pytest.raises(Refused, match="same-uid-other-series"):
            shelve(hub, stopped)
    (pack, *_) = table(hub, PACKS)
    key = index_key(pack["digest"])
    before, index = catalogue(hub), hub.store.get(key)
    hub.store.delete(key)
    hub.store.put(key, b"rotten")
    assert rebuild(hub) == 3
    assert catalogue(hub) == before
    assert hub.store.get(key) == index
    assert rebuild(hub) == 3
    assert len(before["archive_held"]) == 2


def test_shelving_survives_being_killed(hub: Node, facility: Facility) -> None:
    """Killed at any line, the next call puts the same rows there as if nothing had happened."""
    digests = [deliver(hub, facility, series(study=n), n) for n in range(1, KILLS + 2)]
    hub.index.dispose()
    with killer(hub.settings.home) as kill:
        lines = kill.run("shelve", digests[-1])
        for n, digest in enumerate(digests[:-1]):
            assert kill.run("shelve", digest, 1 + n * lines // KILLS) == 1 + n * lines // KILLS
            shelve(hub, digest)
    assert len(search(hub, ask("study", []), [REGISTRY]).documents) == KILLS + 1
    assert {row["instances"] for row in table(hub, STUDIES)} == {2}
    assert len(list(hub.ledger.events(action="parcel-shelved"))) == KILLS + 1
    before = catalogue(hub)
    rebuild(hub)
    assert catalogue(hub) == before
