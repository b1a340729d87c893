"""Derived objects come into the archive only onto what it holds, and are then like any other series."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from kaname.archive import candidate
from kaname.archive.derived import STORED, store, store_each
from kaname.archive.flow import shelve
from kaname.archive.model import Rejected, Stored
from kaname.archive.query import packed_series, search
from kaname.archive.question import ask
from kaname.archive.retrieve import stream
from kaname.database import reading
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import REGISTRY, Facility, series
from kaname.testing.objects import ct_slice, to_bytes

from .reports import Change, catalogue, held, put, report, why


def test_a_report_is_stored_and_found_like_any_series(
    hub: Node, facility: Facility, write: Callable[[bytes], Path]
) -> None:
    """It is in the study's counts, found by a search, and comes back byte for byte; the ledger says who brought it."""
    data = report(hub, facility)
    (stored,) = store(hub, [write(data)], registry=REGISTRY, actor="reader-1")
    assert stored.new
    *_, found = held(hub, facility)
    assert found.member.sop_instance_uid == stored.sop_instance_uid
    assert b"".join(stream(hub, found)) == data
    answer = search(hub, ask("study", [("ModalitiesInStudy", "SR")]), [REGISTRY])
    (document,) = map(json.loads, answer.documents)
    assert document["00080061"]["Value"] == ["CT", "SR"]
    assert (document["00201206"]["Value"], document["00201208"]["Value"]) == ([2], [3])
    (event,) = hub.ledger.events(action=STORED)
    assert (event.actor, event.about, event.facts["instances"]) == ("reader-1", found.pack, 1)
    assert not list((hub.settings.home / "shelving").glob("*"))
    assert catalogue(hub)["archive_announced"] == []


def test_the_same_object_again_changes_nothing(hub: Node, facility: Facility, write: Callable[[bytes], Path]) -> None:
    """No row, no event, no object: storing twice is storing once, in one call or two."""
    data = report(hub, facility)
    first, twin = store(hub, [write(data), write(data)], registry=REGISTRY, actor="reader-1")
    assert (first.new, twin.new) == (True, False)
    before, head, keys = catalogue(hub), hub.ledger.head(), set(hub.store.keys(""))
    (again,) = store(hub, [write(data)], registry=REGISTRY, actor="reader-2")
    assert not again.new
    assert (catalogue(hub), hub.ledger.head(), set(hub.store.keys(""))) == (before, head, keys)


def test_one_pack_per_series(hub: Node, facility: Facility, write: Callable[[bytes], Path]) -> None:
    """Objects of one series that come together lie in one pack; one that comes later adds a pack to the series."""
    together = [report(hub, facility, 0.1), report(hub, facility, 0.2), report(hub, facility, 0.3, 0.4)]
    store(hub, [write(data) for data in together], registry=REGISTRY, actor="reader")
    late = store(hub, [write(report(hub, facility, 0.9)), write(together[0])], registry=REGISTRY, actor="reader")
    assert [stored.new for stored in late] == [True, False]
    packs = [row for row in catalogue(hub)["archive_pack"] if not row["parcel"]]
    assert sorted((row["number"], row["members"]) for row in packs) == [(1, 3), (2, 1)]
    assert len({stored.series_instance_uid for stored in late}) == 1


def test_derived_objects_are_no_material_for_datasets(
    hub: Node, facility: Facility, write: Callable[[bytes], Path]
) -> None:
    """A dataset is made of what hospitals gave."""
    with reading(hub.index) as connection:
        before = list(packed_series(connection, REGISTRY))
        store(hub, [write(report(hub, facility))], registry=REGISTRY, actor="reader")
        assert list(packed_series(connection, REGISTRY)) == before


