"""Part 10 files: preamble, prefix and File Meta Information (PS3.10 section 7)."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass

from kaname.errors import Refused

Buffer = bytes | mmap.mmap
"""A whole file, sliced into ``bytes``."""

PREAMBLE = 128
PREFIX = b"DICM"
START = PREAMBLE + len(PREFIX)
IMPLEMENTATION_CLASS_UID = "2.25.179313405327041883047519106218093462531"
IMPLEMENTATION_VERSION_NAME = "KANAME"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

_PROGRAMS = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"PK\x03\x04",
    b"%PDF",
)
_LONG = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UR", b"UT", b"UN", b"SV", b"UV"}
_SHORT_HEAD = struct.Struct("<HH2sH")
_GROUP = b"\x02\x00"


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What File Meta Information says of the data set behind it."""

    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    end: int
    """Offset of the data set's first byte."""


def read_meta(buffer: Buffer) -> FileMeta:
    """Reads preamble, prefix and group 0002.

    Raises:
        Refused: ``empty-file``, ``not-dicom``, ``hostile-preamble``, ``missing-file-meta`` or ``truncated``.
    """
    if len(buffer) == 0:
        raise Refused("empty-file")
    if buffer[PREAMBLE:START] != PREFIX:
        raise Refused("missing-file-meta" if _looks_like_a_data_set(buffer[:8]) else "not-dicom")
    if buffer[:4].startswith(_PROGRAMS):
        raise Refused("hostile-preamble")
    values: dict[int, str] = {}
    position = START
    while (head := buffer[position : position + 8])[:2] == _GROUP:
        if len(head) < _SHORT_HEAD.size:
            raise Refused("truncated")
        _, element, vr, length = _SHORT_HEAD.unpack(head)
        position += 8
        if vr in _LONG:
            length = int.from_bytes(buffer[position : position + 4], "little")
            position += 4
        if position + length > len(buffer):
            raise Refused("truncated")
        if element in (0x02, 0x03, 0x10):
            values[element] = buffer[position : position + length].rstrip(b"\0 ").decode("ascii", "replace")
        position += length
    syntax = values.get(0x10, "")
    if not syntax:
        raise Refused("missing-file-meta")
    return FileMeta(syntax, values.get(0x02, ""), values.get(0x03, ""), position)


def write_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """A new preamble of NULs, the prefix, and File Meta Information that names nobody but Kaname."""
    body = b"".join(
        (
            struct.pack("<HH2sHI2s", 2, 1, b"OB", 0, 2, b"\0\1"),
            _element(0x02, b"UI", sop_class_uid),
            _element(0x03, b"UI", sop_instance_uid),
            _element(0x10, b"UI", transfer_syntax_uid),
            _element(0x12, b"UI", IMPLEMENTATION_CLASS_UID),
            _element(0x13, b"SH", IMPLEMENTATION_VERSION_NAME),
        )
    )
    return b"\0" * PREAMBLE + PREFIX + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(body)) + body


def _element(element: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return _SHORT_HEAD.pack(2, element, vr, len(value)) + value


def _looks_like_a_data_set(head: bytes) -> bool:
    """Whether a file without preamble starts with an element of group 0002 or 0008."""
    return len(head) == 8 and head[0] in (2, 8) and head[1] == 0 and head[3] == 0  # noqa: PLR2004
