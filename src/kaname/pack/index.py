"""Index: what a pack holds, instance by instance and frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaname.dicom.frames import frame_spans, native_frame_bytes
from kaname.dicom.json import instance_json
from kaname.dicom.keys import InstanceKey
from kaname.dicom.part10 import DEFLATED, EXPLICIT_BIG, FileMeta, read_meta
from kaname.dicom.scan import locate_pixels
from kaname.errors import Refused
from kaname.pack.model import Member, SeriesIndex
from kaname.pack.read import read_members
from kaname.store import digest_bytes, digest_file

_INVALID = "pack-invalid"


def index_pack(pack: Path) -> SeriesIndex:
    """Reads a pack whole, one instance in memory at a time, and writes its index.

    Raises:
        Refused: ``pack-invalid`` where it is no pack, an instance is not the one its name says, or there are instances
            of two series; what :func:`kaname.dicom.json.instance_json` and :func:`kaname.dicom.scan.locate_pixels`
            raise over an instance that cannot be read.
    """
    keys: set[tuple[str, str]] = set()
    members: list[Member] = []
    with pack.open("rb") as file:
        for uid, offset, length in read_members(pack):
            file.seek(offset)
            key, member = _member(uid, offset, file.read(length))
            keys.add((key.study_instance_uid, key.series_instance_uid))
            members.append(member)
    if len(keys) != 1:
        raise Refused(_INVALID, series=len(keys))
    ((study, series),) = keys
    return SeriesIndex(digest_file(pack), study, series, tuple(members))


def _member(uid: str, offset: int, data: bytes) -> tuple[InstanceKey, Member]:
    meta = read_meta(data)
    metadata = instance_json(data)
    key = InstanceKey(
        study_instance_uid=_uid(metadata, "0020000D"),
        series_instance_uid=_uid(metadata, "0020000E"),
        sop_instance_uid=_uid(metadata, "00080018"),
        sop_class_uid=_uid(metadata, "00080016"),
    )
    if not uid == key.sop_instance_uid == meta.sop_instance_uid:
        raise Refused(_INVALID, uid=uid)
    return key, Member(
        sop_instance_uid=uid,
        sop_class_uid=key.sop_class_uid,
        offset=offset,
        length=len(data),
        digest=digest_bytes(data),
        transfer_syntax_uid=meta.transfer_syntax_uid,
        frames=_frames(data, meta, metadata),
        metadata=metadata,
    )


def _frames(data: bytes, meta: FileMeta, metadata: Mapping[str, Any]) -> tuple[tuple[int, int, int], ...]:
    """Offset, length and fragments of each frame; none where the instance has no frames that can be cut out."""
    if meta.transfer_syntax_uid in (EXPLICIT_BIG, DEFLATED):
        return ()
    pixel = locate_pixels(data)
    if pixel is None:
        return ()
    size = native_frame_bytes(
        rows=_number(metadata, "00280010", 0),
        columns=_number(metadata, "00280011", 0),
        samples=_number(metadata, "00280002", 0),
        bits_allocated=_number(metadata, "00280100", 0),
        photometric=str(_first(metadata, "00280004")),
    )
    try:
        spans = frame_spans(data, pixel, _number(metadata, "00280008", 1), size)
    except Refused:  # no-frames: the instance is served whole
        return ()
    return tuple((span.offset, span.length, span.fragments) for span in spans)


def _uid(metadata: Mapping[str, Any], tag: str) -> str:
    return str(_first(metadata, tag) or "")


def _number(metadata: Mapping[str, Any], tag: str, absent: int) -> int:
    """The first value of an integer attribute; ``absent`` where there is none."""
    value = _first(metadata, tag)
    if value is None:
        return absent
    if not isinstance(value, int):
        raise Refused("malformed-dicom", tag=tag)
    return value


def _first(metadata: Mapping[str, Any], tag: str) -> object:
    """The first value of an attribute, or ``None``."""
    return metadata.get(tag, {}).get("Value", [None])[0]
