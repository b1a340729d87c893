from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pydicom
import pytest

from kaname.testing.answer import AnswerKey, kept_values
from kaname.testing.bytesearch import UNSEARCHABLE, find_planted
from kaname.testing.hospital import make_hospital
from kaname.testing.phantom import Phantom
from kaname.testing.write import CHARSETS


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, AnswerKey]:
    """A hospital of eight patients and its key, made once."""
    folder = tmp_path_factory.mktemp("hospital")
    return folder, make_hospital(folder, patients=8, studies=2, slices=2, size=64)


def test_every_planted_string_really_stands_in_the_bytes(hospital: tuple[Path, AnswerKey]) -> None:
    """The search finds each string of the answer key in the hospital's own files."""
    folder, key = hospital
    strings = key.strings()
    hits = find_planted(folder, strings)
    assert {hit.form_index for hit in hits} == set(range(len(strings)))


def test_a_patient_stands_in_the_files_of_that_patient(hospital: tuple[Path, AnswerKey]) -> None:
    """Every string planted of a patient is found below that patient's folder."""
    folder, key = hospital
    for patient in key.patients:
        own = folder / Path(patient.studies[0].report).parts[0]
        found = {hit.form_index for hit in find_planted(own, patient.strings())}
        named = {n for n, text in enumerate(patient.strings()) if text in own.name}
        assert found | named == set(range(len(patient.strings())))


def test_identity_stands_in_every_kind_of_place(hospital: tuple[Path, AnswerKey]) -> None:
    """Preamble, file meta, private, nested, UN, unknown, overlay and padding elements carry identity."""
    folder, key = hospital
    patient = key.patients[0]
    data = (folder / patient.studies[0].slices[0].path).read_bytes()
    ds = pydicom.dcmread(folder / patient.studies[0].slices[0].path)
    number = patient.patient_id
    assert number.encode() in data[:128]
    assert number.encode() in ds.file_meta[0x00020102].value
    assert ds.file_meta[0x00020016].value in patient.planted
    assert number.encode("utf-16-le") in ds[0x00291010].value
    assert number in ds[0x00291030].value[0][0x00291031].value
    assert number in str(ds[0x00311005].value)
    assert number in str(ds[0x00100F01].value)
    assert number in str(ds[0x60001500].value)
    assert ds[0xFFFCFFFC].value.strip(b"\0").decode() in patient.planted
    deep = ds.SharedFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    assert deep.PurposeOfReferenceCodeSequence[0].PatientID == number


def test_headers_are_as_rich_as_real_ones(hospital: tuple[Path, AnswerKey]) -> None:
    """A slice has more than 150 elements, and every way of writing text and VRs occurs."""
    folder, key = hospital
    assert min(len(pydicom.dcmread(folder / s.path)) for s in key.slices()) > 150
    assert {study.charset for study in key.studies()} == {charset.name for charset in CHARSETS}
    assert {study.implicit for study in key.studies()} == {True, False}


def test_the_key_knows_values_that_must_survive(hospital: tuple[Path, AnswerKey]) -> None:
    """The values to keep are those of the files; an age over ninety is listed as 090Y."""
    folder, key = hospital
    for one in key.slices():
        found = kept_values(folder / one.path, one.keep)
        assert {k: v for k, v in found.items() if k != "PatientAge"} == {
            k: v for k, v in one.keep.items() if k != "PatientAge"
        }
        ds = pydicom.dcmread(folder / one.path)
        assert hashlib.sha256(ds.PixelData).hexdigest() == one.pixel_digest
        assert (ds.SOPInstanceUID, ds.SeriesInstanceUID) == (one.sop_instance_uid, one.series_instance_uid)
    assert {one.keep["PatientAge"] for one in key.patients[3].studies[0].slices} == {"090Y"}
    assert len(key.slices()[0].keep) > 50
    assert kept_values(folder / key.slices()[0].path, ["RescaleSlope", "NumberOfFrames"]) == {"RescaleSlope": "1"}


def test_reports_name_everybody(hospital: tuple[Path, AnswerKey]) -> None:
    """Beside each study lies its report: JSON with the accession number, and the name inside the text."""
    folder, key = hospital
    for patient in key.patients:
        for study in patient.studies:
            report = json.loads((folder / study.report).read_text(encoding="utf-8"))
            assert report["accession_number"] == study.accession
            assert report["patient_name"] in report["インプレッション"]
            assert report["patient_name"] in patient.planted
            assert Path(study.report).parent == Path(study.slices[0].path).parent


def test_dates_of_all_studies_lie_within_four_weeks(hospital: tuple[Path, AnswerKey]) -> None:
    """A date that moves by a month never lands on another planted one."""
    _, key = hospital
    days = sorted(study.date for study in key.studies())
    assert days[0] >= "20240501"
    assert days[-1] < "20240529"


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """A hospital is reproducible, and another seed is another hospital."""
    keys = [make_hospital(tmp_path / str(n), seed=seed, slices=1, size=32) for n, seed in enumerate((7, 7, 8))]
    files = [
        {p.relative_to(tmp_path / str(n)): p.read_bytes() for p in (tmp_path / str(n)).rglob("*") if p.is_file()}
        for n in range(3)
    ]
    assert (keys[0], files[0]) == (keys[1], files[1])
    assert set(keys[0].strings()).isdisjoint(p.patient_id for p in keys[2].patients)


def test_one_hospital_is_not_found_in_another(tmp_path: Path) -> None:
    """Numbers, UIDs and dates of birth of one seed stand nowhere in the files of another seed."""
    first = make_hospital(tmp_path / "1", seed=11, patients=2, slices=1)
    make_hospital(tmp_path / "2", seed=12, patients=2, slices=1)
    own = [p.patient_id for p in first.patients] + [s.study_instance_uid for s in first.studies()]
    assert find_planted(tmp_path / "2", own) == []


def test_the_key_survives_json(hospital: tuple[Path, AnswerKey]) -> None:
    """The key that was written as JSON is the key that is read."""
    _, key = hospital
    assert AnswerKey.from_json(key.to_json()) == key


def test_pixels_spell_nothing() -> None:
    """In a slice every second byte is below 16, so that no text stands there by chance."""
    pixels = Phantom("x", 128).slice(0.5)
    assert len(pixels) == 128 * 128 * 2
    assert max(pixels[1::2]) < 16
    assert Phantom("x", 128).slice(0.5) == pixels != Phantom("y", 128).slice(0.5)


def test_a_clean_tree_has_no_hits(hospital: tuple[Path, AnswerKey], tmp_path: Path) -> None:
    """In files of phantoms and technical values the search for all planted strings finds nothing."""
    _, key = hospital
    for number in range(4):
        (tmp_path / f"{number}.raw").write_bytes(Phantom(f"clean {number}", 128).slice(0.4))
    (tmp_path / "values.json").write_text(json.dumps([dict(s.keep) for s in key.slices()]))
    assert [hit for hit in find_planted(tmp_path, key.strings()) if hit.form_index != UNSEARCHABLE] == []
