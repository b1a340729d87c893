"""A gateway for tests, a registry with items for CT, and slices that arrive at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from kaname.database import reading
from kaname.gateway import hospital as hospital_module
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.index import OBJECTS, RECORDS
from kaname.gateway.ingest import Night, receive_all
from kaname.gateway.receive import Received
from kaname.registries import Registry, load
from kaname.settings import Settings
from kaname.testing.objects import ct_slice, to_bytes
from kaname.upkeep.home import make_home

REGISTRY = "j-mid"


def make_gateway(folder: Path, **settings: Any) -> Hospital:
    """A gateway that is enrolled with nobody."""
    return open_hospital(make_home(Settings(folder / "gateway", "gateway", "facility-1", **settings)))


def with_items(patch: pytest.MonkeyPatch) -> Registry:
    """J-MID for this test, with the clinical items of another society."""
    registry = replace(load(REGISTRY), items=load("jsum").items)
    patch.setattr(hospital_module, "load", lambda name: registry if name == REGISTRY else load(name))
    return registry


def slice_file(folder: Path, name: str, *, patient: str = "00012345", accession: str = "A-1", **more: Any) -> Path:
    """One CT slice in a study named by its accession number."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.dcm"
    study = f"1.2.{sum(accession.encode())}.{sum(patient.encode())}"
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.{name}"}
    path.write_bytes(to_bytes(ct_slice(PatientID=patient, AccessionNumber=accession, **uids, **more)))
    return path


def table_file(folder: Path, *rows: Sequence[str], headings: Sequence[str] = ("accession", "patient_id")) -> Path:
    """A department's table in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "table.csv"
    path.write_text("".join(",".join(line) + "\r\n" for line in (headings, *rows)), encoding="utf-8")
    return path


def take(hospital: Hospital, *paths: Path) -> list[Received]:
    """Everything below the paths arrives."""
    return list(receive_all(hospital, paths, REGISTRY, Night()))


def states(hospital: Hospital) -> list[tuple[str, str]]:
    """State and reason of each image, sorted."""
    with reading(hospital.node.index) as connection:
        rows = connection.execute(select(OBJECTS.c.state, OBJECTS.c.reason).order_by(OBJECTS.c.state, OBJECTS.c.reason))
        return [(row.state, row.reason) for row in rows]


def records(hospital: Hospital, kind: str = "row") -> list[tuple[str, str]]:
    """State and reason of each record of a kind."""
    with reading(hospital.node.index) as connection:
        rows = connection.execute(
            select(RECORDS.c.state, RECORDS.c.reason)
            .where(RECORDS.c.kind == kind)
            .order_by(RECORDS.c.state, RECORDS.c.reason)
        )
        return [(row.state, row.reason) for row in rows]
