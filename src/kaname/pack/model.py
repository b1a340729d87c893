"""What a pack is, what its index says, and what one read needs to know."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zstandard

from kaname.errors import Refused
from kaname.ledger.canonical import canonical

INDEX_FORMAT = 1


def pack_key(digest: str) -> str:
    """The key of a pack in the object store: ``packs/<first two digits>/<sha256>.tar``."""
    return f"packs/{digest[:2]}/{digest}.tar"


@dataclass(frozen=True, slots=True)
class PackFile:
    """A pack that was written."""

    path: Path
    digest: str
    """SHA-256 of the whole file: the pack's name."""
    size_bytes: int
    members: int
    """Number of instances."""


@dataclass(frozen=True, slots=True)
class FrameRef:
    """One frame as one ranged read: ``store.read(ref.object, ref.offset, ref.length)``."""

    object: str
    """Key in the object store."""
    offset: int
    length: int
    fragments: int
    """Number of fragments, item headers included in the range (``kaname.dicom.frames.frame_bytes`` takes them off);
    0 where the pixels are native."""
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class Member:
    """One instance in a pack: a whole Part 10 file."""

    sop_instance_uid: str
    sop_class_uid: str
    offset: int
    """Offset of the file's first byte in the pack."""
    length: int
    """Bytes."""
    digest: str
    """SHA-256 of the file."""
    transfer_syntax_uid: str
    frames: tuple[tuple[int, int, int], ...]
    """``(offset in the member, length, fragments)`` of each frame; empty where frames cannot be cut out."""
    metadata: dict[str, Any]
    """The data set as DICOM JSON, bulk data by relative URI (:func:`kaname.dicom.json.instance_json`)."""


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """Where everything in a pack lies. A view: it can be made again from the pack at any time."""

    pack: str
    """SHA-256 of the pack."""
    study_instance_uid: str
    series_instance_uid: str
    members: tuple[Member, ...]
    """In the order of their SOP Instance UIDs."""

    def member(self, sop_instance_uid: str) -> Member:
        """The instance of that UID.

        Raises:
            Refused: ``not-found``.
        """
        place = bisect_left(self.members, sop_instance_uid, key=lambda member: member.sop_instance_uid)
        if place == len(self.members) or self.members[place].sop_instance_uid != sop_instance_uid:
            raise Refused("not-found")
        return self.members[place]

    def frame(self, sop_instance_uid: str, number: int) -> FrameRef:
        """Frame ``number``, from 1, of an instance.

        Raises:
            Refused: ``not-found``, ``no-frames`` or ``frame-out-of-range``.
        """
        member = self.member(sop_instance_uid)
        if not member.frames:
            raise Refused("no-frames")
        if not 1 <= number <= len(member.frames):
            raise Refused("frame-out-of-range", frame=number, frames=len(member.frames))
        offset, length, fragments = member.frames[number - 1]
        return FrameRef(pack_key(self.pack), member.offset + offset, length, fragments, member.transfer_syntax_uid)

    def to_bytes(self) -> bytes:
        """Canonical JSON, compressed with Zstandard (``docs/spec/pack.md``)."""
        return zstandard.ZstdCompressor().compress(canonical({"format": INDEX_FORMAT, **asdict(self)}))

    @classmethod
    def from_bytes(cls, data: bytes) -> SeriesIndex:
        """Reads what :meth:`to_bytes` wrote.

        Raises:
            Refused: ``object-damaged``.
        """
        try:
            table = json.loads(zstandard.ZstdDecompressor().decompress(data))
            if table.pop("format") != INDEX_FORMAT:
                raise Refused("object-damaged")
            members = tuple(
                Member(**row | {"frames": tuple((o, n, f) for o, n, f in row["frames"])})
                for row in table.pop("members")
            )
            return cls(members=members, **table)
        except (zstandard.ZstdError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Refused("object-damaged") from error
