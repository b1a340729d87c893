"""Reports of a model on what a facility delivered, and what the archive has written down of them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from sqlalchemy import select

from kaname.archive.index import ANNOUNCED, HELD, PACKS, SERIES, STUDIES, SUBJECTS
from kaname.archive.model import Located, Rejected, Stored
from kaname.archive.retrieve import instances
from kaname.database import reading
from kaname.dicom.objects.prediction import Judged, PredictingModel, prediction_report
from kaname.node import Node
from kaname.testing.deliveries import REGISTRY, Facility

MODEL = PredictingModel("nodule", "1", "ab" * 32, "present", 0.5)
TABLES = (SUBJECTS, STUDIES, SERIES, PACKS, HELD, ANNOUNCED)
Change = Callable[[Dataset], object]


def held(hub: Node, facility: Facility, study: int = 1) -> list[Located]:
    """Everything that the archive holds of a study of the facility, images first."""
    found = list(instances(hub, [REGISTRY], facility.identity.uid(f"1.2.{study}")))
    return sorted(found, key=lambda located: located.member.metadata["00080060"]["Value"][0])


def report(hub: Node, facility: Facility, *scores: float, change: Change | None = None, study: int = 1) -> bytes:
    """A model's report on the first slices of a study, with something changed."""
    images = [located.member.metadata for located in held(hub, facility, study)]
    judged = [Judged(image, "present", score) for image, score in zip(images, scores or (0.75,), strict=False)]
    data = prediction_report(judged, MODEL)
    if change is None:
        return data
    ds = pydicom.dcmread(BytesIO(data))
    change(ds)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def catalogue(hub: Node) -> dict[str, list[dict[str, Any]]]:
    """All rows of the archive, in order."""
    with reading(hub.index) as connection:
        return {
            which.name: [
                dict(row._mapping)
                for row in connection.execute(select(which).order_by(*which.primary_key.columns)).all()
            ]
            for which in TABLES
        }


def why(outcome: Stored | Rejected) -> str:
    """The reason of an outcome; empty for what is stored."""
    return outcome.refusal.code if isinstance(outcome, Rejected) else ""


def put(**attributes: Any) -> Change:
    """A change of attributes of the top level."""

    def change(ds: Dataset) -> None:
        for name, value in attributes.items():
            setattr(ds, name, value)

    return change
