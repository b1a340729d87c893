"""Sealing: manifest, signature and files become one parcel, always the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from kaname.access.signing import SigningKey, sign_statement
from kaname.errors import Refused
from kaname.pack.ustar import END, header, padding
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.store.whole import whole_file

CHUNK_BYTES = 1 << 20
KIND = "parcel"
"""Kind of the statement in ``manifest.sig``; its body is ``{"manifest": SHA-256 of manifest.json}``."""
MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.sig"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel file that was sealed here, or opened whole."""

    path: Path
    manifest: Manifest
    key_id: str
    """Id of the key that signed it; whose key that is, the receiver's list of partners says."""

    @property
    def digest(self) -> str:
        """The parcel's name: SHA-256 of its manifest."""
        return self.manifest.digest


def seal(manifest: Manifest, files: Mapping[str, Path], key: SigningKey, target: Path) -> Parcel:
    """Writes a parcel to ``target``; it appears there whole or not at all.

    ``files`` holds the path of every member by its digest.

    Raises:
        Refused: ``parcel-format`` when the manifest is one that no receiver would read; ``object-missing`` or
            ``object-damaged`` when a file is absent or not what the manifest says.
        NotYet: ``storage-full``.
    """
    data = manifest.to_bytes()
    sound = Manifest.from_bytes(data)  # what is written can be read
    with whole_file(target) as parcel:
        _write_small(parcel, MANIFEST_NAME, data)
        _write_small(parcel, SIGNATURE_NAME, sign_statement(KIND, {"manifest": sound.digest}, key))
        for member in sound.members:
            _write_file(parcel, member, files)
        parcel.write(END)
    return Parcel(target, sound, key.public.id)


def _write_small(parcel: BinaryIO, name: str, data: bytes) -> None:
    parcel.write(header(name, len(data)) + data + padding(len(data)))


def _write_file(parcel: BinaryIO, member: PackEntry | RecordEntry, files: Mapping[str, Path]) -> None:
    path = files.get(member.digest)
    if path is None or not path.is_file():
        raise Refused("object-missing", digest=member.digest)
    parcel.write(header(member.name, member.size_bytes))
    hasher, size_bytes = sha256(), 0
    with path.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            hasher.update(chunk)
            size_bytes += len(chunk)
            parcel.write(chunk)
    if (hasher.hexdigest(), size_bytes) != (member.digest, member.size_bytes):
        raise Refused("object-damaged", digest=member.digest)
    parcel.write(padding(size_bytes))
