"""Whose and of what: the examination that a foreign file belongs to, and the attributes that say so in every object.

A foreign file names its patient in its own way or not at all; what its row in the department's table says is the
record. Nothing is drawn by lot and no clock is read: the same file of the same examination is the same object.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kaname.errors import NotYet

if TYPE_CHECKING:
    from pydicom import Dataset

MODALITIES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.77.1.1": "ES",
    "1.2.840.10008.5.1.4.1.1.77.1.1.1": "ES",
    "1.2.840.10008.5.1.4.1.1.77.1.4": "XC",
    "1.2.840.10008.5.1.4.1.1.77.1.4.1": "XC",
    "1.2.840.10008.5.1.4.1.1.77.1.5.1": "OP",
    "1.2.840.10008.5.1.4.1.1.77.1.5.2": "OP",
    "1.2.840.10008.5.1.4.1.1.77.1.5.4": "OPT",
    "1.2.840.10008.5.1.4.1.1.77.1.6": "SM",
    "1.2.840.10008.5.1.4.1.1.77.1.7": "DMS",
    "1.2.840.10008.5.1.4.1.1.104.1": "DOC",
}
"""Modality (PS3.3 section C.7.3.1.1.1) of each class that foreign files become."""

_LONGEST: Mapping[str, int] = {"patient_id": 64, "issuer": 64, "accession": 16, "body_part": 16, "patient_name": 64}
_CUT = 64
_DATE = re.compile(r"(\d{4})([-/.]?)(0[1-9]|1[0-2]|(?<=[-/.])[1-9])\2(0[1-9]|[12]\d|3[01]|(?<=[-/.])[1-9])")
_TIME = re.compile(r"([01]\d|2[0-3]):?([0-5]\d)(?::?([0-5]\d)(\.\d{1,6})?)?")
_CODE = re.compile(r"[A-Z0-9_ ]*")
_OLDEST_YEARS = 130
_SEXES: Mapping[str, str] = {
    word: code
    for code, words in {
        "": ("", "unknown", "不明", "u"),
        "M": ("m", "male", "男", "男性"),
        "F": ("f", "female", "女", "女性"),
        "O": ("o", "other", "その他"),
    }.items()
    for word in words
}
_SIDES: Mapping[str, str] = {
    word: code
    for code, words in {
        "": ("",),
        "R": ("r", "right", "od", "右", "右眼", "右目"),
        "L": ("l", "left", "os", "左", "左眼", "左目"),
        "B": ("b", "both", "ou", "両", "両側", "両眼"),
    }.items()
    for word in words
}


@dataclass(frozen=True, slots=True, repr=False)
class Examination:
    """What a row of the department's table says of a file's patient and study, in the words of the table.

    Every field is text and may be empty; :func:`header` brings each into the form of DICOM. Prints nothing.
    """

    patient_id: str
    issuer: str = ""
    """Issuer of Patient ID."""
    patient_name: str = ""
    """As a person name of DICOM, or as it is written in Japan: ``山田 太郎``."""
    birth_date: str = ""
    """``1980-01-31``, ``1980/1/31`` or ``19800131``."""
    sex: str = ""
    """M, F, O; male, female, other; 男, 女, その他."""
    accession: str = ""
    study_date: str = ""
    study_time: str = ""
    """``13:45``, ``13:45:10`` or ``134510``."""
    body_part: str = ""
    """A value of Body Part Examined (PS3.16 Annex L), e.g. ``FACE``."""
    laterality: str = ""
    """R, L, B; right, left, both; OD, OS, OU; 右, 左, 両."""
    description: str = ""
    manufacturer: str = ""
    model: str = ""

    def __repr__(self) -> str:
        return "Examination(…)"

    @property
    def study_instance_uid(self) -> str:
        """The same for every file of one accession number of one patient."""
        return uid("study", self.issuer, self.patient_id, self.accession)


def uid(*words: str) -> str:
    """``2.25.`` and 128 bits of the SHA-256 of these words (PS3.5 section B.2)."""
    text = "\0".join(f"{len(word)}:{word}" for word in ("kaname dicomize", *words))
    return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])}"


def header(
    examination: Examination, sop_class_uid: str, content: str, number: int, *, series: str = "", part: str = ""
) -> Dataset:
    """Patient, General Study, General Series, General Equipment and SOP Common Module of one object (PS3.3, C.7).

    Args:
        examination: whose and when.
        sop_class_uid: one of :data:`MODALITIES`.
        content: SHA-256 (hex) of the foreign file: decides the SOP Instance UID together with the accession number.
        number: Instance Number.
        series: what tells this series from others of the same class in the study; empty where there is one only.
        part: what tells this object from others made of the same file, e.g. a slide's levels.

    Raises:
        NotYet: ``examination-invalid`` with the name of the field that DICOM cannot carry.
    """
    from pydicom import Dataset

    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID = sop_class_uid
    made.SOPInstanceUID = uid("instance", examination.study_instance_uid, sop_class_uid, content, part)
    made.StudyDate = _date("study_date", examination.study_date)
    made.StudyTime = _time(examination.study_time)
    made.AccessionNumber = _text("accession", examination.accession)
    made.Modality = MODALITIES[sop_class_uid]
    made.Manufacturer = _cut(examination.manufacturer)
    made.ReferringPhysicianName = ""
    if examination.description:
        made.StudyDescription = _cut(examination.description)
    if examination.model:
        made.ManufacturerModelName = _cut(examination.model)
    made.PatientName = _person_name(_text("patient_name", examination.patient_name))
    made.PatientID = _text("patient_id", examination.patient_id)
    if examination.issuer:
        made.IssuerOfPatientID = _text("issuer", examination.issuer)
    made.PatientBirthDate = _date("birth_date", examination.birth_date)
    made.PatientSex = _word("sex", examination.sex, _SEXES)
    if age := _age(made.PatientBirthDate, made.StudyDate):
        made.PatientAge = age
    if body_part := _body_part(examination):
        made.BodyPartExamined = body_part
    made.StudyInstanceUID = examination.study_instance_uid
    made.SeriesInstanceUID = uid("series", examination.study_instance_uid, sop_class_uid, series)
    made.StudyID = ""
    made.SeriesNumber = list(MODALITIES).index(sop_class_uid) + 1
    made.InstanceNumber = number
    return made


def laterality(examination: Examination) -> str:
    """``R``, ``L``, ``B`` or empty: Image Laterality (0020,0062).

    Raises:
        NotYet: ``examination-invalid``.
    """
    return _word("laterality", examination.laterality, _SIDES)


def acquired(examination: Examination) -> str:
    """Acquisition DateTime (0008,002A) as exactly as the table says; empty where it says no date.

    Raises:
        NotYet: ``examination-invalid``.
    """
    date = _date("study_date", examination.study_date)
    return date + _time(examination.study_time) if date else ""


# ── from a table's words to DICOM's ──────────────────────────────────────────────────────────────


def _text(field: str, text: str) -> str:
    """The text without what DICOM reads as a separator or a control: those are refused, not dropped."""
    plain = text.strip()
    if len(plain) > _LONGEST[field] or "\\" in plain or not plain.replace("\u3000", " ").isprintable():
        raise NotYet("examination-invalid", item=field)
    return plain


def _cut(text: str) -> str:
    """A description: the crossing drops most of them, so what does not fit is cut."""
    return "".join(c if c.isprintable() and c != "\\" else " " for c in text).strip()[:_CUT].strip()


def _person_name(text: str) -> str:
    """A name of DICOM as it is; one in Japanese writing as the ideographic group (PS3.5 section H.3)."""
    if not text or "^" in text or "=" in text:
        return text
    components = "^".join(unicodedata.normalize("NFKC", text).split())
    return components if components.isascii() else f"={components}"


def _date(field: str, text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _DATE.fullmatch(plain)
    if plain and not found:
        raise NotYet("examination-invalid", item=field)
    return f"{found[1]}{found[3]:>02}{found[4]:>02}" if found else ""


def _age(born: str, examined: str) -> str:
    """Completed years on the day of the examination (VR AS); empty where a day is not told, or none was completed."""
    if not born or not examined or examined < born:
        return ""
    years = int(examined[:4]) - int(born[:4]) - (examined[4:] < born[4:])
    return f"{years:03}Y" if 0 < years <= _OLDEST_YEARS else ""


def _time(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).strip()
    found = _TIME.fullmatch(plain)
    if plain and not found:
        raise NotYet("examination-invalid", item="study_time")
    return "".join(part or "" for part in found.groups()) if found else ""


def _body_part(examination: Examination) -> str:
    plain = _text("body_part", examination.body_part).upper()
    if not _CODE.fullmatch(plain):
        raise NotYet("examination-invalid", item="body_part")
    return plain


def _word(field: str, text: str, words: Mapping[str, str]) -> str:
    code = words.get(unicodedata.normalize("NFKC", text).strip().casefold())
    if code is None:
        raise NotYet("examination-invalid", item=field)
    return code