def test_an_object_may_refer_to_another_of_the_same_call(
    hub: Node, facility: Facility, write: Callable[[bytes], Path]
) -> None:
    """What is referred to is stored first, whatever the order of the files."""
    first = report(hub, facility, 0.1)
    uid = pydicom.dcmread(BytesIO(first)).SOPInstanceUID

    def follow(ds: Dataset) -> None:
        """Also refers to the first report."""
        ds.SOPInstanceUID = "2.25.77"
        (evidence,) = ds.CurrentRequestedProcedureEvidenceSequence
        (group,) = evidence.ReferencedSeriesSequence
        other, item = Dataset(), Dataset()
        other.SeriesInstanceUID = ds.SeriesInstanceUID
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = ds.SOPClassUID, uid
        other.ReferencedSOPSequence = [item]
        evidence.ReferencedSeriesSequence = [group, other]

    second = report(hub, facility, 0.2, change=follow)
    outcomes = store_each(hub, [write(second), write(first)], registries=[REGISTRY], actor="reader")
    assert [why(outcome) for outcome in outcomes] == ["", ""]
    assert isinstance(outcomes[0], Stored)
    assert outcomes[0].sop_instance_uid == "2.25.77"


def reference(**attributes: Any) -> Change:
    """A change of the reference to the image, in the evidence or, by ``series``, of the series around it."""

    def change(ds: Dataset) -> None:
        (study,) = ds.CurrentRequestedProcedureEvidenceSequence
        (around,) = study.ReferencedSeriesSequence
        (item,) = around.ReferencedSOPSequence
        for name, value in attributes.items():
            where = {"study": (study, "StudyInstanceUID"), "series": (around, "SeriesInstanceUID")}.get(name)
            setattr(*(where or (item, name)), value)

    return change


def no_evidence(ds: Dataset) -> None:
    """A report that refers to nothing."""
    del ds.CurrentRequestedProcedureEvidenceSequence
    ds.ContentSequence = []


