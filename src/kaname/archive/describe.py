"""A study and a series as QIDO-RS shows them: DICOM JSON written once, when something comes in (PS3.18 section 10.6.3).

The attributes are those of tables 10.6.3-3 and 10.6.3-4 and a few that people search by, as far as the first instance
carries them. Counts and modalities are our own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from kaname.ledger import canonical

Document = Mapping[str, Any]
"""A DICOM JSON object: by tag, eight hex digits in capitals."""

STUDY_TAGS = (
    "00080020",  # Study Date
    "00080030",  # Study Time
    "00080050",  # Accession Number
    "00080201",  # Timezone Offset From UTC
    "00081030",  # Study Description
    "00100010",  # Patient's Name
    "00100020",  # Patient ID
    "00100030",  # Patient's Birth Date
    "00100040",  # Patient's Sex
    "00101010",  # Patient's Age
    "0020000D",  # Study Instance UID
    "00200010",  # Study ID
)
SERIES_TAGS = (
    "00080021",  # Series Date
    "00080031",  # Series Time
    "00080060",  # Modality
    "00080070",  # Manufacturer
    "00080201",  # Timezone Offset From UTC
    "0008103E",  # Series Description
    "00081090",  # Manufacturer's Model Name
    "00180015",  # Body Part Examined
    "0020000D",  # Study Instance UID
    "0020000E",  # Series Instance UID
    "00200011",  # Series Number
    "00400244",  # Performed Procedure Step Start Date
    "00400245",  # Performed Procedure Step Start Time
)
INSTANCE_TAGS = (
    "00080016",  # SOP Class UID
    "00080018",  # SOP Instance UID
    "00080060",  # Modality
    "00080201",  # Timezone Offset From UTC
    "0020000D",  # Study Instance UID
    "0020000E",  # Series Instance UID
    "00200013",  # Instance Number
    "00280008",  # Number of Frames
    "00280010",  # Rows
    "00280011",  # Columns
    "00280100",  # Bits Allocated
)
_INTEGER = re.compile(r"-?[0-9]{1,12}")
AVAILABLE: Document = {"00080056": {"vr": "CS", "Value": ["ONLINE"]}}
"""Instance Availability: nothing here is on a shelf of tapes."""


def study_document(first: Document) -> dict[str, Any]:
    """The study of its first instance, without counts."""
    return {**pick(first, STUDY_TAGS), **AVAILABLE}


def series_document(first: Document) -> dict[str, Any]:
    """The series of its first instance, without counts."""
    return {**pick(first, SERIES_TAGS), **AVAILABLE}


def counted_study(document: Document, modalities: Iterable[str], series: int, instances: int) -> str:
    """The study's document with Modalities in Study, and its numbers of series and of instances, written out."""
    found = sorted({modality for modality in modalities if modality})
    return written(
        {
            **document,
            "00080061": {"vr": "CS", "Value": found} if found else {"vr": "CS"},
            "00201206": {"vr": "IS", "Value": [series]},
            "00201208": {"vr": "IS", "Value": [instances]},
        }
    )


def counted_series(document: Document, instances: int) -> str:
    """The series' document with its number of instances, written out."""
    return written({**document, "00201209": {"vr": "IS", "Value": [instances]}})


def instance_document(metadata: Document, include: frozenset[str] | None) -> str:
    """An instance as a search shows it; ``include`` names further tags, ``None`` takes all of the metadata."""
    chosen = metadata if include is None else pick(metadata, (*INSTANCE_TAGS, *include))
    return written({**chosen, **AVAILABLE})


def pick(metadata: Document, tags: Iterable[str]) -> dict[str, Any]:
    """Those of the attributes that are there."""
    return {tag: metadata[tag] for tag in tags if tag in metadata}


def written(document: Document) -> str:
    """The one spelling of a document: tags ascending."""
    return canonical(dict(document)).decode()


def read(document: str) -> dict[str, Any]:
    """A document that was written out."""
    return json.loads(document)


def text(metadata: Document, tag: str) -> str:
    """The first value of an attribute as text; empty when there is none. A person name gives its alphabetic form."""
    match metadata.get(tag, {}).get("Value"):
        case [{"Alphabetic": name}, *_]:
            return str(name)
        case [str() | int() | float() as value, *_]:
            return str(value)
        case _:
            return ""


def number(metadata: Document, tag: str) -> int | None:
    """The first value of an integer attribute; ``None`` when there is none, or none of 32 bits (PS3.5 section 6.2)."""
    written_number = text(metadata, tag)
    if not _INTEGER.fullmatch(written_number) or not -(1 << 31) <= int(written_number) < 1 << 31:
        return None
    return int(written_number)
