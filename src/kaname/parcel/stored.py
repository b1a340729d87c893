"""A parcel whose files rest apart, e.g. in a store: it leaves again byte for byte as its gateway sealed it.

Nothing is copied for that: the members are read piece by piece while they are sent, and each piece is held against the
digest that the gateway signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from kaname.errors import Refused
from kaname.pack.ustar import END, header, padding
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.parcel.seal import MANIFEST_NAME, SIGNATURE_NAME

Source = Callable[[PackEntry | RecordEntry], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class StoredParcel:
    """A parcel as its receiver keeps it."""

    manifest: Manifest
    signature: bytes
    """The statement in ``manifest.sig``."""
    source: Source
    """Content of a member, in pieces; may raise what reading raises."""

    @property
    def digest(self) -> str:
        """The parcel's name."""
        return self.manifest.digest

    @property
    def size_bytes(self) -> int:
        """Size of the file that :meth:`pieces` makes."""
        sizes = [len(self.manifest.to_bytes()), len(self.signature)]
        sizes += [member.size_bytes for member in self.manifest.members]
        return sum(len(header("", 0)) + size + len(padding(size)) for size in sizes) + len(END)

    def pieces(self) -> Iterator[bytes]:
        """The parcel file, piece by piece: always the bytes that the gateway made.

        Raises:
            Refused: ``object-damaged`` when a member is not what was signed; what ``source`` raises.
        """
        for name, data in ((MANIFEST_NAME, self.manifest.to_bytes()), (SIGNATURE_NAME, self.signature)):
            yield header(name, len(data)) + data + padding(len(data))
        for member in self.manifest.members:
            yield header(member.name, member.size_bytes)
            yield from self._member(member)
            yield padding(member.size_bytes)
        yield END

    def _member(self, member: PackEntry | RecordEntry) -> Iterator[bytes]:
        """Its last piece comes only once the digest is known to be right: a receiver never has a false one whole."""
        hasher, size_bytes, held = sha256(), 0, b""
        for piece in self.source(member):
            hasher.update(piece)
            size_bytes += len(piece)
            if size_bytes > member.size_bytes:
                break
            if held:
                yield held
            held = piece
        if (hasher.hexdigest(), size_bytes) != (member.digest, member.size_bytes):
            raise Refused("object-damaged", digest=member.digest)
        yield held
