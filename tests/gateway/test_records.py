"""Rows of a department's table and reports: what is kept, what is linked, what travels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from kaname.clock import Clock
from kaname.database import writing
from kaname.gateway.batches import form_batches
from kaname.gateway.deidentify import deidentify
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, PARCELS
from kaname.gateway.records import forget_records, receive_table
from kaname.gateway.seal import seal
from kaname.gateway.status import held, status
from kaname.gateway.sweep import sweep
from kaname.parcel.open import open_parcel, unpack
from kaname.testing.bytesearch import find_planted
from kaname.testing.department import MAPPING, TABLE, make_department
from kaname.testing.hospital import make_hospital

from .hospitals import REGISTRY, make_gateway, records, slice_file, states, table_file, take, with_items

MAPPED = """
[columns]
accession = "受付"
patient_id = "患者"
[items.lesion]
column = "病変"
values = { "嚢胞" = "cyst", "なし" = "none" }
"""


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hospital:
    """A gateway that is enrolled with nobody; its registry has clinical items."""
    with_items(monkeypatch)
    return make_gateway(tmp_path)


def sealed(hospital: Hospital, folder: Path) -> tuple[dict[str, Any], ...]:
    """Crosses and seals the one batch; the records of its parcel, by kind and content."""
    (batch,) = form_batches(hospital)
    deidentify(hospital, batch)
    parcel = open_parcel(
        hospital.outbox / f"{seal(hospital, batch)}.parcel", {hospital.signing.public.id: hospital.signing.public}
    )
    opened = unpack(parcel, folder / "opened")
    return tuple(
        {"kind": entry.kind} | json.loads(opened.records[entry.digest].read_bytes())
        for entry in parcel.manifest.records
    )


def test_items_travel_with_their_images(hospital: Hospital, tmp_path: Path) -> None:
    """Codes and numbers of the linked row travel beside the study under pseudonyms; nothing else of the row does."""
    slice_file(tmp_path / "in", "1")
    row = ("A-1", "12345", "Yamada Taro", "cyst", "１２.５", "seen by Dr Kimura")
    table_file(tmp_path / "in", row, headings=("accession", "patient_id", "name", "lesion", "lesion_size", "note"))
    assert [(r.kind, r.state, r.reason) for r in take(hospital, tmp_path / "in")] == [
        ("row", "received", ""),
        ("image", "received", ""),
    ]
    keys = hospital.key.for_registry(REGISTRY)
    study, items = sealed(hospital, tmp_path)
    assert study["kind"] == "study"
    assert items == {
        "kind": "items",
        "accession": keys.accession("A-1"),
        "items": {"lesion": "cyst", "lesion_size": 12.5},
        "study_instance_uid": study["study_instance_uid"],
        "subject": keys.subject("12345"),
    }
    assert records(hospital) == [("sealed", "")]
    assert not find_planted(hospital.node.settings.home, ("Yamada", "Kimura", "00012345"))


def test_a_row_is_bound_once(hospital: Hospital, tmp_path: Path) -> None:
    """Sealing again gives the same parcel, also when another row of the study's came meanwhile."""
    slice_file(tmp_path / "in", "1")
    headings = ("accession", "patient_id", "lesion")
    take(hospital, table_file(tmp_path / "in", ("A-1", "12345", "cyst"), headings=headings), tmp_path / "in" / "1.dcm")
    (batch,) = form_batches(hospital)
    deidentify(hospital, batch)
    first = seal(hospital, batch)
    take(hospital, table_file(tmp_path / "more", ("A-1", "12345", "none"), headings=headings))
    assert seal(hospital, batch) == first
    assert records(hospital) == [("held", "record-repeated"), ("sealed", "")]


def test_a_departments_own_words(hospital: Hospital, tmp_path: Path) -> None:
    """A mapping names columns and words; CP932, full width and cells that say nothing are read."""
    slice_file(tmp_path / "in", "1")
    (tmp_path / "in" / MAPPING).write_text(MAPPED, encoding="utf-8")
    table = tmp_path / "in" / "t.csv"
    table.write_bytes("患者,受付,病変,organ\r\n１２３４５,A-1,嚢胞,\r\n".encode("cp932"))
    take(hospital, tmp_path / "in")
    assert sealed(hospital, tmp_path)[1]["items"] == {"lesion": "cyst"}


def test_what_no_row_names_is_held(hospital: Hospital, tmp_path: Path) -> None:
    """An image that its export forgot is held, whatever its depth, and goes on when a row for it comes."""
    for number in "12":
        slice_file(tmp_path / "in" / "deep", number, accession=f"A-{number}", patient=f"P{number}")
    table_file(tmp_path / "in", ("A-1", "P1"))
    take(hospital, tmp_path / "in")
    assert states(hospital) == [("held", "image-without-record"), ("received", "")]
    take(hospital, table_file(tmp_path / "later", ("A-2", "P2")))
    assert states(hospital) == [("received", ""), ("received", "")]
    assert records(hospital) == [("linked", ""), ("linked", "")]


