"""Opening: a parcel opens whole or not at all, and only for a key that the receiver knows.

The signature is checked before a byte of the manifest is understood, the manifest before a byte of any file is. From
then on every byte that may follow is known beforehand, up to the last: the reader compares and never guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from kaname.access.signing import PublicKey, read_statement
from kaname.errors import Refused
from kaname.pack.ustar import END, header, padding
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.parcel.seal import CHUNK_BYTES, KIND, MANIFEST_NAME, SIGNATURE_NAME, Parcel
from kaname.parcel.strict import expect, read_small
from kaname.store.whole import whole_file, whole_folder

MANIFEST_LIMIT_BYTES = 1 << 24
SIGNATURE_LIMIT_BYTES = 1 << 12
DAMAGED = "parcel-damaged"


@dataclass(frozen=True, slots=True)
class OpenedParcel:
    """The files of a parcel in a folder, each with the digest that its manifest says."""

    manifest: Manifest
    folder: Path
    packs: Mapping[str, Path]
    """Pack files by digest."""
    records: Mapping[str, Path]
    """Record files by digest."""


def open_parcel(path: Path, keys: Mapping[str, PublicKey]) -> Parcel:
    """Reads a parcel from end to end and vouches for every byte; ``keys`` are the partners' keys by key id.

    Memory stays bounded by the manifest's limit (16 MiB), whatever the parcel's size. Whether the signer may speak for
    ``manifest.gateway`` is for the receiver to judge, by ``key_id``.

    Raises:
        Refused: ``parcel-format`` when it is no parcel of this version, ``parcel-stranger`` when the key is not among
            ``keys``, ``parcel-signature`` when the signature is not over this manifest, ``parcel-damaged`` when
            anything behind the manifest is not what it says.
    """
    with path.open("rb") as source:
        data = read_small(source, MANIFEST_NAME, MANIFEST_LIMIT_BYTES, "parcel-format")
        statement = read_small(source, SIGNATURE_NAME, SIGNATURE_LIMIT_BYTES, "parcel-format")
        key_id = _signer(statement, sha256(data).hexdigest(), keys)
        manifest = Manifest.from_bytes(data)
        for member in manifest.members:
            _read_member(source, member, _drop)
        _read_end(source)
    return Parcel(path, manifest, key_id)


def unpack(parcel: Parcel, folder: Path) -> OpenedParcel:
    """Writes the files of an opened parcel into ``folder``: whole or not at all, and in place of an older one.

    Every byte is checked again on the way: a file that changed since it was opened is refused.

    Raises:
        Refused: ``parcel-damaged``.
        NotYet: ``storage-full``.
    """
    data = parcel.manifest.to_bytes()
    with parcel.path.open("rb") as source, whole_folder(folder) as draft:
        expect(source, header(MANIFEST_NAME, len(data)) + data + padding(len(data)), DAMAGED)
        read_small(source, SIGNATURE_NAME, SIGNATURE_LIMIT_BYTES, DAMAGED)
        for member in parcel.manifest.members:
            with whole_file(draft / member.name) as file:
                _read_member(source, member, file.write)
        _read_end(source)
    return OpenedParcel(
        parcel.manifest,
        folder,
        {pack.digest: folder / pack.name for pack in parcel.manifest.packs},
        {record.digest: folder / record.name for record in parcel.manifest.records},
    )


def _signer(data: bytes, manifest_digest: str, keys: Mapping[str, PublicKey]) -> str:
    try:
        statement = read_statement(data)
    except Refused as error:
        raise Refused("parcel-signature", **error.facts) from error
    key = keys.get(statement.key_id)
    if key is None:
        raise Refused("parcel-stranger")
    if statement.kind != KIND or statement.body != {"manifest": manifest_digest} or not statement.signed_by(key):
        raise Refused("parcel-signature")
    return key.id


def _read_member(source: BinaryIO, member: PackEntry | RecordEntry, sink: Callable[[bytes], object]) -> None:
    expect(source, header(member.name, member.size_bytes), DAMAGED)
    copy_checked(source, member.size_bytes, member.digest, sink)
    expect(source, padding(member.size_bytes), DAMAGED)


def copy_checked(source: BinaryIO, size_bytes: int, digest: str, sink: Callable[[bytes], object]) -> None:
    """Passes the next ``size_bytes`` bytes to ``sink``, in chunks of 1 MiB at most.

    Raises:
        Refused: ``parcel-damaged`` when they end early or are not the ones that ``digest`` names.
    """
    hasher = sha256()
    while size_bytes:
        chunk = source.read(min(CHUNK_BYTES, size_bytes))
        if not chunk:
            raise Refused(DAMAGED)
        hasher.update(chunk)
        sink(chunk)
        size_bytes -= len(chunk)
    if hasher.hexdigest() != digest:
        raise Refused(DAMAGED)


def _read_end(source: BinaryIO) -> None:
    expect(source, END, DAMAGED)
    if source.read(1):
        raise Refused(DAMAGED)


def _drop(chunk: bytes) -> None:
    """Keeps nothing: opening only looks."""
