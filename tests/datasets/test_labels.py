from collections import Counter

import pytest
from sqlalchemy import select, update

from kaname.annotation.flow import cases, make, take
from kaname.annotation.model import Given, Mark, Sought
from kaname.archive import purge as archive
from kaname.archive.flow import shelve
from kaname.database import reading, writing
from kaname.datasets.flow import content, diff, freeze, hole, sealed_test, show, versions_naming
from kaname.datasets.index import SUBJECTS
from kaname.datasets.listing import Listing, counts, listing
from kaname.datasets.model import DatasetVersion, Split
from kaname.datasets.verify import verify
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.ledger import canonical
from kaname.node import Node
from kaname.pack import pack_key
from kaname.testing.deliveries import Facility, series

AT = "2026-11-21T12:00:00Z"


def correct(hub: Node, subject: str, label: str) -> str:
    """Corrects the labelled slice of a subject; returns its SOP Instance UID."""
    case = next(case for case in cases(hub, "nodules", Sought("settled")) if case.subject == subject)
    take(hub, "nodules", "chief", "correction", [Given(case.id, (Mark("image", label),))])
    return case.sop_instance_uid


def someone_in(hub: Node, dataset: DatasetVersion, split: Split) -> str:
    """A subject of that split."""
    return next(assigned.subject for assigned in content(hub, dataset).splits if assigned.split == split)


def test_a_task_brings_its_labels_into_the_list(read_hub: Node, facility: Facility) -> None:
    """Settled labels are frozen, with the subjects' splits; what nobody has read is no member."""
    unread = facility.parcel(series("P-99", study=99), 99)
    shelve(read_hub, accept(read_hub, unread).digest)
    made = freeze(read_hub, "lungs", "j-mid", "CT", task="nodules")
    frozen = content(read_hub, made)
    assert (made.subjects, made.series, made.instances, made.labels) == (10, 10, 20, 10)
    assert Counter(label.label for label in frozen.labels) == {"present": 5, "absent": 5}
    assert {label.settled for label in frozen.labels} == {"agreed"}
    uids = [label.sop_instance_uid for label in frozen.labels]
    assert uids == sorted(uids)
    assert [(part.split, part.subjects, sum(part.labels.values())) for part in counts(frozen)] == [
        ("train", 8, 8),
        ("validation", 1, 1),
        ("test", 1, 1),
    ]
    assert freeze(read_hub, "lungs", "j-mid", "CT", task="nodules") == made
    assert verify(read_hub, "lungs").packs == 10
    assert freeze(read_hub, "everything", "j-mid").subjects == 11


def test_a_correction_is_in_the_next_version(read_hub: Node) -> None:
    """The earlier version keeps the label that it was frozen with."""
    first = freeze(read_hub, "lungs", "j-mid", task="nodules")
    subject = content(read_hub, first).labels[0].subject
    before = content(read_hub, first).labels[0].label
    after = "absent" if before == "present" else "present"
    uid = correct(read_hub, subject, after)
    second = freeze(read_hub, "lungs", "j-mid", task="nodules")
    assert (second.version, second.parent) == (2, first.digest)
    (changed,) = diff(read_hub, "lungs", 1, 2).labels
    assert (changed.sop_instance_uid, changed.frame, changed.earlier, changed.later) == (uid, 1, before, after)
    assert next(label for label in content(read_hub, second).labels if label.subject == subject).settled == "corrected"
    assert content(read_hub, first).labels[0].label == before


def test_subjects_stay_in_their_split(read_hub: Node, facility: Facility) -> None:
    """A later version keeps every assignment, and nobody new tests."""
    first = freeze(read_hub, "lungs", "j-mid")
    for number in range(20, 25):
        shelve(read_hub, accept(read_hub, facility.parcel(series(f"P-{number}", study=number), number)).digest)
    second = freeze(read_hub, "lungs", "j-mid")
    before = {row.subject: row.split for row in content(read_hub, first).splits}
    after = {row.subject: row.split for row in content(read_hub, second).splits}
    assert before.items() <= after.items()
    assert Counter(after.values())["test"] == 1


def test_a_subject_without_a_split_gets_one(read_hub: Node, facility: Facility) -> None:
    """Datasets that were frozen before there were splits have theirs from the next version on."""
    freeze(read_hub, "lungs", "j-mid")
    with writing(read_hub.index) as connection:
        connection.execute(update(SUBJECTS).values(split=""))
    shelve(read_hub, accept(read_hub, facility.parcel(series("P-20", study=20), 20)).digest)
    second = freeze(read_hub, "lungs", "j-mid")
    with reading(read_hub.index) as connection:
        kept = dict(tuple(row) for row in connection.execute(select(SUBJECTS.c.subject, SUBJECTS.c.split)))
    assert kept == {row.subject: row.split for row in content(read_hub, second).splits}


