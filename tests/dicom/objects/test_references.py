"""What an object refers to, found at every depth."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from kaname.dicom.json import instance_json
from kaname.dicom.objects.references import Reference, references
from kaname.errors import Refused
from kaname.testing.objects import CT_CLASS, ct_slice, to_bytes

STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"


def item(**attributes: Any) -> Dataset:
    """An item of a sequence."""
    ds = Dataset()
    for name, value in attributes.items():
        setattr(ds, name, Sequence(value) if name.endswith("Sequence") else value)
    return ds


def instance(uid: str = "1.2.3", sop_class: str = CT_CLASS, **more: Any) -> Dataset:
    """A reference to an instance."""
    return item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid, **more)


def of(**attributes: Any) -> dict[str, Any]:
    """The metadata of an object with these sequences."""
    return instance_json(to_bytes(ct_slice(**{k: Sequence(v) for k, v in attributes.items()})))


def test_an_image_refers_to_nothing() -> None:
    """The UIDs of the object itself are no references."""
    found = references(instance_json(to_bytes(ct_slice())))
    assert (found.instances, found.studies, found.series) == ((), frozenset(), frozenset())


def test_a_report_tells_study_and_series() -> None:
    """What stands around a reference belongs to it."""
    series = item(SeriesInstanceUID="1.2", ReferencedSOPSequence=[instance("1.2.3"), instance("1.2.4")])
    study = item(StudyInstanceUID="1", ReferencedSeriesSequence=[series])
    study.StudyInstanceUID = "1.1"
    found = references(of(CurrentRequestedProcedureEvidenceSequence=[study]))
    assert found.instances == tuple(Reference("1.1", "1.2", CT_CLASS, uid, ()) for uid in ("1.2.3", "1.2.4"))
    assert (found.studies, found.series) == ({"1.1"}, {"1.2"})


def test_a_structure_set_names_its_study_like_an_instance() -> None:
    """A reference to a study is no reference to an instance, and holds for all that stands below it."""
    series = item(SeriesInstanceUID="1.2", ContourImageSequence=[instance()])
    study = instance("1.1", STUDY_CLASS, RTReferencedSeriesSequence=[series])
    found = references(of(ReferencedFrameOfReferenceSequence=[item(RTReferencedStudySequence=[study])]))
    assert found.instances == (Reference("1.1", "1.2", CT_CLASS, "1.2.3", ()),)
    assert found.studies == {"1.1"}


def test_frames_are_told_and_the_same_reference_once() -> None:
    """A reference that stands in many places counts once; other frames are another reference."""
    many = [instance(ReferencedFrameNumber=[1, 3]), instance(ReferencedFrameNumber=[1, 3]), instance()]
    found = references(of(SourceImageSequence=many))
    assert [reference.frames for reference in found.instances] == [(1, 3), ()]


@pytest.mark.parametrize(
    "wrong",
    [item(ReferencedSOPInstanceUID="1.2.3"), item(ReferencedSOPClassUID=CT_CLASS), instance(uid="")],
)
def test_half_a_reference_is_refused(wrong: Dataset) -> None:
    """A class without an instance, or the other way round, leads nowhere."""
    with pytest.raises(Refused, match="malformed-dicom"):
        references(of(SourceImageSequence=[item(PurposeOfReferenceCodeSequence=[wrong])]))


@pytest.mark.parametrize(
    "element",
    [
        {"00081155": {"vr": "IS", "Value": [3]}, "00081150": {"vr": "UI", "Value": [CT_CLASS]}},
        {"00081160": {"vr": "LO", "Value": ["x"]}, "0020000E": {"vr": "UI", "Value": ["1.2"]}},
        {"0020000E": {"vr": "DS", "Value": [1.5]}},
    ],
)
def test_values_of_another_kind_are_refused(element: dict[str, Any]) -> None:
    """A reference whose value is not what its attribute says."""
    with pytest.raises(Refused, match="malformed-dicom"):
        references({"00081140": {"vr": "SQ", "Value": [element]}})


def test_an_abyss_is_refused() -> None:
    """Sequences without end are not followed."""
    deep: dict[str, Any] = {}
    for _ in range(40):
        deep = {"00081140": {"vr": "SQ", "Value": [deep]}}
    with pytest.raises(Refused, match="nesting-too-deep"):
        references(deep)
