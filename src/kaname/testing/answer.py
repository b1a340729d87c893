"""The answer key of a synthetic hospital: what was planted, what must survive, and where."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom


@dataclass(frozen=True, slots=True)
class SliceKey:
    """One CT slice."""

    path: str
    """Below the hospital's folder."""
    series_instance_uid: str
    sop_instance_uid: str
    pixel_digest: str
    """SHA-256 of the value of Pixel Data, hex."""
    keep: Mapping[str, str]
    """Values by keyword that must survive the crossing unchanged, written as :func:`kept_values` reads them."""


@dataclass(frozen=True, slots=True)
class StudyKey:
    """One study with its report."""

    study_instance_uid: str
    accession: str
    date: str
    """Study Date, YYYYMMDD; intervals between studies of a patient must survive."""
    time: str
    charset: str
    """Name of the way in which its texts are written (``kaname.testing.write.CHARSETS``)."""
    implicit: bool
    report: str
    """Path of the report below the hospital's folder."""
    slices: tuple[SliceKey, ...]


@dataclass(frozen=True, slots=True)
class PatientKey:
    """One invented patient."""

    patient_id: str
    issuer: str
    planted: tuple[str, ...]
    """Every identifying string that was really written of this patient, in the spelling in which it was written:
    names, numbers, dates, address, doctors, hospital, accession numbers, UIDs of studies and series, file names."""
    studies: tuple[StudyKey, ...]

    def strings(self) -> tuple[str, ...]:
        """Everything that must not turn up behind the crossing: what was planted, and each SOP Instance UID."""
        uids = (s.sop_instance_uid for study in self.studies for s in study.slices)
        return tuple(sorted({*self.planted, *uids}))


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """Everything that is known of a synthetic hospital."""

    seed: int
    patients: tuple[PatientKey, ...]

    def strings(self) -> tuple[str, ...]:
        """What must not turn up behind the crossing, of all patients, sorted; for ``find_planted``."""
        return tuple(sorted({text for patient in self.patients for text in patient.strings()}))

    def studies(self) -> tuple[StudyKey, ...]:
        """All studies, patient by patient."""
        return tuple(study for patient in self.patients for study in patient.studies)

    def slices(self) -> tuple[SliceKey, ...]:
        """All slices, study by study."""
        return tuple(one for study in self.studies() for one in study.slices)

    def to_json(self) -> str:
        """The key as JSON text. It names everybody: keep it where the hospital's files are."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> AnswerKey:
        """The key that :meth:`to_json` wrote."""
        table: dict[str, Any] = json.loads(text)
        return cls(table["seed"], tuple(_patient(row) for row in table["patients"]))


def _patient(row: dict[str, Any]) -> PatientKey:
    studies = tuple(_study(s) for s in row["studies"])
    return PatientKey(row["patient_id"], row["issuer"], tuple(row["planted"]), studies)


def _study(row: dict[str, Any]) -> StudyKey:
    slices: list[dict[str, Any]] = row.pop("slices")
    return StudyKey(**row, slices=tuple(SliceKey(**one) for one in slices))


def kept_values(file: Path | BytesIO, keywords: Iterable[str]) -> dict[str, str]:
    """Values of a Part 10 file by keyword, in the spelling of :attr:`SliceKey.keep`; absent ones are left out.

    Several values of one attribute are joined by a backslash; numbers of binary VRs are written as Python writes them.
    """
    ds: Any = pydicom.dcmread(file, stop_before_pixels=True)  # pyright: ignore[reportUnknownMemberType] - pydicom's own
    found: dict[str, str] = {}
    for keyword in keywords:
        if keyword in ds:
            element = ds[keyword]
            found[keyword] = "\\".join(str(v) for v in element.value) if element.VM > 1 else str(element.value)
    return found
