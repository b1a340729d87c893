"""From an opened parcel to its instances: the second place where ``Deidentified`` is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kaname.deid.model import MADE_BY_CROSSING, Deidentified
from kaname.dicom.keys import InstanceKey
from kaname.errors import Refused
from kaname.pack import Member, index_pack
from kaname.parcel.manifest import PackEntry
from kaname.parcel.open import DAMAGED, OpenedParcel, copy_checked
from kaname.store.whole import whole_file


def deidentified(opened: OpenedParcel) -> Iterator[Deidentified]:
    """Every instance of an opened parcel, as a file ``instances/<digest>.dcm`` in its folder.

    Raises:
        Refused: ``parcel-damaged`` when a pack does not hold exactly the study, series and instances that the manifest
            says; ``pack-invalid`` and the like (:func:`kaname.pack.index_pack`) when it is no pack.
        NotYet: ``storage-full``.
    """
    for pack in opened.manifest.packs:
        path = opened.packs[pack.digest]
        index = index_pack(path)
        held = tuple((member.sop_instance_uid, member.digest) for member in index.members)
        uids = (index.study_instance_uid, index.series_instance_uid)
        if uids != (pack.study_instance_uid, pack.series_instance_uid) or held != pack.instances:
            raise Refused(DAMAGED, pack=pack.digest)
        for member in index.members:
            yield _take_out(opened, pack, path, member)


def _take_out(opened: OpenedParcel, pack: PackEntry, path: Path, member: Member) -> Deidentified:
    target = opened.folder / "instances" / f"{member.digest}.dcm"
    with path.open("rb") as source, whole_file(target) as file:
        source.seek(member.offset)
        copy_checked(source, member.length, member.digest, file.write)
    manifest = opened.manifest
    return Deidentified(
        key=InstanceKey(
            pack.study_instance_uid, pack.series_instance_uid, member.sop_instance_uid, member.sop_class_uid
        ),
        subject=manifest.subject,
        registry=manifest.registry,
        path=target,
        digest=member.digest,
        size_bytes=member.length,
        attestation=manifest.attestation,
        made_by=MADE_BY_CROSSING,
    )
