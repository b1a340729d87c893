"""What a file says of itself before the crossing: encoding, keys, patient. Still identified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kaname.deid.identified import Identified
from kaname.dicom import charset, endian
from kaname.dicom.keys import InstanceKey
from kaname.dicom.part10 import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Buffer, read_meta
from kaname.dicom.scan import Element, elements
from kaname.dicom.standard import sop_classes, transfer_syntaxes
from kaname.errors import NotYet, Refused

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
_ELSEWHERE = ("1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205")
"""JPIP: the pixels lie behind an address that the crossing removes."""


def _tag(group: int, element: int) -> bytes:
    return bytes((group & 0xFF, group >> 8, element & 0xFF, element >> 8))


FORMS: Mapping[str, tuple[bytes, ...]] = {
    "name": (_tag(0x10, 0x10), _tag(0x10, 0x1001), _tag(0x10, 0x1005), _tag(0x10, 0x1060), _tag(0x10, 0x2297)),
    "id": (_tag(0x10, 0x20), _tag(0x10, 0x1000), _tag(0x38, 0x10), _tag(0x10, 0x50)),
    "date": (_tag(0x10, 0x30),),
    "accession": (_tag(0x08, 0x50),),
    "institution": (_tag(0x08, 0x80), _tag(0x08, 0x1040)),
    "person": (
        _tag(0x08, 0x90),
        _tag(0x08, 0x1048),
        _tag(0x08, 0x1050),
        _tag(0x08, 0x1060),
        _tag(0x08, 0x1070),
        _tag(0x32, 0x1032),
    ),
    "text": (_tag(0x10, 0x1040), _tag(0x10, 0x2154), _tag(0x08, 0x81)),
}
"""Attributes whose values must not stand anywhere in the output, by kind."""


@dataclass(frozen=True, slots=True, repr=False)
class Survey:
    """One scanned object, still identified; prints nothing."""

    body: Buffer
    """What the offsets of ``elements`` point into; little endian."""
    implicit: bool
    transfer_syntax_uid: str
    """The syntax of ``body``."""
    elements: list[Element]
    index: dict[bytes, Element] = field(repr=False)
    """Top-level elements by the four bytes of their tag."""
    charset: tuple[str, ...]
    key: InstanceKey
    """The hospital's own UIDs."""

    def __repr__(self) -> str:
        return "Survey(…)"

    def has(self, tag: int) -> bool:
        """Whether the attribute stands on the top level."""
        return _tag(tag >> 16, tag & 0xFFFF) in self.index

    def raw(self, group: int, element: int) -> bytes:
        """The bytes of a top-level value without padding, empty where absent."""
        found = self.index.get(_tag(group, element))
        return b"" if found is None else self.body[found[2] : found[3]].rstrip(b"\0 ").lstrip(b" ")

    def text(self, group: int, element: int) -> str:
        """The text of a top-level value, empty where absent.

        Raises:
            NotYet: ``undecodable-text``.
        """
        return charset.decode(self.raw(group, element), self.charset).strip()

    def texts(self, group: int, element: int) -> list[str]:
        """Each value of a top-level text that is not empty.

        Raises:
            NotYet: ``undecodable-text``.
        """
        return [part.strip() for part in self.text(group, element).split("\\") if part.strip()]

    def number(self, group: int, element: int) -> int | None:
        """A US or UL value, or ``None``."""
        value = self.raw_exact(group, element)
        return int.from_bytes(value, "little") if len(value) in (2, 4) else None

    def raw_exact(self, group: int, element: int) -> bytes:
        """The bytes of a top-level value with whatever pads it."""
        found = self.index.get(_tag(group, element))
        return b"" if found is None else self.body[found[2] : found[3]]

    def forms(self) -> dict[str, list[str]]:
        """Everything by which the record names people and places, for the search after the crossing.

        Raises:
            NotYet: ``undecodable-text``: what cannot be read cannot be searched for.
        """
        return {
            kind: [value for t in tags for value in self.texts(t[1] << 8 | t[0], t[3] << 8 | t[2])]
            for kind, tags in FORMS.items()
        }


def survey(identified: Identified) -> Survey:
    """Scans an object of the hospital.

    Raises:
        Refused: whatever Part 10 and the scan refuse; ``missing-uid``, ``invalid-uid``, ``dicomdir``.
        NotYet: ``unsupported-transfer-syntax``, ``unknown-sop-class``.
    """
    body, syntax, start, implicit = _plain(identified.buffer)
    found = elements(body, start, len(body), implicit=implicit)
    index = {e[0][:4]: e for e in found}
    if len(index) != len(found):
        raise Refused("malformed-dicom")

    def raw(group: int, element: int) -> str:
        e = index.get(_tag(group, element))
        return "" if e is None else body[e[2] : e[3]].rstrip(b"\0 ").decode("latin-1")

    if raw(0x08, 0x16) == DICOMDIR_CLASS or _tag(0x04, 0x1220) in index:
        raise Refused("dicomdir")
    key = InstanceKey(raw(0x20, 0x0D), raw(0x20, 0x0E), raw(0x08, 0x18), raw(0x08, 0x16))
    if key.sop_class_uid not in sop_classes():
        raise NotYet("unknown-sop-class")
    return Survey(body, implicit, syntax, found, index, tuple(raw(0x08, 0x05).split("\\")), key)


def _plain(buffer: Buffer) -> tuple[Buffer, str, int, bool]:
    """The data set in little endian: bytes, transfer syntax, first offset, whether VRs are implicit."""
    meta = read_meta(buffer)
    syntax = meta.transfer_syntax_uid
    if syntax not in transfer_syntaxes() or syntax in _ELSEWHERE:
        raise NotYet("unsupported-transfer-syntax")
    if syntax == DEFLATED:
        return endian.inflate(buffer, meta.end), EXPLICIT_LITTLE, 0, False
    if syntax == EXPLICIT_BIG:
        return endian.to_little_endian(buffer, meta.end), EXPLICIT_LITTLE, 0, False
    return buffer, syntax, meta.end, syntax == IMPLICIT_LITTLE