def test_an_image_without_accession_number(hospital: Hospital, tmp_path: Path) -> None:
    """In an export an image that has no accession number is held; anywhere else it passes."""
    slice_file(tmp_path / "in", "1", accession="")
    table_file(tmp_path / "in", ("A-1", "P1"))
    slice_file(tmp_path / "else", "2", accession="")
    take(hospital, tmp_path / "in", tmp_path / "else")
    assert states(hospital) == [("held", "image-without-record"), ("received", "")]


def test_a_row_waits_for_its_image(hospital: Hospital, tmp_path: Path) -> None:
    """A row without an image waits, says so, delays nobody, and is linked when the image comes."""
    take(hospital, table_file(tmp_path / "in", ("A-1", "12345"), ("A-2", "777")))
    (told,) = held(hospital)
    assert isinstance(told, dict)
    assert (told["state"], told["reason"], told["objects"]) == ("waiting", "record-without-image", 2)
    take(hospital, slice_file(tmp_path / "in2", "1"))
    assert records(hospital) == [("linked", ""), ("waiting", "record-without-image")]
    assert form_batches(hospital)


def test_what_is_in_a_parcel_is_not_held_any_more(hospital: Hospital, tmp_path: Path) -> None:
    """Another patient's image of the same accession number is held alone when the first one is sealed already."""
    take(hospital, slice_file(tmp_path / "in", "1", patient="P1"))
    sealed(hospital, tmp_path)
    take(hospital, slice_file(tmp_path / "in2", "2", patient="P2"))
    assert states(hospital) == [("cleaned", ""), ("held", "accession-ambiguous")]


def test_rows_go_with_their_images(hospital: Hospital, tmp_path: Path) -> None:
    """Days after the parcel was accepted the row's original goes too; a report's stays, its text has not crossed."""
    report = tmp_path / "r.json"
    report.write_text(json.dumps({"accession_number": "A-1", "patient_id": "12345"}))
    take(hospital, slice_file(tmp_path / "in", "1"), table_file(tmp_path / "in", ("A-1", "12345")), report)
    sealed(hospital, tmp_path)
    with writing(hospital.node.index) as connection:
        connection.execute(update(PARCELS).values(state="accepted"))
        connection.execute(update(OBJECTS).values(state="sent"))
    assert sweep(hospital) == 0
    later = Clock(now=lambda: hospital.node.clock.now() + timedelta(days=8))
    assert sweep(replace(hospital, node=replace(hospital.node, clock=later))) == 2
    assert records(hospital) == [("closed", "")]
    assert records(hospital, "report") == [("linked", "")]
    assert len(list(hospital.spool.names())) == 1


def test_a_row_that_comes_too_late(hospital: Hospital, tmp_path: Path) -> None:
    """When the images have been sealed already, the row is held and says so."""
    take(hospital, slice_file(tmp_path / "in", "1"))
    assert len(sealed(hospital, tmp_path)) == 1
    take(hospital, table_file(tmp_path / "late", ("A-1", "12345")))
    assert records(hospital) == [("held", "record-late")]


def test_two_patients_with_one_accession_number(hospital: Hospital, tmp_path: Path) -> None:
    """Images of two patients with one number are both held, with their record; a third patient is not delayed."""
    take(hospital, table_file(tmp_path / "in", ("A-1", "P1")), slice_file(tmp_path / "in1", "1", patient="P1"))
    assert (states(hospital), records(hospital)) == ([("received", "")], [("linked", "")])
    take(
        hospital,
        slice_file(tmp_path / "in2", "2", patient="P2"),
        slice_file(tmp_path / "in2", "3", patient="P3", accession="A-3"),
    )
    assert states(hospital) == [*[("held", "accession-ambiguous")] * 2, ("received", "")]
    assert records(hospital) == [("held", "accession-ambiguous")]


def test_a_record_of_another_patient(hospital: Hospital, tmp_path: Path) -> None:
    """A row or report that gives an image's accession number to somebody else holds both, whichever comes first."""
    take(hospital, slice_file(tmp_path / "in", "1", patient="P1"), table_file(tmp_path / "in2", ("A-1", "P2")))
    assert (states(hospital), records(hospital)) == (
        [("held", "accession-ambiguous")],
        [("held", "accession-ambiguous")],
    )
    report = tmp_path / "r.json"
    report.write_text(json.dumps({"accession_number": "A-9", "patient_id": "P8"}))
    take(hospital, report, slice_file(tmp_path / "in3", "1", patient="P9", accession="A-9"))
    assert states(hospital) == [("held", "accession-ambiguous")] * 2
    assert records(hospital, "report") == [("held", "accession-ambiguous")]


