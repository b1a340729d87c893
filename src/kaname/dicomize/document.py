"""A PDF becomes an Encapsulated PDF (PS3.3 section A.45.1), unless there is something in it that acts by itself."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from kaname.dicomize.header import Examination, header
from kaname.dicomize.write import part10
from kaname.errors import Refused

ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104.1"
_ACTS = re.compile(rb"/(?:JavaScript|OpenAction|Launch|EmbeddedFiles?|RichMedia|Encrypt)(?![A-Za-z0-9])")
_ACTS_SHORT = re.compile(rb"/(?:JS|AA|XFA)(?![A-Za-z0-9])")
"""Outside streams alone: in packed bytes, so few letters stand by chance."""
_WRITTEN_BY_NUMBER = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM, _STREAM_END = re.compile(rb"stream[ \t]*(?:\r\n|\n|\r)"), b"endstream"
_OBJECTS, _PACKED = re.compile(rb"/ObjStm(?![A-Za-z0-9])"), re.compile(rb"/(?:Filter|DecodeParms|DP)(?![A-Za-z0-9])")
_DEFLATED = re.compile(rb"/Filter\s*(?:/FlateDecode|\[\s*/FlateDecode\s*\])(?![A-Za-z0-9])")
_ZLIB_HEAD, _PIECE = 2, 4096
_INFLATE_LIMIT = 1 << 26
_TAIL = 2048


def document(data: bytes, examination: Examination, sop_class_uid: str, number: int) -> bytes:
    """The Part 10 file of a PDF, its bytes untouched.

    Raises:
        Refused: ``pdf-active`` with scripts, actions or files inside, or where it is encrypted and cannot be seen;
            ``pdf-broken``; ``too-large``; ``source-not-accepted`` where no document has that class.
        NotYet: ``examination-invalid``.
    """
    if sop_class_uid != ENCAPSULATED:
        raise Refused("source-not-accepted", sop_class_uid=sop_class_uid)
    if not data.startswith(b"%PDF-") or b"%%EOF" not in data[-_TAIL:]:
        raise Refused("pdf-broken")
    if _acts(data):
        raise Refused("pdf-active")
    made = header(examination, sop_class_uid, hashlib.sha256(data).hexdigest(), number)
    made.ConversionType = "WSD"
    made.BurnedInAnnotation = "YES"
    made.ContentDate, made.ContentTime = made.StudyDate, made.StudyTime
    made.AcquisitionDateTime = ""
    made.ConceptNameCodeSequence = []
    made.DocumentTitle = ""
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    made.EncapsulatedDocumentLength = len(data)
    return part10(made)


def _streams(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the content of each stream begins and ends, and of what only looks like one, in one walk."""
    end = 0
    for found in _STREAM.finditer(data):
        if end < found.end():
            end = data.find(_STREAM_END, found.end())
            end = len(data) if end < 0 else end
        yield found.end(), end


def _acts(data: bytes) -> bool:
    """Whether something in it acts by itself, or may where it cannot be seen. Names may be written by number."""
    outside: list[bytes] = []
    room, behind, before = _INFLATE_LIMIT, 0, 0
    for start, end in _streams(data):
        described = _spelled(data[before:start])
        if _OBJECTS.search(described) and not _is_readable(described):
            return True
        text = _inflated(data, start, end, room)
        room -= len(text)
        if room <= 0:
            raise Refused("too-large", limit_bytes=_INFLATE_LIMIT)
        if _ACTS.search(_spelled(text)):
            return True
        if start >= behind:
            outside.append(data[behind:start])
            behind = end
        before = start
    outside.append(data[behind:])
    return bool(_ACTS_SHORT.search(_spelled(b"".join(outside))) or _ACTS.search(_spelled(data)))


def _is_readable(described: bytes) -> bool:
    """Whether the objects packed in a stream are deflated, or not packed, and nothing else."""
    packed = len(_PACKED.findall(described))
    return not packed or (packed == 1 and _DEFLATED.search(described) is not None)


def _inflated(data: bytes, start: int, end: int, most: int) -> bytes:
    """What a deflated stream holds, as far as it can be read: viewers do not ask for its checksum either."""
    head = int.from_bytes(data[start : start + _ZLIB_HEAD], "big")
    if head % 31 or head >> 8 & 15 != zlib.DEFLATED:  # RFC 1950 section 2.2
        return b""
    machine, text = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
    for position in range(start + _ZLIB_HEAD, end, _PIECE):
        before, piece = machine.copy(), data[position : min(end, position + _PIECE)]
        try:
            text += machine.decompress(piece, max(1, most - len(text)))
        except zlib.error:
            text += _until_broken(before, piece)
            break
        if machine.eof or len(text) >= most:
            break
    return bytes(text)


def _until_broken(machine: Any, piece: bytes) -> bytes:  # noqa: ANN401 - zlib does not name its type
    text = bytearray()
    with suppress(zlib.error):
        for number in range(len(piece)):
            text += machine.decompress(piece[number : number + 1])
    return bytes(text)


def _spelled(text: bytes) -> bytes:
    return _WRITTEN_BY_NUMBER.sub(lambda found: bytes((int(found[1], 16),)), text)
