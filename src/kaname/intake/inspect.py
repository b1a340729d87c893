"""The second inspection: everything in the parcel, by code that shares nothing with what cleaned it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from kaname import registries
from kaname.deid.model import Deidentified
from kaname.dicom.keys import is_uid
from kaname.dicom.part10 import IMPLICIT_LITTLE, read_meta
from kaname.dicom.scan import elements, tag_of
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.parcel.instances import deidentified
from kaname.parcel.open import OpenedParcel, unpack
from kaname.parcel.seal import Parcel
from kaname.registries import Registry
from kaname.residual import inspect_file

PATIENT_ID = 0x00100020


def opened_folder(node: Node, parcel: str) -> Path:
    """Where a parcel, or a part of it, lies open while it is looked at."""
    return node.settings.home / "opened" / parcel


@contextmanager
def opened(node: Node, parcel: Parcel) -> Generator[OpenedParcel]:
    """The parcel's files in a folder of this home, which goes when the block ends.

    Raises:
        Refused: ``parcel-damaged``.
        NotYet: ``storage-full``.
    """
    folder = opened_folder(node, parcel.digest)
    try:
        yield unpack(parcel, folder / "parcel")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def inspect(parcel: OpenedParcel) -> None:
    """Looks at every instance and every record.

    Raises:
        Refused: ``parcel-damaged`` or ``pack-invalid`` when a pack is not what the manifest says;
            ``sop-class-not-accepted``; ``inspection-failed`` with the number of ``findings`` in the instance and the
            ``first`` attribute, never a value.
        NotYet: ``storage-full``.
    """
    registry = registries.load(parcel.manifest.registry)
    for instance in deidentified(parcel):
        _inspect_instance(instance, registry)
        instance.path.unlink()  # one at a time on the disk: a parcel may be large
    for digest, path in parcel.records.items():
        _inspect_record(path, digest, parcel.manifest.subject)


def _inspect_instance(instance: Deidentified, registry: Registry) -> None:
    uid = instance.key.sop_instance_uid
    if instance.key.sop_class_uid not in registry.sop_classes:
        raise Refused("sop-class-not-accepted", instance=uid, sop_class=instance.key.sop_class_uid)
    data = instance.path.read_bytes()
    findings = inspect_file(data)
    if findings:
        first = findings[0]
        raise Refused("inspection-failed", instance=uid, findings=len(findings), first=first.attribute, kind=first.kind)
    if not _is_of(data, instance.subject):
        raise Refused("inspection-failed", instance=uid, findings=1, first="PatientID", kind="other-subject")


def _is_of(data: bytes, subject: str) -> bool:
    """Whether the instance names the subject of its parcel: a withdrawal finds it by that name alone."""
    meta = read_meta(data)
    implicit = meta.transfer_syntax_uid == IMPLICIT_LITTLE
    return any(
        tag_of(head) == PATIENT_ID and data[start:end].strip(b" \0") == subject.encode("ascii")
        for head, _, start, end in elements(data, meta.end, len(data), implicit=implicit)
    )


def _inspect_record(path: Path, digest: str, subject: str) -> None:
    """A record names its subject, so that no two subjects share one, and holds numbers, UIDs and plain keys.

    Free text waits for a room that can read it.
    """
    try:
        record: Json = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refused("inspection-failed", record=digest) from error
    if not _says_nothing(record, subject) or not _names(record, subject):
        raise Refused("inspection-failed", record=digest)


def _says_nothing(value: Json, subject: str) -> bool:
    if isinstance(value, dict):
        return all(_is_key(key) and _says_nothing(inner, subject) for key, inner in value.items())
    if isinstance(value, list):
        return all(_says_nothing(inner, subject) for inner in value)
    return not isinstance(value, str) or value == subject or is_uid(value)


def _names(value: Json, subject: str) -> bool:
    if isinstance(value, dict):
        return any(_names(inner, subject) for inner in value.values())
    if isinstance(value, list):
        return any(_names(inner, subject) for inner in value)
    return value == subject


def _is_key(key: str) -> bool:
    return key.isascii() and key.isidentifier() and key.islower()
