"""Where what a parcel brings rests in the store."""

from __future__ import annotations

from kaname.intake.claim import Head
from kaname.pack import pack_key
from kaname.parcel.open import OpenedParcel
from kaname.store import Store


def record_key(digest: str) -> str:
    """Key of a record."""
    return f"records/{digest[:2]}/{digest}.json"


def proof_keys(parcel: str) -> tuple[str, str]:
    """Keys of a parcel's manifest and signature: whoever doubts where an instance came from can check it with them."""
    return f"parcels/{parcel[:2]}/{parcel}.json", f"parcels/{parcel[:2]}/{parcel}.sig"


def keep(store: Store, opened: OpenedParcel, head: Head) -> None:
    """Puts packs, records, manifest and signature into the store; what is there already stays.

    Raises:
        NotYet: ``storage-full``, ``storage-unreachable``.
    """
    for digest, path in opened.packs.items():
        store.put(pack_key(digest), path)
    for digest, path in opened.records.items():
        store.put(record_key(digest), path)
    for key, data in zip(proof_keys(opened.manifest.digest), (head.manifest, head.signature), strict=True):
        store.put(key, data)
