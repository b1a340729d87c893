"""What becomes of derived objects: rebuilt, verified, withdrawn, and whole after any cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert

from kaname.archive.derived import store
from kaname.archive.flow import shelve
from kaname.archive.index import ANNOUNCED
from kaname.archive.rebuild import rebuild
from kaname.archive.verify import verify
from kaname.database import writing
from kaname.errors import Refused
from kaname.governance.withdraw import obey
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.pack import pack_key
from kaname.parcel.statements import Certificate
from kaname.store import digest_bytes
from kaname.testing.deliveries import REGISTRY, Facility, hub_keys, series
from kaname.testing.kill import killer

from .reports import catalogue, held, report

KILLS = 6


def test_a_rebuilt_catalogue_is_the_one_that_was_kept(
    hub: Node, facility: Facility, write: Callable[[bytes], Path]
) -> None:
    """Parcels and derived objects come back from packs and ledger, to the last row; every object verifies."""
    store(hub, [write(report(hub, facility, 0.1))], registry=REGISTRY, actor="reader")
    shelve(hub, accept(hub, facility.parcel(series(slices=(3,)), 2)).digest)
    store(hub, [write(report(hub, facility, 0.2))], registry=REGISTRY, actor="reader")
    before = catalogue(hub)
    assert rebuild(hub) == 2
    assert catalogue(hub) == before
    found = verify(hub)
    assert (found.packs, found.damaged, found.missing) == (4, (), ())


def test_a_withdrawal_takes_derived_objects_along(
    hub: Node, facility: Facility, write: Callable[[bytes], Path]
) -> None:
    """They are named in the certificate and gone; no report on the subject comes in any more, none is rebuilt."""
    data = report(hub, facility)
    store(hub, [write(data)], registry=REGISTRY, actor="reader")
    *_, found = held(hub, facility)
    certificate = Certificate.open(obey(hub, facility.withdrawal("00012345")), hub_keys(hub))
    assert pack_key(found.pack) in certificate.deleted
    assert list(hub.store.keys("packs")) == list(hub.store.keys("series")) == []
    assert not any(catalogue(hub).values())
    with pytest.raises(Refused, match="derived-reference"):
        store(hub, [write(data)], registry=REGISTRY, actor="reader")
    rebuild(hub)
    assert not any(catalogue(hub).values())


def test_killed_anywhere_it_goes_on(hub: Node, facility: Facility, write: Callable[[bytes], Path]) -> None:
    """The same call ends as if nothing had happened, and a withdrawal finds what a killed process left behind."""
    with killer(hub.settings.home) as process:
        lines = process.run("derive", write(report(hub, facility, 0.5)))
        for number in range(1, KILLS):
            path = write(report(hub, facility, number / 100))
            process.run("derive", path, lines * number // KILLS)
            process.run("derive", path)
        before = set(hub.store.keys("packs"))
        process.run("derive", write(report(hub, facility, 0.9)), lines * 9 // 10)
    assert len(set(hub.store.keys("packs")) - before) == 1, "killed after it was put, before it was shelved"
    reports = [row for row in catalogue(hub)["archive_pack"] if not row["parcel"]]
    assert [row["instances"] for row in reports] == [1] * KILLS
    verified = verify(hub)
    assert (verified.damaged, verified.missing) == ((), ())
    obey(hub, facility.withdrawal("00012345"))
    assert list(hub.store.keys("packs")) == list(hub.store.keys("series")) == []
    assert not list((hub.settings.home / "shelving").glob("*"))


def test_what_a_killed_process_left_goes_with_the_next_object(
    hub: Node, facility: Facility, write: Callable[[bytes], Path]
) -> None:
    """A pack that was put and never shelved is taken away, since the same object may never come again."""
    subject = facility.subject("00012345")
    lost = digest_bytes(b"lost")
    hub.store.put(pack_key(lost), b"lost")
    with writing(hub.index) as connection:
        connection.execute(insert(ANNOUNCED).values(pack=lost, registry=REGISTRY, subject=subject, at="now"))
    store(hub, [write(report(hub, facility))], registry=REGISTRY, actor="reader")
    assert hub.store.size(pack_key(lost)) is None
    assert catalogue(hub)["archive_announced"] == []
