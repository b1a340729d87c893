"""The second inspection: everything in the parcel, by code that shares nothing with what cleaned it."""

from __future__ import annotations

import json
import re
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
from kaname.registries.model import Item
from kaname.residual import inspect_file

PATIENT_ID = 0x00100020
ITEMS = "items"
"""Kind of the records that carry clinical items of a department's table."""
_PSEUDONYM = re.compile("[A-Z2-7]{16}")


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
    items = {record.digest for record in parcel.manifest.records if record.kind == ITEMS}
    for digest, path in parcel.records.items():
        _inspect_record(path, digest, parcel.manifest.subject, registry if digest in items else None)


def _inspect_instance(instance: Deidentified, registry: Registry) -> None:
    uid = instance.key.sop_instance_uid
    if instance.key.sop_class_uid not in registry.sop_classes:
        raise Refused("sop-class-not-accepted", instance=uid, sop_class=instance.key.sop_class_uid)
    data = instance.path.read_bytes()
    findings = inspect_file(data, registry.pixels.regions.keys(), registry.pixels.writing.keys())
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


def _inspect_record(path: Path, digest: str, subject: str, registry: Registry | None) -> None:
    """A record names its subject, so that no two subjects share one, and holds numbers, UIDs and plain keys.

    One of items (``registry`` is given) may say the registry's codes beside them. Free text waits for a room that can
    read it.
    """
    try:
        record: Json = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refused("inspection-failed", record=digest) from error
    rest = record if registry is None else _without_items(record, registry)
    if not _says_nothing(rest, subject) or not _names(rest, subject):
        raise Refused("inspection-failed", record=digest)


def _without_items(record: Json, registry: Registry) -> Json:
    """The record without what its registry allows it to say; a record that is not built so stays as it is."""
    if not isinstance(record, dict):
        return record
    accession, items = record.get("accession"), record.get("items")
    if not isinstance(accession, str) or not _PSEUDONYM.fullmatch(accession) or not isinstance(items, dict):
        return record
    if not all(name in registry.items and _fits(value, registry.items[name]) for name, value in items.items()):
        return record
    return {key: value for key, value in record.items() if key not in ("accession", "items")}


def _fits(value: Json, item: Item) -> bool:
    if item.type == "code":
        return isinstance(value, str) and value in item.values
    return type(value) is int or (item.type == "decimal" and type(value) is float)


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
