"""From an opened parcel to instances that name a subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from kaname.deid.model import Deidentified
from kaname.errors import Refused
from kaname.pack import write_pack
from kaname.parcel.instances import deidentified
from kaname.parcel.manifest import Manifest, PackEntry
from kaname.parcel.open import OpenedParcel, open_parcel, unpack
from kaname.parcel.seal import seal
from kaname.testing.objects import CT_CLASS, ct_slice, to_bytes
from kaname.testing.parcels import ATTESTATION, GATEWAY_KEY, GATEWAY_KEYS

SLICES = [to_bytes(ct_slice(SOPInstanceUID=f"1.2.3.4.5.{n}", InstanceNumber=str(n))) for n in (1, 2, 3)]


def opened(folder: Path, change: Callable[[PackEntry], PackEntry] = lambda entry: entry) -> OpenedParcel:
    """A parcel with one pack of three slices, sealed, opened and unpacked; ``change`` alters what the manifest says."""
    paths = [folder / f"{n}.dcm" for n in range(len(SLICES))]
    for path, content in zip(paths, SLICES, strict=True):
        path.write_bytes(content)
    pack = write_pack(paths, folder / "pack.tar")
    instances = tuple((f"1.2.3.4.5.{n}", sha256(content).hexdigest()) for n, content in enumerate(SLICES, 1))
    entry = PackEntry(pack.digest, pack.size_bytes, "1.2.3.4.5.6", "1.2.3.4.5", instances)
    manifest = Manifest("gw-1", "j-mid", 1, "A" * 16, ATTESTATION, (change(entry),))
    parcel = seal(manifest, {pack.digest: pack.path}, GATEWAY_KEY, folder / "a.parcel")
    return unpack(open_parcel(parcel.path, GATEWAY_KEYS), folder / "unpacked")


def test_every_instance_comes_out(tmp_path: Path) -> None:
    """Each instance comes out byte for byte, under the subject, registry and attestation of the seal."""
    found = list(deidentified(opened(tmp_path)))
    assert [one.path.read_bytes() for one in found] == SLICES
    assert [one.key.sop_instance_uid for one in found] == ["1.2.3.4.5.1", "1.2.3.4.5.2", "1.2.3.4.5.3"]
    for one, content in zip(found, SLICES, strict=True):
        assert isinstance(one, Deidentified)
        assert (one.digest, one.size_bytes) == (sha256(content).hexdigest(), len(content))
        assert (one.key.study_instance_uid, one.key.series_instance_uid) == ("1.2.3.4.5", "1.2.3.4.5.6")
        assert one.key.sop_class_uid == CT_CLASS
        assert (one.subject, one.registry, one.attestation) == ("A" * 16, "j-mid", ATTESTATION)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, study_instance_uid="1.2.9"),
        lambda e: replace(e, series_instance_uid="1.2.9"),
        lambda e: replace(e, instances=e.instances[:2]),
        lambda e: replace(e, instances=(*e.instances, ("1.2.9", "0" * 64))),
        lambda e: replace(e, instances=(*e.instances[:2], ("1.2.3.4.5.3", "0" * 64))),
        lambda e: replace(e, instances=(*e.instances[:2], ("1.2.9", e.instances[2][1]))),
        lambda e: replace(e, instances=e.instances[::-1]),
    ],
)
def test_pack_holds_what_the_manifest_says(tmp_path: Path, change: Callable[[PackEntry], PackEntry]) -> None:
    """A pack with other studies, series or instances than its signed entry, or in another order, is refused."""
    with pytest.raises(Refused, match="parcel-damaged"):
        list(deidentified(opened(tmp_path, change)))


def test_unpacked_file_that_changed_is_refused(tmp_path: Path) -> None:
    """A pack that is changed between unpacking and reading gives no instance."""
    parcel = opened(tmp_path)
    (path,) = parcel.packs.values()
    content = path.read_bytes()
    path.write_bytes(content.replace(b"ACME", b"ACNE"))
    with pytest.raises(Refused, match="parcel-damaged"):
        list(deidentified(parcel))
