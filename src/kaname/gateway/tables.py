"""Tables of the hospital as they come: CSV in UTF-8 or CP932, read strictly, whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kaname.errors import NotYet, Refused

LIMIT_BYTES = 256 << 20
_CODECS = ("utf-8-sig", "cp932")


@dataclass(frozen=True, slots=True)
class HospitalTable:
    """Headings and rows of one table. Holds identity: stays in the gateway, and is not printed."""

    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        return "HospitalTable(…)"

    def rows(self) -> Iterator[dict[str, str]]:
        """Each row by heading."""
        return (dict(zip(self.headings, line, strict=True)) for line in self.lines)


def read_table(path: Path) -> HospitalTable:
    """Reads a CSV file with one line of headings.

    Raises:
        Refused: ``record-table`` with the number of the ``line`` when a line has more or fewer cells than there are
            headings, two headings are the same, or it is no CSV in UTF-8 or CP932; ``too-large``; ``empty-file``.
        NotYet: ``unreadable-file``.
    """
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise Refused("too-large", limit_bytes=LIMIT_BYTES)
        data = path.read_bytes()
    except OSError as error:
        raise NotYet("unreadable-file") from error
    text = _text(data)
    if not text.strip():
        raise Refused("empty-file")
    lines = _lines(text)
    headings = tuple(heading.strip() for heading in lines[0])
    if len(set(headings)) != len(headings):
        raise Refused("record-table", line=1)
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(headings):
            raise Refused("record-table", line=number)
    return HospitalTable(headings, tuple(lines[1:]))


def _text(data: bytes) -> str:
    for codec in _CODECS:
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    raise Refused("record-table", line=0)


def _lines(text: str) -> list[tuple[str, ...]]:
    """Every line that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return [tuple(line) for line in reader if line]
    except csv.Error as error:
        raise Refused("record-table", line=reader.line_num) from error