def test_an_issuer_tells_numbers_apart(hospital: Hospital, tmp_path: Path) -> None:
    """The same number given by two issuers is two numbers: each row finds its own image."""
    from pydicom.dataset import Dataset

    for number, issuer, patient in (("1", "RAD", "P1"), ("2", "ECHO", "P2")):
        item = Dataset()
        item.LocalNamespaceEntityID = issuer
        slice_file(tmp_path / "in", number, patient=patient, IssuerOfAccessionNumberSequence=[item])
    rows = (("A-1", "RAD", "P1"), ("A-1", "ECHO", "P2"))
    table_file(tmp_path / "in", *rows, headings=("accession", "accession_issuer", "patient_id"))
    take(hospital, tmp_path / "in")
    assert states(hospital) == [("received", "")] * 2
    assert records(hospital) == [("linked", "")] * 2


def test_an_issuer_of_patients_tells_them_apart(hospital: Hospital, tmp_path: Path) -> None:
    """A row that names another issuer of the same patient number speaks of another patient."""
    table_file(tmp_path / "in", ("A-1", "P1", "WARD"), headings=("accession", "patient_id", "issuer"))
    slice_file(tmp_path / "in", "1", patient="P1", IssuerOfPatientID="CITY")
    take(hospital, tmp_path / "in")
    assert states(hospital) == [("held", "accession-ambiguous")]


def test_bad_rows_and_values(hospital: Hospital, tmp_path: Path) -> None:
    """A value that is no code holds its row, a row without keys is refused; the images and other rows go on."""
    headings = ("accession", "patient_id", "lesion", "lesion_size", "segment")
    rows: Mapping[str, tuple[str, str, str, str, str]] = {
        "": ("A-1", "P1", "cyst", "3.5", "4"),
        "record-value": ("A-2", "P2", "a cyst of Yamada", "", ""),
        "record-incomplete": ("", "P3", "", "", ""),
    }
    for number in "123":
        slice_file(tmp_path / "images", number, accession=f"A-{number}", patient=f"P{number}")
    results = take(hospital, table_file(tmp_path / "in", *rows.values(), headings=headings), tmp_path / "images")
    assert [r.reason for r in results[:3]] == list(rows)
    assert states(hospital) == [("received", "")] * 3
    for wrong in (("A-4", "P4", "", "12345678", ""), ("A-5", "P5", "", "", "4.5"), ("A-6", "P6", "", "1e5", "")):
        (result,) = take(hospital, table_file(tmp_path / wrong[0], wrong, headings=headings))
        assert result.reason == "record-value"


def test_a_corrected_row(hospital: Hospital, tmp_path: Path) -> None:
    """A row held for its value goes when a right one comes in its place."""
    headings = ("accession", "patient_id", "lesion")
    for value in ("odd", "cyst"):
        take(hospital, table_file(tmp_path / value, ("A-1", "12345", value), headings=headings))
    assert records(hospital) == [("waiting", "record-without-image")]
    assert len(list(hospital.spool.names())) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty-file"),
        (b"a,b\r\n1,2\r\n", "record-columns"),
        (b"\xef\xbb\xbf\r\n", "empty-file"),
        (b"accession,patient_id\r\n1\r\n", "record-table"),
        (b"accession,accession,patient_id\r\n", "record-table"),
        (b'accession,patient_id\r\n"1,2\r\n', "record-table"),
        (b"accession,patient_id\r\n\x81\xff,2\r\n", "record-table"),
    ],
)
def test_tables_that_cannot_be_read(hospital: Hospital, tmp_path: Path, content: bytes, reason: str) -> None:
    """Each kind of broken table is refused as a whole by its own reason; the image beside it passes."""
    (tmp_path / "t.csv").write_bytes(content)
    (result,) = receive_table(hospital, tmp_path / "t.csv", hospital.engine(REGISTRY))
    assert (result.state, result.reason, result.kind) == ("refused", reason, "row")
    (tmp_path / "in").mkdir()
    (tmp_path / "t.csv").rename(tmp_path / "in" / "t.csv")
    slice_file(tmp_path / "in", "1")
    take(hospital, tmp_path / "in")
    assert states(hospital) == [("received", "")]


