"""The clinical items of a department's record are columns of the dataset."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from kaname.annotation.model import Value
from kaname.database import reading, writing
from kaname.datasets.flow import content, freeze, hole, show
from kaname.datasets.listing import Listing, listing
from kaname.datasets.loader import Loader
from kaname.datasets.model import Member, Recorded
from kaname.datasets.verify import verify
from kaname.errors import Refused
from kaname.intake.index import PARCELS, RECORDS
from kaname.intake.inspect import ITEMS
from kaname.intake.keep import record_key
from kaname.ledger.canonical import canonical
from kaname.node import Node
from kaname.store import digest_bytes

AT = "2026-11-21T12:00:00Z"
ACCESSION, OTHER = "QRSTUVWXYZ234567", "ABCDEFGHIJKLMNOP"


def bring(hub: Node, member: Member, accession: str = ACCESSION, kind: str = ITEMS, **items: Value) -> str:
    """A record as intake keeps it, of the parcel that brought the member; returns its digest."""
    record: dict[str, Any] = {
        "accession": accession,
        "items": items,
        "study_instance_uid": member.study_instance_uid,
        "subject": member.subject,
    }
    data = canonical(record)
    digest = digest_bytes(data)
    hub.store.put(record_key(digest), data)
    with writing(hub.index) as connection:
        parcel = connection.scalar(select(PARCELS.c.digest).where(PARCELS.c.subject == member.subject))
        row = {"parcel": parcel, "digest": digest, "kind": kind, "size_bytes": len(data)}
        connection.execute(insert(RECORDS).values(**row))
    return digest


def members(hub: Node) -> tuple[Member, ...]:
    """The series of everything there is."""
    return content(hub, freeze(hub, "everything", "j-mid")).members


def test_items_of_a_study_are_frozen_with_it(read_hub: Node) -> None:
    """By study and record; a version that has new ones is another version, and the earlier one stays as it was."""
    one, two, *_ = members(read_hub)
    before = freeze(read_hub, "lungs", "j-mid")
    bring(read_hub, two, lesion="cyst", lesion_size=12.5)
    bring(read_hub, one, OTHER, segment=4)
    bring(read_hub, one, segment=3)
    bring(read_hub, one, kind="study", segment=5)
    made = freeze(read_hub, "lungs", "j-mid")
    expected = [
        Recorded(one.subject, one.study_instance_uid, OTHER, (("segment", 4),)),
        Recorded(one.subject, one.study_instance_uid, ACCESSION, (("segment", 3),)),
        Recorded(two.subject, two.study_instance_uid, ACCESSION, (("lesion", "cyst"), ("lesion_size", 12.5))),
    ]
    expected.sort(key=lambda record: (record.study_instance_uid, record.accession))
    assert content(read_hub, made).items == tuple(expected)
    assert (before.items, made.items, made.version) == (0, 3, 2)
    assert freeze(read_hub, "lungs", "j-mid") == made
    assert verify(read_hub, "lungs").dataset == show(read_hub, "lungs")
    assert content(read_hub, before).items == ()


def test_of_one_accession_number_the_later_record_stands(read_hub: Node) -> None:
    """A parcel that is no longer, or not yet, in the archive says nothing."""
    one, two, *_ = members(read_hub)
    bring(read_hub, one, segment=3)
    bring(read_hub, two, segment=4)
    with writing(read_hub.index) as connection:
        connection.execute(update(PARCELS).where(PARCELS.c.subject == two.subject).values(state="stopped"))
    assert [record.items for record in content(read_hub, freeze(read_hub, "a", "j-mid")).items] == [(("segment", 3),)]
    with writing(read_hub.index) as connection:
        connection.execute(update(PARCELS).where(PARCELS.c.subject == two.subject).values(state="shelved"))
        first = connection.scalar(select(PARCELS.c.ledger_sequence).where(PARCELS.c.subject == one.subject))
        parcel = connection.scalar(select(PARCELS.c.digest).where(PARCELS.c.ledger_sequence > first))
    later = canonical(
        {"accession": ACCESSION, "items": {}, "study_instance_uid": one.study_instance_uid, "subject": one.subject}
    )
    read_hub.store.put(record_key(digest_bytes(later)), later)
    with writing(read_hub.index) as connection:
        connection.execute(update(PARCELS).where(PARCELS.c.digest == parcel).values(subject=one.subject))
        row = {"parcel": parcel, "digest": digest_bytes(later), "kind": ITEMS, "size_bytes": len(later)}
        connection.execute(insert(RECORDS).values(**row))
    found = content(read_hub, freeze(read_hub, "b", "j-mid")).items
    assert [record.items for record in found if record.subject == one.subject] == [()]


def test_items_are_read_with_the_frames(read_hub: Node) -> None:
    """A sample has those of its study; a job is told of no other split's."""
    frozen = content(read_hub, freeze(read_hub, "lungs", "j-mid", task="nodules"))
    for number, member in enumerate(frozen.members):
        bring(read_hub, member, segment=number)
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    by_subject = {member.subject: (("segment", number),) for number, member in enumerate(frozen.members)}
    assert {sample.subject: sample.items for sample in Loader.of(read_hub, made)} == by_subject
    test = listing(made, content(read_hub, made), ("test",))
    assert {record.subject for record in test.items} == {assigned.subject for assigned in test.splits}
    assert Listing.from_bytes(test.to_bytes()) == test


def test_a_withdrawal_takes_the_items_along(read_hub: Node) -> None:
    """The version with the hole says nothing of the subject's record."""
    one, two, *_ = members(read_hub)
    for member in (one, two):
        bring(read_hub, member, segment=1)
    freeze(read_hub, "lungs", "j-mid")
    made = hole(read_hub, "j-mid", one.subject, AT)[-1]
    assert [record.subject for record in content(read_hub, made).items] == [two.subject]


def test_a_record_that_is_gone_is_told(read_hub: Node) -> None:
    """Nothing is frozen without what ought to be in it."""
    digest = bring(read_hub, members(read_hub)[0], segment=1)
    read_hub.store.delete(record_key(digest))
    with pytest.raises(Refused, match="object-missing"):
        freeze(read_hub, "lungs", "j-mid")
    with reading(read_hub.index) as connection:
        assert connection.scalar(select(RECORDS.c.digest).where(RECORDS.c.digest == digest)) == digest
