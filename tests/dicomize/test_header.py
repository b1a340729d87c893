from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.dicomize import Examination
from kaname.dicomize.header import MODALITIES, acquired, header, laterality
from kaname.dicomize.write import part10
from kaname.errors import NotYet

ENDOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.1"


def test_the_words_of_a_table_become_dicom(examination: Examination) -> None:
    """Names in Japanese writing, dates with slashes, sexes and sides in words."""
    made = header(examination, ENDOSCOPY, "digest", 3)
    assert made.PatientName == "=山田^太郎"
    assert (made.PatientID, made.IssuerOfPatientID, made.AccessionNumber) == ("0012345", "HOSPITAL", "A-77")
    assert (made.PatientBirthDate, made.PatientSex) == ("19800103", "M")
    assert (made.StudyDate, made.StudyTime) == ("20260102", "1345")
    assert (made.Modality, made.BodyPartExamined, made.InstanceNumber) == ("ES", "EYE", 3)
    assert laterality(examination) == "R"
    assert acquired(examination) == "202601021345"


@pytest.mark.parametrize(
    ("born", "examined", "age"),
    [
        ("1980-01-03", "2026-01-02", "045Y"),
        ("1980-01-03", "2026-01-03", "046Y"),
        ("1915-06-01", "2026-01-02", "110Y"),
        ("2025-12-01", "2026-01-02", None),
        ("2027-01-01", "2026-01-02", None),
        ("1800-01-01", "2026-01-02", None),
        ("", "2026-01-02", None),
        ("1980-01-03", "", None),
    ],
)
def test_the_age_is_told_in_completed_years(examination: Examination, born: str, examined: str, age: str) -> None:
    """The date of birth does not leave the hospital, the age may: where it cannot be reckoned it is not told."""
    made = header(replace(examination, birth_date=born, study_date=examined), ENDOSCOPY, "digest", 1)
    assert made.get("PatientAge") == age


@pytest.mark.parametrize(
    ("field", "text", "keyword", "value"),
    [
        ("patient_name", "YAMADA TARO", "PatientName", "YAMADA^TARO"),
        ("patient_name", "YAMADA^TARO=山田^太郎", "PatientName", "YAMADA^TARO=山田^太郎"),
        ("patient_name", "", "PatientName", ""),
        ("birth_date", "19800103", "PatientBirthDate", "19800103"),
        ("birth_date", "1980-01-03", "PatientBirthDate", "19800103"),
        ("birth_date", "1980.1.3", "PatientBirthDate", "19800103"),
        ("sex", "Female", "PatientSex", "F"),
        ("sex", "", "PatientSex", ""),
        ("sex", "その他", "PatientSex", "O"),
        ("study_time", "13:45:10.5", "StudyTime", "134510.5"),
        ("study_time", "", "StudyTime", ""),
    ],
)
def test_each_spelling_has_one_meaning(field: str, text: str, keyword: str, value: str) -> None:
    """Tables of departments differ; what they mean does not."""
    made = header(replace(Examination("1"), **{field: text}), ENDOSCOPY, "digest", 1)
    assert made[keyword].value == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("patient_id", "1" * 65),
        ("patient_id", "1\\2"),
        ("accession", "12345678901234567"),
        ("patient_name", "山田\n太郎"),
        ("birth_date", "3 January 1980"),
        ("birth_date", "1980113"),
        ("study_date", "2026-02/03"),
        ("study_time", "25:00"),
        ("sex", "X"),
        ("body_part", "顔"),
    ],
)
def test_what_dicom_cannot_carry_is_held_by_its_name(field: str, text: str) -> None:
    """The field is told, its value is not."""
    with pytest.raises(NotYet) as waiting:
        header(replace(Examination("1"), **{field: text}), ENDOSCOPY, "digest", 1)
    assert (waiting.value.code, waiting.value.facts) == ("examination-invalid", {"item": field})


def test_a_side_that_is_none_is_held() -> None:
    """Right, left and both are all there is."""
    with pytest.raises(NotYet):
        laterality(Examination("1", laterality="middle"))


def test_files_of_one_examination_are_one_study(examination: Examination) -> None:
    """The same patient, issuer and accession number: one study; one series of each class; an instance of each file."""
    first, second = header(examination, ENDOSCOPY, "a", 1), header(examination, ENDOSCOPY, "b", 2)
    other = header(examination, "1.2.840.10008.5.1.4.1.1.77.1.4", "a", 1)
    assert first.StudyInstanceUID == second.StudyInstanceUID == other.StudyInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID != other.SeriesInstanceUID
    assert len({first.SOPInstanceUID, second.SOPInstanceUID, other.SOPInstanceUID}) == 3
    for field in ("patient_id", "issuer", "accession"):
        stranger = header(replace(examination, **{field: "other"}), ENDOSCOPY, "a", 1)
        assert stranger.StudyInstanceUID != first.StudyInstanceUID
        assert stranger.SOPInstanceUID != first.SOPInstanceUID


def test_an_examination_prints_nothing(examination: Examination) -> None:
    """Not in a log, not in a traceback."""
    assert repr(examination) == "Examination(…)"


@given(
    st.sampled_from([field.name for field in fields(Examination)]),
    st.text(max_size=80),
    st.sampled_from(sorted(MODALITIES)),
)
def test_whatever_a_cell_says_makes_a_file_or_a_reason(field: str, text: str, sop_class_uid: str) -> None:
    """No cell of a table breaks anything."""
    examination = replace(Examination("1"), **{field: text})
    with suppress(NotYet):
        assert part10(header(examination, sop_class_uid, "digest", 1))[128:132] == b"DICM"