@pytest.mark.parametrize(
    "mapping",
    ["[", "[other]\n", "[columns]\naccession = 1\n", "[items.unknown]\ncolumn = 'a'\n", "[columns]\nname = 'a'\n",
     "items = 1\n", "[items.lesion]\ncolour = 'a'\n", "[items.lesion]\ncolumn='b'\nvalues = { 'x' = 'nothing' }\n"],
)  # fmt: skip
def test_mappings_that_cannot_be_read(hospital: Hospital, tmp_path: Path, mapping: str) -> None:
    """A wrong mapping refuses its table; the images beside it wait for a row, since one ought to come."""
    slice_file(tmp_path / "in", "1")
    table_file(tmp_path / "in", ("A-1", "12345"))
    (tmp_path / "in" / MAPPING).write_text(mapping)
    reasons = [result.reason for result in take(hospital, tmp_path / "in")]
    assert reasons == ["mapping-invalid", "image-without-record"]


def test_a_mapping_that_is_no_file(hospital: Hospital, tmp_path: Path) -> None:
    """Only a file is read: a pipe of that name would keep the gateway waiting for ever."""
    table = table_file(tmp_path / "in", ("A-1", "12345"))
    (tmp_path / "in" / MAPPING).mkdir()
    (result,) = receive_table(hospital, table, hospital.engine(REGISTRY))
    assert (result.state, result.reason) == ("received", "")


def test_reports_are_kept_and_counted(hospital: Hospital, tmp_path: Path) -> None:
    """Reports of the synthetic hospital are sealed and linked to their study; their text leaves in no parcel."""
    key = make_hospital(tmp_path / "in", patients=1, studies=1, slices=1, size=32)
    results = take(hospital, tmp_path / "in")
    assert sorted((r.kind, r.reason) for r in results) == [("image", ""), ("report", "")]
    assert records(hospital, "report") == [("linked", "")]
    assert status(hospital)["records"] == {"row": {}, "report": {"linked": 1}}
    assert [record["kind"] for record in sealed(hospital, tmp_path)] == ["study"]
    assert not find_planted(hospital.node.settings.home, key.strings())
    (again,) = take(hospital, *(tmp_path / "in").rglob("*.json"))
    assert (again.known, again.state) == (True, "received")


def test_other_json_is_no_report(hospital: Hospital, tmp_path: Path) -> None:
    """JSON that names no examination, broken or endless, is no DICOM file."""
    for number, text in enumerate(("{", "[]", "{}", '{"accession_number": "1", "patient_id": 2}', "[" * 100_000)):
        (tmp_path / f"{number}.json").write_text(text)
    assert {result.reason for result in take(hospital, *sorted(tmp_path.glob("*.json")))} == {"not-dicom"}


def test_records_of_who_withdrew(hospital: Hospital, tmp_path: Path) -> None:
    """A withdrawal takes the patient's records along, those that wait for an image too, and lets no new one in."""
    from kaname.gateway.withdraw import request

    take(
        hospital,
        slice_file(tmp_path / "in", "1"),
        table_file(tmp_path / "in2", ("A-1", "12345"), ("A-2", "12345"), ("A-3", "9")),
    )
    (who,) = request(hospital, "12345", None, [REGISTRY])
    assert forget_records(hospital, *who.split(":")) == 2
    assert records(hospital) == [("waiting", "record-without-image")]
    (result,) = take(hospital, table_file(tmp_path / "in3", ("A-4", "0012345")))
    assert (result.reason, result.id) == ("withdrawn", "")


def test_a_withdrawal_of_one_issuers_patient(hospital: Hospital, tmp_path: Path) -> None:
    """A row that does not say who issued its number is turned away when any patient of that number withdrew."""
    from kaname.gateway.withdraw import request

    take(hospital, slice_file(tmp_path / "in", "1", IssuerOfPatientID="CITY"))
    request(hospital, "12345", "CITY", [REGISTRY])
    headings = ("accession", "patient_id", "issuer")
    rows = (("A-7", "12345", ""), ("A-8", "12345", "CITY"), ("A-9", "12345", "WARD"))
    results = take(hospital, table_file(tmp_path / "in2", *rows, headings=headings))
    assert [result.reason for result in results] == ["withdrawn", "withdrawn", ""]


def test_an_export_of_a_department(tmp_path: Path) -> None:
    """A whole echo room in CP932: every row is taken in, one waits for its image, what the table forgot is held."""
    hospital = make_gateway(tmp_path)
    key = make_department(tmp_path / "in", patients=3, unlisted=1)
    engine = hospital.engine("jsum")
    results = list(receive_table(hospital, tmp_path / "in" / TABLE, engine))
    assert [r.state for r in results] == ["received"] * (len(key.rows) + 1)
    assert len(key.unlisted) == 1
    assert not find_planted(hospital.node.settings.home, key.planted)
