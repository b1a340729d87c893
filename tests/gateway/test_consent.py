"""Consent: asked at the door and before sealing; nothing is kept of who opted out."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from kaname.database import reading
from kaname.errors import Refused
from kaname.gateway.batches import form_batches
from kaname.gateway.consent import read_list
from kaname.gateway.deidentify import deidentify
from kaname.gateway.flow import Journey
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import CONSENTS, PARCELS
from kaname.gateway.seal import seal
from kaname.gateway.status import status
from kaname.ledger import Json
from kaname.testing.bytesearch import find_planted

from .hospitals import REGISTRY, make_gateway, records, slice_file, states, table_file, take


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """A gateway that is enrolled with nobody."""
    return make_gateway(tmp_path)


def listed(hospital: Hospital, folder: Path, *lines: str) -> dict[str, Json]:
    """Reads a list of these lines in."""
    file = folder / "consent.csv"
    file.write_text("\n".join(("patient_id,issuer,registry,decision", *lines)) + "\n", encoding="utf-8")
    return read_list(hospital, file)


def test_at_the_door(hospital: Hospital, tmp_path: Path) -> None:
    """Of who opted out neither image nor record comes in; other patients and other registries are not concerned."""
    listed(hospital, tmp_path, "12345,,j-mid,opt-out", "777,,basic,opt-out")
    results = take(
        hospital,
        slice_file(tmp_path / "in", "1", patient="00012345"),
        table_file(tmp_path / "in2", ("A-1", "１２３４５")),
        slice_file(tmp_path / "in3", "1", patient="777", accession="A-7"),
    )
    assert [(r.kind, r.id, r.reason) for r in results[:2]] == [("row", "", "opted-out"), ("image", "", "opted-out")]
    assert (states(hospital), records(hospital)) == ([("received", "")], [])
    assert len(list(hospital.spool.names())) == 1
    assert status(hospital)["consents"] == {"opt-out": 2}
    assert not find_planted(hospital.node.settings.home, ("00012345",))


def test_what_is_here_goes(hospital: Hospital, tmp_path: Path) -> None:
    """A list takes away what waits: originals, records, clean copies, sealed parcels; the flow ends with the reason."""
    take(hospital, slice_file(tmp_path / "in", "1"), table_file(tmp_path / "in2", ("A-1", "12345"), ("A-9", "12345")))
    (batch,) = form_batches(hospital)
    deidentify(hospital, batch)
    seal(hospital, batch)
    told = listed(hospital, tmp_path, "12345,,j-mid,opt-out")
    assert told == {"opt-out": 1, "opt-in": 0, "objects_gone": 1, "objects_left_before": 0}
    assert (states(hospital), records(hospital)) == ([("refused", "opted-out")], [])
    assert not list(hospital.spool.names())
    assert not list(hospital.outbox.iterdir())
    assert not list(hospital.crossing.iterdir())
    with pytest.raises(Refused, match="opted-out"):
        Journey(hospital).send(batch)
    with reading(hospital.node.index) as connection:
        assert connection.scalars(select(PARCELS.c.state)).all() == ["refused"]
    assert listed(hospital, tmp_path, "12345,,j-mid,opt-out") == told | {"objects_gone": 0}


def test_before_sealing(hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opts out while an image crosses is caught before the parcel is sealed."""
    take(hospital, slice_file(tmp_path / "in", "1"))
    (batch,) = form_batches(hospital)
    deidentify(hospital, batch)
    with monkeypatch.context() as patch:
        patch.setattr("kaname.gateway.consent.let_go", lambda *_: (0, 0))
        listed(hospital, tmp_path, "12345,,j-mid,opt-out")
    assert states(hospital) == [("cleaned", "")]
    assert seal(hospital, batch) == ""
    assert states(hospital) == [("refused", "opted-out")]
    assert not list(hospital.spool.names())


def test_the_same_original_for_another_registry(hospital: Hospital, tmp_path: Path) -> None:
    """An original that another registry still needs stays when its patient opts out of one."""
    from kaname.gateway.ingest import Night, receive_all

    file = slice_file(tmp_path / "in", "1")
    take(hospital, file)
    list(receive_all(hospital, [file], "basic", Night()))
    listed(hospital, tmp_path, "12345,,j-mid,opt-out")
    assert len(list(hospital.spool.names())) == 1
    assert states(hospital) == [("received", ""), ("refused", "opted-out")]


def test_a_later_decision(hospital: Hospital, tmp_path: Path) -> None:
    """Who opts in again may send what was turned away, and the same file too."""
    file = slice_file(tmp_path / "in", "1")
    take(hospital, file)
    listed(hospital, tmp_path, "12345,,j-mid,opt-out")
    assert take(hospital, file)[0].reason == "opted-out"
    listed(hospital, tmp_path, "12345,,j-mid,opt-in")
    (result,) = take(hospital, file)
    assert (result.state, result.known) == ("received", False)


def test_one_issuers_patient(hospital: Hospital, tmp_path: Path) -> None:
    """A decision for one issuer's patient goes before the one for everybody of the number."""
    listed(hospital, tmp_path, "1,,j-mid,opt-out", "1,CITY,j-mid,opt-in", "2,CITY,j-mid,opt-out")
    came = {
        (number, issuer): take(
            hospital,
            slice_file(
                tmp_path / f"{number}{issuer}",
                "1",
                patient=number,
                accession=f"A-{number}-{issuer}",
                IssuerOfPatientID=issuer,
            ),
        )[0].reason
        for number in "12"
        for issuer in ("CITY", "WARD")
    }
    assert came == {("1", "CITY"): "", ("1", "WARD"): "opted-out", ("2", "CITY"): "opted-out", ("2", "WARD"): ""}
    (row,) = take(hospital, table_file(tmp_path / "row", ("A-8", "2")))
    assert row.reason == "opted-out"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,,j-mid,perhaps", "consent-invalid"),
        (",,j-mid,opt-out", "consent-invalid"),
        ("1,,nobody,opt-out", "unknown-registry"),
        ("1,,j-mid", "record-table"),
    ],
)
def test_a_wrong_line(hospital: Hospital, tmp_path: Path, line: str, reason: str) -> None:
    """A list with one wrong line is refused as a whole; the error tells the line and no value of it."""
    with pytest.raises(Refused, match=reason) as told:
        listed(hospital, tmp_path, "12345,,j-mid,opt-out", line)
    assert "12345" not in str(told.value)
    with reading(hospital.node.index) as connection:
        assert not connection.execute(select(CONSENTS)).all()


def test_other_headings(hospital: Hospital, tmp_path: Path) -> None:
    """A table that is no list of consents is refused."""
    file = tmp_path / "x.csv"
    for headings in ("patient_id,registry", "patient_id,registry,decision,name"):
        file.write_text(headings + "\n", encoding="utf-8")
        with pytest.raises(Refused, match="consent-invalid"):
            read_list(hospital, file)
    assert REGISTRY in hospital.node.settings.registries