def test_a_subject_who_comes_back_is_where_it_was(read_hub: Node, facility: Facility) -> None:
    """Left out of one version, taken into a later one: the split is the old one, and no test leaks into training."""
    first = freeze(read_hub, "lungs", "j-mid", "CT")
    tester = someone_in(read_hub, first, "test")
    extra = series("P-30", study=30, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    shelve(read_hub, accept(read_hub, facility.parcel(extra, 30)).digest)
    freeze(read_hub, "lungs", "j-mid", "MR")
    third = freeze(read_hub, "lungs", "j-mid")
    assert {row.subject for row in content(read_hub, third).splits if row.split == "test"} == {tester}


def test_a_withdrawal_takes_labels_and_split_along(read_hub: Node) -> None:
    """The version with the hole says nothing of the subject; the versions that do are known."""
    first = freeze(read_hub, "lungs", "j-mid", task="nodules")
    other = freeze(read_hub, "others", "j-mid")
    subject = someone_in(read_hub, first, "train")
    archive.forget(read_hub, "j-mid", subject)
    for member in content(read_hub, first).members:
        if member.subject == subject:
            read_hub.store.delete(pack_key(member.pack))
    made = hole(read_hub, "j-mid", subject, AT)
    assert [(version.name, version.subjects, version.labels) for version in made] == [("lungs", 9, 9), ("others", 9, 0)]
    assert subject not in repr(content(read_hub, made[0]))
    assert versions_naming(read_hub, "j-mid", subject) == tuple(sorted((first.digest, other.digest)))
    assert versions_naming(read_hub, "basic", subject) == ()
    assert verify(read_hub, "lungs", 2).dataset == show(read_hub, "lungs")


def test_one_test_has_one_seal(read_hub: Node) -> None:
    """The seal hangs on the test's subjects, packs and labels, and on nothing else of the version."""
    first = freeze(read_hub, "lungs", "j-mid", task="nodules")
    seal = sealed_test(read_hub, first)
    correct(read_hub, someone_in(read_hub, first, "train"), "present")
    correct(read_hub, someone_in(read_hub, first, "validation"), "absent")
    assert sealed_test(read_hub, freeze(read_hub, "lungs", "j-mid", task="nodules")) == seal
    tester = someone_in(read_hub, first, "test")
    now = next(label.label for label in content(read_hub, first).labels if label.subject == tester)
    correct(read_hub, tester, "absent" if now == "present" else "present")
    assert sealed_test(read_hub, freeze(read_hub, "lungs", "j-mid", task="nodules")) != seal
    assert sealed_test(read_hub, first) == seal


def test_a_task_that_does_not_fit_is_refused(read_hub: Node, facility: Facility) -> None:
    """Unknown, of another registry, or without a settled case."""
    other = Facility(facility.folder, 2, "basic").admitted_to(read_hub)
    shelve(read_hub, accept(read_hub, other.parcel(series("B-1", study=50))).digest)
    make(read_hub, "unread", "j-mid")
    for registry, task, code in (
        ("j-mid", "unknown", "not-found"),
        ("basic", "nodules", "task-registry"),
        ("j-mid", "unread", "dataset-empty"),
    ):
        with pytest.raises(Refused, match=code):
            freeze(read_hub, "lungs", registry, task=task)


def test_a_listing_tells_only_of_its_splits(read_hub: Node) -> None:
    """What a job sees names nobody of the test, but the classes of all; it is read back as it was written."""
    made = freeze(read_hub, "lungs", "j-mid", task="nodules")
    frozen = content(read_hub, made)
    seen = listing(made, frozen, ("train", "validation"))
    tester = someone_in(read_hub, made, "test")
    assert tester not in seen.to_bytes().decode()
    assert (len(seen.members), len(seen.labels), seen.classes) == (9, 9, ("absent", "present"))
    assert Listing.from_bytes(seen.to_bytes()) == seen
    with pytest.raises(Refused, match="split-empty"):
        listing(made, frozen, ())


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "object-damaged"), (b"[]", "object-damaged"), (b'{"format":2}', "object-damaged")],
)
def test_what_is_no_listing_is_refused(data: bytes, code: str) -> None:
    """Other bytes in its place are not believed."""
    with pytest.raises(Refused, match=code):
        Listing.from_bytes(data)


def test_a_listing_of_the_future_is_refused() -> None:
    """A newer format is not half understood."""
    with pytest.raises(Refused, match="dataset-format"):
        Listing.from_bytes(canonical({"format": 3}))
