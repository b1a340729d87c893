"""Reading ``multipart/related`` (RFC 2046 section 5.1, RFC 2387, PS3.18 section 8.6.1) as a stream, one file per part.

Nothing is believed of what a client sends: a boundary must be one, headers are few and plain, and a body that does not
end with its closing boundary was cut off. What grows too large is counted and not kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import BinaryIO, Literal

from kaname.errors import Refused
from kaname.web.accept import DICOM, MULTIPART

HEADERS_LIMIT_BYTES = 8 << 10
PREAMBLE_LIMIT_BYTES = 64 << 10
PARTS_MOST = 4096
"""More instances than this come in several requests."""
_INVALID = "multipart-invalid"
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_PADDING_MOST = 64
"""Spaces and tabs that may stand behind a boundary."""
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([\x20-\x7e]*)")


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type header announces.

    Raises:
        Refused: ``media-type`` for anything but a multipart of DICOM instances; ``multipart-invalid`` where there is no
            boundary, or one that is none.
    """
    header = Message()
    if not content_type.isprintable():
        raise Refused(_INVALID, part="boundary")
    header["Content-Type"] = content_type
    if header.get_content_type() != MULTIPART:
        raise Refused("media-type")
    if header.get_param("type", DICOM) != DICOM:
        raise Refused("media-type")
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not _BOUNDARY.fullmatch(boundary):
        raise Refused(_INVALID, part="boundary")
    return boundary.encode("ascii")


@dataclass(frozen=True, slots=True)
class ReceivedPart:
    """One part, on the disk."""

    path: Path
    too_large: bool
    """Whether it went beyond the limit; then the file is empty."""


@dataclass(slots=True)
class PartReader:
    """Takes a body piece by piece and writes each part to a file.

    Args:
        boundary: Of the body.
        next_path: Where the next part goes.
        limit_bytes: Largest part that is kept.
    """

    boundary: bytes
    next_path: Callable[[], Path]
    limit_bytes: int
    parts: list[ReceivedPart] = field(default_factory=list[ReceivedPart])
    _buffer: bytearray = field(default_factory=lambda: bytearray(b"\r\n"))
    _state: Literal["preamble", "headers", "body", "epilogue"] = "preamble"
    _delimiter: re.Pattern[bytes] = field(init=False)
    _file: BinaryIO | None = None
    _path: Path | None = None
    _size: int = 0

    def __post_init__(self) -> None:
        line = b"\r\n--" + re.escape(self.boundary)
        self._delimiter = re.compile(line + rb"(?:(--)|[ \t]{0,%d}\r\n)" % _PADDING_MOST)

    def feed(self, data: bytes) -> None:
        """Takes the next piece.

        Raises:
            Refused: ``multipart-invalid``, ``media-type``.
            OSError: what writing a part raises.
        """
        self._buffer += data
        while self._advance():
            pass

    def finish(self) -> tuple[ReceivedPart, ...]:
        """All parts, once the body has ended.

        Raises:
            Refused: ``multipart-invalid`` when the closing boundary never came, or there is no part.
        """
        if self._state != "epilogue" or not self.parts:
            raise Refused(_INVALID, part="end")
        return tuple(self.parts)

    def discard(self) -> None:
        """Takes all files away, whatever happened."""
        self._close()
        for path in (self._path, *(part.path for part in self.parts)):
            if path is not None:
                path.unlink(missing_ok=True)

    def _advance(self) -> bool:
        """Goes on by one boundary or block of headers; ``False`` when that takes more bytes."""
        match self._state:
            case "preamble":
                return self._to_boundary(self._skip)
            case "headers":
                return self._read_headers()
            case "body":
                return self._to_boundary(self._write)
            case "epilogue":
                self._buffer.clear()
                return False

    def _to_boundary(self, take: Callable[[memoryview], None]) -> bool:
        """Takes what stands before the next boundary, or all that cannot belong to one."""
        found = self._delimiter.search(self._buffer)
        longest = len(self.boundary) + _PADDING_MOST + 6
        end = found.start() if found else max(0, len(self._buffer) - longest)
        with memoryview(self._buffer) as view:
            take(view[:end])
        if found is None:
            del self._buffer[:end]
            return False
        closing = found[1] is not None
        del self._buffer[: found.end()]
        if self._state == "body":
            self._end_part()
        self._state = "epilogue" if closing else "headers"
        return True

    def _skip(self, data: memoryview) -> None:
        self._size += len(data)
        if self._size > PREAMBLE_LIMIT_BYTES:
            raise Refused(_INVALID, part="preamble")

    def _read_headers(self) -> bool:
        if self._buffer.startswith(b"\r\n"):
            raise Refused("media-type")
        end = self._buffer.find(b"\r\n\r\n")
        if max(end, 0) > HEADERS_LIMIT_BYTES or (end < 0 and len(self._buffer) > HEADERS_LIMIT_BYTES):
            raise Refused(_INVALID, part="headers")
        if end < 0:
            return False
        _check_headers(bytes(self._buffer[:end]))
        del self._buffer[: end + 2]  # the line end before the body may be that of the boundary behind an empty body
        self._begin_part()
        return True

    def _begin_part(self) -> None:
        if len(self.parts) == PARTS_MOST:
            raise Refused(_INVALID, part="number", limit=PARTS_MOST)
        self._path = self.next_path()
        self._file = self._path.open("xb")
        self._size = -2  # the line end that was left in front of the body
        self._state = "body"

    def _write(self, data: memoryview) -> None:
        assert self._file is not None
        left = max(0, min(-self._size, len(data)))
        self._size += len(data)
        if self._size <= self.limit_bytes:
            self._file.write(data[left:])

    def _end_part(self) -> None:
        assert self._file is not None
        assert self._path is not None
        too_large = self._size > self.limit_bytes
        if too_large:
            self._file.truncate(0)
        self._close()
        self.parts.append(ReceivedPart(self._path, too_large))

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _check_headers(block: bytes) -> None:
    """Headers of a part: plain, none twice, an instance in binary.

    Raises:
        Refused: ``multipart-invalid``; ``media-type`` for a part that is no DICOM instance.
    """
    headers: dict[str, str] = {}
    for line in block.decode("latin-1").split("\r\n"):
        match = _HEADER.fullmatch(line)
        if match is None or match[1].lower() in headers:
            raise Refused(_INVALID, part="headers")
        headers[match[1].lower()] = match[2].strip().lower()
    if headers.get("content-transfer-encoding", "binary") != "binary":
        raise Refused(_INVALID, part="encoding")
    if headers.get("content-type", "").partition(";")[0].strip() != DICOM:
        raise Refused("media-type")