FAULTS: dict[str, tuple[Change, str]] = {
    "an image that is not here": (reference(ReferencedSOPInstanceUID="2.25.1"), "derived-reference"),
    "the image as another class": (
        reference(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
        "derived-reference",
    ),
    "the image in another series": (reference(series="2.25.1"), "derived-reference"),
    "the image in another study": (reference(study="2.25.1"), "derived-reference"),
    "a frame that is not there": (reference(ReferencedFrameNumber=2), "derived-reference"),
    "nothing": (no_evidence, "derived-reference"),
    "a class without an instance": (reference(ReferencedSOPInstanceUID=""), "malformed-dicom"),
    "another subject": (put(PatientID="A" * 16, PatientName="A" * 16), "derived-subject"),
    "another study": (put(StudyInstanceUID="2.25.1"), "derived-reference"),
    "a series of images": (put(SeriesInstanceUID="2.25.11"), "same-uid-other-series"),
    "an image's UID": (put(SOPInstanceUID="2.25.12"), "same-uid-other-bytes"),
    "no series": (put(SeriesInstanceUID=""), "missing-uid"),
    "a class that is not derived": (put(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1"), "derived-class"),
    "a name": (put(PatientName="Yamada^Taro"), "derived-may-identify"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_rejected_and_leaves_nothing(
    hub: Node, facility: Facility, write: Callable[[bytes], Path], fault: str
) -> None:
    """Each fault has its reason; the sound object beside it is stored, and of the other nothing is kept."""
    image, *_ = held(hub, facility)
    change, code = FAULTS[fault]

    def changed(ds: Dataset) -> None:
        change(ds)
        for element in (ds["SeriesInstanceUID"], ds["SOPInstanceUID"]):
            found = {"2.25.11": image.series_instance_uid, "2.25.12": image.member.sop_instance_uid}
            element.value = found.get(element.value, element.value)

    bad, good = report(hub, facility, change=changed), report(hub, facility, 0.2)
    before = set(hub.store.keys(""))
    rejected, stored = store_each(hub, [write(bad), write(good)], registries=[REGISTRY], actor="reader")
    assert isinstance(rejected, Rejected)
    assert isinstance(stored, Stored)
    assert rejected.refusal.code == code
    assert rejected.sop_class_uid
    assert len(set(hub.store.keys("")) - before) == 2
    with pytest.raises(Refused, match=code):
        store(hub, [write(good), write(bad)], registry=REGISTRY, actor="reader")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-file"),
        (b"not DICOM at all", "not-dicom"),
        (to_bytes(ct_slice()), "derived-class"),
    ],
)
def test_what_is_no_derived_object_is_rejected(
    hub: Node, write: Callable[[bytes], Path], data: bytes, code: str
) -> None:
    """Anything that is not of a derived class does not come in this way."""
    (outcome,) = store_each(hub, [write(data)], registries=[REGISTRY], actor="reader")
    assert why(outcome) == code


def test_a_cut_report_is_rejected(hub: Node, facility: Facility, write: Callable[[bytes], Path]) -> None:
    """A report that ends early is not stored, wherever it ends."""
    data = report(hub, facility)
    cuts = [write(data[: len(data) * part // 10]) for part in range(1, 10)]
    assert all(isinstance(o, Rejected) for o in store_each(hub, cuts, registries=[REGISTRY], actor="reader"))


def test_a_file_that_says_two_things_is_rejected(hub: Node, facility: Facility, write: Callable[[bytes], Path]) -> None:
    """File meta information and data set must name one instance."""
    data = report(hub, facility)
    uid = pydicom.dcmread(BytesIO(data)).SOPInstanceUID.encode()
    other = uid[:-1] + (b"1" if uid[-1:] != b"1" else b"2")
    (outcome,) = store_each(hub, [write(data.replace(uid, other, 1))], registries=[REGISTRY], actor="reader")
    assert why(outcome) == "malformed-dicom"


def test_a_giant_is_rejected_unread(
    hub: Node, facility: Facility, write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is larger than a derived object can be is told so."""
    data = report(hub, facility)
    monkeypatch.setattr(candidate, "LIMIT_BYTES", len(data) - 1)
    (outcome,) = store_each(hub, [write(data)], registries=[REGISTRY], actor="reader")
    assert why(outcome) == "too-large"


def test_a_known_object_with_other_bytes_is_rejected(
    hub: Node, facility: Facility, write: Callable[[bytes], Path]
) -> None:
    """The first bytes of a UID stay, also within one call."""
    first = report(hub, facility)
    other = report(hub, facility, change=put(SeriesDescription="another text"))
    outcomes = store_each(hub, [write(first), write(other)], registries=[REGISTRY], actor="reader")
    assert [why(outcome) for outcome in outcomes] == ["", "same-uid-other-bytes"]


def test_another_registry_is_another_world(hub: Node, facility: Facility, write: Callable[[bytes], Path]) -> None:
    """Nothing is stored onto a study of a registry that the caller does not act for."""
    with pytest.raises(Refused, match="derived-reference"):
        store(hub, [write(report(hub, facility))], registry="basic", actor="reader")


def test_a_prior_study_of_the_same_subject_may_be_referred_to(
    hub: Node, facility: Facility, write: Callable[[bytes], Path]
) -> None:
    """A comparison names the other study; one of another subject does not resolve."""
    shelve(hub, accept(hub, facility.parcel(series(study=2), 2)).digest)
    shelve(hub, accept(hub, facility.parcel(series(patient="other", study=3), 3)).digest)

    def also(study: int) -> Change:
        def change(ds: Dataset) -> None:
            (source,) = ds.CurrentRequestedProcedureEvidenceSequence
            found, *_ = held(hub, facility, study)
            outer, inner, item = Dataset(), Dataset(), Dataset()
            item.ReferencedSOPClassUID = found.member.sop_class_uid
            item.ReferencedSOPInstanceUID = found.member.sop_instance_uid
            inner.SeriesInstanceUID, inner.ReferencedSOPSequence = found.series_instance_uid, [item]
            outer.StudyInstanceUID, outer.ReferencedSeriesSequence = found.study_instance_uid, [inner]
            ds.CurrentRequestedProcedureEvidenceSequence = [source, outer]
            ds.SOPInstanceUID = f"2.25.{study}"

        return change

    files = [write(report(hub, facility, change=also(study))) for study in (2, 3)]
    outcomes = store_each(hub, files, registries=[REGISTRY], actor="reader")
    assert [why(outcome) for outcome in outcomes] == ["", "derived-reference"]
