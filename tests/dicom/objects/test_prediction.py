"""A model's report: valid, complete, the same bytes for the same prediction."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.dicom.json import instance_json
from kaname.dicom.objects.prediction import Judged, PredictingModel, prediction_report, read_prediction
from kaname.errors import Refused
from kaname.residual.derived import inspect_derived
from kaname.testing.objects import CT_CLASS, ct_slice, to_bytes

SUBJECT = "K7QXAM2BZRT5UIHN"
MODEL = PredictingModel("nodule", "3", "0123456789abcdef" * 4, "present", 0.437215)


def image(number: int = 1, **attributes: Any) -> dict[str, Any]:
    """The metadata of a de-identified slice."""
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyInstanceUID": "2.25.1",
        "SeriesInstanceUID": "2.25.2",
        "SOPInstanceUID": f"2.25.1{number}",
        "PatientID": SUBJECT,
        "PatientName": SUBJECT,
        "AccessionNumber": "ABCDEFGH234567AB",
        "PatientBirthDate": "",
        "ReferringPhysicianName": "",
        "StudyID": "",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "KANAME 0.1.0; basic/1",
    }
    return instance_json(to_bytes(ct_slice(**{**values, **attributes})))


IMAGES = [image(number) for number in range(1, 5)]


def test_a_report_says_all_of_it() -> None:
    """What was written is what is read: model, images, frames, labels and probabilities."""
    judged = [Judged(IMAGES[0], "present", 0.8123456), Judged(IMAGES[1], "absent", 0.25, 2)]
    read = read_prediction(prediction_report(judged, MODEL))
    assert (read.model, read.subject, read.study_instance_uid) == (MODEL, SUBJECT, "2.25.1")
    told = [(one.sop_class_uid, one.sop_instance_uid, one.frame, one.label, one.score) for one in read.judged]
    assert told == [(CT_CLASS, "2.25.11", None, "present", 0.812346), (CT_CLASS, "2.25.12", 2, "absent", 0.25)]


judgements = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["present", "absent"]), st.floats(0, 1), st.none() | st.integers(1, 9)
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: (one[0], one[3] or 0),
)


@settings(max_examples=20)
@given(judgements, st.randoms())
def test_the_same_prediction_is_the_same_bytes(found: list[tuple[int, str, float, int | None]], chance: Any) -> None:
    """In whatever order; the second look finds nobody in it; another score is another instance of the same series."""
    judged = [Judged(IMAGES[n], label, score, frame) for n, label, score, frame in found]
    data = prediction_report(judged, MODEL)
    shuffled = list(judged)
    chance.shuffle(shuffled)
    assert prediction_report(shuffled, MODEL) == data
    assert inspect_derived(data) == ()
    first = judged[0]
    other = Judged(first.image, first.label, first.score / 2 + 0.5 if first.score < 0.5 else 0.0, first.frame)
    changed = prediction_report([other, *judged[1:]], MODEL)
    one, two = read_prediction(data), read_prediction(changed)
    assert one.sop_instance_uid != two.sop_instance_uid
    assert one.series_instance_uid == two.series_instance_uid


def test_another_model_is_another_series() -> None:
    """Each model version has a series of its own in a study."""
    judged = [Judged(IMAGES[0], "present", 0.5)]
    newer = PredictingModel("nodule", "4", "f" * 64, "present", 0.5)
    first, second = (read_prediction(prediction_report(judged, model)) for model in (MODEL, newer))
    assert first.series_instance_uid != second.series_instance_uid


def test_a_report_lies_on_the_time_of_its_study() -> None:
    """No date tells when the model ran; a study without dates gives none of today either."""
    ds = pydicom.dcmread(BytesIO(prediction_report([Judged(IMAGES[0], "present", 0.5)], MODEL)))
    assert (ds.ContentDate, ds.ContentTime) == ("20240501", "101530.25")
    dates = {str(element.value)[:8] for element in ds.iterall() if element.VR in ("DA", "DT") and element.value}
    assert dates == {"20240501"}
    undated = image(StudyDate="", StudyTime=None)
    ds = pydicom.dcmread(BytesIO(prediction_report([Judged(undated, "present", 0.5)], MODEL)))
    assert (ds.StudyDate, ds.ContentDate, ds.ContentTime) == ("", "19700101", "000000")


def test_a_report_inherits_its_subject() -> None:
    """Patient and study attributes are those of the image, and nothing else of it."""
    ds = pydicom.dcmread(BytesIO(prediction_report([Judged(IMAGES[0], "present", 0.5)], MODEL)))
    assert (ds.PatientID, ds.PatientSex, ds.PatientIdentityRemoved) == (SUBJECT, "M", "YES")
    assert (ds.Modality, ds.Manufacturer) == ("SR", "Kaname")
    assert ds.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID == "2.25.1"
    assert "KVP" not in ds
    assert "PixelData" not in ds


@pytest.mark.parametrize(
    "judged",
    [
        [],
        [Judged(IMAGES[0], "present", 1.1)],
        [Judged(IMAGES[0], "present", float("nan"))],
        [Judged(IMAGES[0], "", 0.5)],
        [Judged(IMAGES[0], "x" * 17, 0.5)],
        [Judged(IMAGES[0], "present", 0.5), Judged(image(2, StudyInstanceUID="2.25.9"), "present", 0.5)],
        [Judged(IMAGES[0], "present", 0.5), Judged(image(2, PatientID="A" * 16), "present", 0.5)],
    ],
)
def test_what_is_no_prediction_is_a_fault_of_the_caller(judged: list[Judged]) -> None:
    """A report is on one study of one subject, with probabilities and short labels."""
    with pytest.raises(ValueError, match=r"report|score|label"):
        prediction_report(judged, MODEL)


REPORT = prediction_report([Judged(IMAGES[0], "present", 0.5)], MODEL)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-file"),
        (b"x" * 500, "not-dicom"),
        (to_bytes(ct_slice()), "malformed-dicom"),
        (REPORT[: len(REPORT) // 2], "malformed-dicom"),
    ],
)
def test_something_else_is_no_report(data: bytes, code: str) -> None:
    """Reading refuses what is no report of ours."""
    with pytest.raises(Refused, match=code):
        read_prediction(data)


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="dcmtk is not installed")
def test_dcmtk_reads_it(tmp_path: Path) -> None:
    """dsrdump, which none of us wrote, finds a sound document tree and says nothing against it."""
    path = tmp_path / "report.dcm"
    path.write_bytes(prediction_report([Judged(i, "present", 0.75) for i in IMAGES], MODEL))
    done = subprocess.run(["dsrdump", "+Pc", str(path)], capture_output=True, check=True, text=True)
    assert done.stdout.count('(PROBABILITY,99KANAME,"Probability of present")="0.75" (1,UCUM,') == len(IMAGES)
    assert done.stdout.count("(present,99KANAME,") == len(IMAGES)
    assert not [line for line in done.stderr.splitlines() if line.startswith(("E:", "F:"))]
