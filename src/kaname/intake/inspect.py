"""The second inspection: everything in the parcel, by code that shares nothing with what cleaned it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kaname import registries
from kaname.deid.model import Deidentified
from kaname.dicom.keys import is_uid
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.parcel.instances import deidentified
from kaname.parcel.open import OpenedParcel, unpack
from kaname.parcel.seal import Parcel
from kaname.registries import Registry
from kaname.residual import inspect_file


def opened_folder(node: Node, parcel: str) -> Path:
    """Where a parcel lies open while it is looked at."""
    return node.settings.home / "opened" / parcel


@contextmanager
def opened(node: Node, parcel: Parcel) -> Iterator[OpenedParcel]:
    """The parcel's files in a folder of this home, which goes when the block ends.

    Raises:
        Refused: ``parcel-damaged``.
        NotYet: ``storage-full``.
    """
    folder = opened_folder(node, parcel.digest)
    try:
        yield unpack(parcel, folder)
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
    findings = inspect_file(instance.path.read_bytes(), subject=instance.subject)
    if findings:
        first = findings[0]
        raise Refused("inspection-failed", instance=uid, findings=len(findings), first=first.attribute, kind=first.kind)


def _inspect_record(path: Path, digest: str, subject: str) -> None:
    """A record holds numbers, UIDs, the subject and plain keys. Free text waits for a room that can read it."""
    try:
        record: Json = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refused("inspection-failed", record=digest) from error
    if not _says_nothing(record, subject):
        raise Refused("inspection-failed", record=digest)


def _says_nothing(value: Json, subject: str) -> bool:
    if isinstance(value, dict):
        return all(_is_key(key) and _says_nothing(inner, subject) for key, inner in value.items())
    if isinstance(value, list):
        return all(_says_nothing(inner, subject) for inner in value)
    return not isinstance(value, str) or value == subject or is_uid(value)


def _is_key(key: str) -> bool:
    return key.isascii() and key.isidentifier() and key.islower()
