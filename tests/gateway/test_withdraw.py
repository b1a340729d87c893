from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kaname.database import reading
from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.model import Deidentified
from kaname.errors import Refused
from kaname.gateway.batches import form_batches
from kaname.gateway.crossing import cross_checked
from kaname.gateway.deidentify import deidentify
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.index import WITHDRAWALS
from kaname.gateway.ingest import Night, receive_all
from kaname.gateway.seal import seal
from kaname.gateway.withdraw import certificate_of, forget, request
from kaname.parcel.seal import seal as seal_parcel
from kaname.settings import Settings
from kaname.testing.objects import ct_slice, to_bytes
from kaname.upkeep.home import make_home


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """A gateway that is enrolled with nobody."""
    return open_hospital(make_home(Settings(tmp_path / "gateway", "gateway", "facility-1")))


def arrive(hospital: Hospital, folder: Path, name: str, issuer: str, number: str = "00012345") -> str:
    """One slice of a patient arrives; what became of it."""
    file = folder / name
    file.write_bytes(
        to_bytes(
            ct_slice(
                PatientID=number,
                IssuerOfPatientID=issuer or None,
                SOPInstanceUID=f"1.2.{name}",
                AccessionNumber=f"A-{name}",
            )
        )
    )
    (received,) = receive_all(hospital, [file], "j-mid", Night())
    return received.reason


def leave(hospital: Hospital) -> None:
    """The patient of all these slices withdraws."""
    for one in request(hospital, "00012345", None, ["j-mid"]):
        forget(hospital, one)


def withdrawn(hospital: Hospital) -> set[str]:
    """Subjects with a withdrawal."""
    with reading(hospital.node.index) as connection:
        return set(connection.scalars(select(WITHDRAWALS.c.subject)))


def test_a_number_means_every_issuer(hospital: Hospital, tmp_path: Path) -> None:
    """Without an issuer a withdrawal takes every subject of the number, and whoever comes later under it."""
    for number, issuer in enumerate(("", "CITY", "WARD")):
        assert arrive(hospital, tmp_path, str(number), issuer) == ""
    assert arrive(hospital, tmp_path, "3", "", number="777") == ""
    requested = request(hospital, "12345", None, ["j-mid"])
    assert {one.split(":")[1] for one in requested} == withdrawn(hospital)
    assert len(requested) == 3
    assert arrive(hospital, tmp_path, "4", "NEW") == "withdrawn"
    assert arrive(hospital, tmp_path, "5", "", number="778") == ""
    assert request(hospital, "12345", None, ["j-mid"]) == requested


def test_an_issuer_means_that_one(hospital: Hospital, tmp_path: Path) -> None:
    """With an issuer a withdrawal takes that issuer's patient alone."""
    assert arrive(hospital, tmp_path, "0", "CITY") == ""
    assert arrive(hospital, tmp_path, "1", "WARD") == ""
    (one,) = request(hospital, "00012345", "CITY", ["j-mid"])
    assert arrive(hospital, tmp_path, "2", "CITY") == "withdrawn"
    assert arrive(hospital, tmp_path, "3", "WARD") == ""
    with pytest.raises(Refused, match="not-found"):
        certificate_of(hospital, one)


def test_unseen(hospital: Hospital, tmp_path: Path) -> None:
    """A number that never came is refused, or blocked for the future when that is asked for."""
    for number in ("999", ""):
        with pytest.raises(Refused, match="patient-unknown"):
            request(hospital, number, None, ["j-mid"])
    assert len(request(hospital, "999", None, ["j-mid", "basic"], unseen=True)) == 2
    assert arrive(hospital, tmp_path, "0", "CITY", number="0999") == "withdrawn"


def test_while_a_study_is_treated(hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was being made clean when its patient withdrew is not left lying there."""
    arrive(hospital, tmp_path, "0", "CITY")
    (batch,) = form_batches(hospital)

    def late(identified: Identified, engine: Engine, folder: Path) -> Deidentified:
        leave(hospital)
        return cross_checked(identified, engine, folder)

    monkeypatch.setattr("kaname.gateway.deidentify.cross_checked", late)
    deidentify(hospital, batch)
    assert seal(hospital, batch) == ""
    assert not list(hospital.crossing.iterdir())
    assert not list(hospital.spool.names())


def test_in_the_moment_of_arrival(hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that was at the door when its patient withdrew is forgotten before its study is sealed."""
    arrive(hospital, tmp_path, "0", "CITY")
    leave(hospital)
    with monkeypatch.context() as patch:
        patch.setattr("kaname.gateway.receive.turn_away", lambda *_: None)
        assert arrive(hospital, tmp_path, "1", "CITY") == ""
    (batch,) = form_batches(hospital)
    deidentify(hospital, batch)
    assert list(hospital.spool.names())
    assert seal(hospital, batch) == ""
    assert not list(hospital.spool.names())
    assert not list(hospital.crossing.iterdir())


def test_while_a_parcel_is_sealed(hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parcel that was being written when its patient withdrew is not left in the outbox."""
    arrive(hospital, tmp_path, "0", "CITY")
    (batch,) = form_batches(hospital)
    deidentify(hospital, batch)

    def late(*arguments: Any) -> None:
        seal_parcel(*arguments)
        leave(hospital)

    monkeypatch.setattr("kaname.gateway.seal.seal_parcel", late)
    assert seal(hospital, batch) == ""
    assert not list(hospital.outbox.iterdir())
    assert not list(hospital.crossing.iterdir())
