"""A file that wants to become a derived object of the archive: what it is and what it refers to, judged by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaname.archive import describe
from kaname.dicom.json import instance_json
from kaname.dicom.keys import InstanceKey
from kaname.dicom.objects.classes import DERIVED
from kaname.dicom.objects.references import References, references
from kaname.dicom.part10 import read_meta
from kaname.errors import Refused
from kaname.residual import inspect_derived
from kaname.store import digest_bytes

LIMIT_BYTES = 256 << 20
"""Largest derived object: it is read whole, several times."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A derived object that says nothing it must not."""

    path: Path
    key: InstanceKey
    digest: str
    """SHA-256 of its bytes."""
    subject: str
    """Its Patient ID."""
    modality: str
    refers: References


def read_candidate(path: Path, study: str = "") -> Candidate:
    """Reads and inspects a file.

    Args:
        path: A file that nobody vouches for.
        study: Study Instance UID that the object must have; empty for any.

    Raises:
        Refused: ``too-large``; ``derived-class`` for what is no derived object; ``derived-may-identify`` with the
            number of ``findings`` and the ``first`` attribute, never a value; ``derived-reference`` for an object of
            another study, or one that refers to nothing; what
            :func:`kaname.dicom.json.instance_json` and :func:`kaname.dicom.objects.references.references` raise;
            ``missing-uid``, ``invalid-uid``; ``malformed-dicom`` when data set and file meta information differ.
    """
    if path.stat().st_size > LIMIT_BYTES:
        raise Refused("too-large", limit_bytes=LIMIT_BYTES)
    data = path.read_bytes()
    meta = read_meta(data)
    if meta.sop_class_uid not in DERIVED:
        raise Refused("derived-class")
    metadata = instance_json(data)
    key = InstanceKey(
        study_instance_uid=describe.text(metadata, "0020000D"),
        series_instance_uid=describe.text(metadata, "0020000E"),
        sop_instance_uid=describe.text(metadata, "00080018"),
        sop_class_uid=describe.text(metadata, "00080016"),
    )
    if (key.sop_class_uid, key.sop_instance_uid) != (meta.sop_class_uid, meta.sop_instance_uid):
        raise Refused("malformed-dicom", tag="00080018")
    if study not in ("", key.study_instance_uid):
        raise Refused("derived-reference")
    findings = inspect_derived(data)
    if findings:
        first = findings[0]
        raise Refused("derived-may-identify", findings=len(findings), first=first.attribute, kind=first.kind)
    subject, modality = describe.text(metadata, "00100020"), describe.text(metadata, "00080060")
    return Candidate(path, key, digest_bytes(data), subject, modality, _references(metadata))


def claimed(path: Path) -> tuple[str, str]:
    """SOP Class and Instance UID as a file's meta information says them; empty where it says none that is read."""
    with path.open("rb") as file:
        head = file.read(4096)
    try:
        meta = read_meta(head)
    except Refused:
        return "", ""
    return meta.sop_class_uid, meta.sop_instance_uid


def _references(metadata: dict[str, Any]) -> References:
    found = references(metadata)
    if not found.instances:
        raise Refused("derived-reference", references=0)
    return found
