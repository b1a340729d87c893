"""What a record of clinical items may say when it arrives: the registry's codes and numbers, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kaname.deid.model import Attestation
from kaname.errors import Refused
from kaname.intake.inspect import inspect
from kaname.ledger.canonical import canonical
from kaname.parcel.manifest import Manifest, RecordEntry
from kaname.parcel.open import OpenedParcel
from kaname.store import digest_bytes

SUBJECT, ACCESSION = "ABCDEFGHIJKLMNOP", "QRSTUVWXYZ234567"
ITEMS = {"lesion": "cyst", "lesion_size": 12.5, "segment": 4, "ejection_fraction": 60}


def opened(folder: Path, kind: str, **changed: Any) -> OpenedParcel:
    """A parcel of one record, with some of its parts changed."""
    record = {"accession": ACCESSION, "items": ITEMS, "study_instance_uid": "2.25.1", "subject": SUBJECT} | changed
    data = canonical(record)
    path = folder / "record.json"
    path.write_bytes(data)
    entry = RecordEntry(digest_bytes(data), len(data), kind)
    attestation = Attestation("facility-1", "jsum", "1", "2026c", "kaname", "0" * 16)
    manifest = Manifest("facility-1", "jsum", 1, SUBJECT, attestation, (), (entry,))
    return OpenedParcel(manifest, folder, {}, {entry.digest: path})


def test_codes_and_numbers_pass(tmp_path: Path) -> None:
    """Items of the registry with its codes and numbers are taken in, under the pseudonym of their accession number."""
    inspect(opened(tmp_path, "items"))
    inspect(opened(tmp_path, "items", items={}))


@pytest.mark.parametrize(
    "changed",
    [
        {"items": {"lesion": "cyst of Yamada"}},
        {"items": {"lesion": 3}},
        {"items": {"segment": "4"}},
        {"items": {"segment": 4.5}},
        {"items": {"lesion_size": True}},
        {"items": {"lesion_size": "12.5"}},
        {"items": {"unknown": 1}},
        {"items": ["cyst"]},
        {"accession": "A-1001"},
        {"accession": 7},
        {"name": "Yamada"},
        {"subject": "ABCDEFGHIJKLMNOQ"},
    ],
)
def test_anything_else_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    """Another word, another type, another item, a real accession number or another subject refuses the parcel."""
    with pytest.raises(Refused, match="inspection-failed"):
        inspect(opened(tmp_path, "items", **changed))


def test_only_items_may_say_codes(tmp_path: Path) -> None:
    """A record of any other kind says numbers and UIDs alone."""
    with pytest.raises(Refused, match="inspection-failed"):
        inspect(opened(tmp_path, "study"))
