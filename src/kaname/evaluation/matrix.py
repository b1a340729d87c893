"""A confusion table is read from CSV as people export it, or refused with the row and column that cannot be read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import NamedTuple

from kaname.errors import Refused
from kaname.evaluation.model import CountTable
from kaname.evaluation.printed import plain, read_count

LARGEST_BYTES = 4 * 2**20
TOTALS = frozenset({"計", "合計", "総計", "total", "totals", "grandtotal"})
_DELIMITERS = ",\t;"


class _Line(NamedTuple):
    number: int
    """Line of the file, from 1."""
    cells: list[str]


def read_matrix(data: bytes) -> CountTable:
    """A square table, its rows (prediction) brought into the order of its columns (truth).

    UTF-8 with or without BOM, or CP932; comma, tab or semicolon. A row or column named 計, 合計, 総計 or total holds
    printed totals and is no class.

    Raises:
        Refused: ``table-unreadable``, ``table-not-square``, ``table-cell``; facts are numbers of rows and columns.
    """
    header, *body = _lines(csv_text(data))
    width = len(header.cells)
    names = [_name(header, column, width) for column in range(1, width)]
    rows = [_name(line, 0, width) for line in body]
    total_column, total_row = _total(names), _total(rows)
    columns = [index for index in range(len(names)) if index != total_column]
    order = _order(rows, [names[index] for index in columns], total_row)
    totals = body[total_row] if total_row is not None else None
    last = total_column + 1 if total_column is not None else None
    return CountTable(
        rows=tuple(names[index] for index in columns),
        columns=tuple(names[index] for index in columns),
        counts=tuple(tuple(_count(body[row], index + 1) for index in columns) for row in order),
        row_totals=tuple(_printed_total(body[row], last) for row in order),
        column_totals=tuple(_printed_total(totals, index + 1) for index in columns),
        grand_total=_printed_total(totals, last),
    )


def is_total(name: str) -> bool:
    """Whether a heading names a total and no class."""
    return plain(name).replace(" ", "").casefold() in TOTALS


def csv_text(data: bytes, largest_bytes: int = LARGEST_BYTES) -> str:
    """The text of a CSV file: UTF-8 with or without BOM, or CP932.

    Raises:
        Refused: ``table-unreadable``.
    """
    if len(data) > largest_bytes:
        raise Refused("table-unreadable", bytes=len(data), largest=largest_bytes)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp932")
        except UnicodeDecodeError as error:
            raise Refused("table-unreadable", byte=error.start) from error
    if "\0" in text:
        raise Refused("table-unreadable", byte=0)
    return text


def _lines(text: str) -> list[_Line]:
    """The lines under the delimiter that makes the widest rectangle, blank lines and blank last columns left out."""
    found = [lines for lines in (_parsed(text, delimiter) for delimiter in _DELIMITERS) if len(lines) > 1]
    if not found:
        raise Refused("table-unreadable")
    widest = max(found, key=_fitness)
    ragged = _ragged(widest)
    if ragged is not None:
        raise Refused("table-unreadable", row=ragged)
    if len(widest[0].cells) == 1:
        raise Refused("table-unreadable", columns=1)
    return widest


def _fitness(lines: Sequence[_Line]) -> tuple[bool, int]:
    """A rectangle of more than one column before anything else, a wide one before a narrow one."""
    width = len(lines[0].cells)
    return width > 1 and _ragged(lines) is None, width


def _parsed(text: str, delimiter: str) -> list[_Line]:
    """The lines under one delimiter; empty when its rules are broken."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [_Line(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error:
        return []
    blank = min((_blank_at_the_end(line.cells) for line in lines), default=0)
    return [_Line(line.number, line.cells[: len(line.cells) - blank]) for line in lines]


def _blank_at_the_end(cells: Sequence[str]) -> int:
    filled = [index for index, cell in enumerate(cells) if cell.strip()]
    return len(cells) - filled[-1] - 1


def _ragged(lines: Sequence[_Line]) -> int | None:
    """Line number of the first line that is not as wide as the header."""
    return next((line.number for line in lines if len(line.cells) != len(lines[0].cells)), None)


def _name(line: _Line, column: int, width: int) -> str:
    name = plain(line.cells[column])
    if not name:
        raise Refused("table-not-square", row=line.number, column=column + 1, columns=width)
    if not name.isprintable():
        raise Refused("table-unreadable", row=line.number, column=column + 1)
    return name


def _total(names: Sequence[str]) -> int | None:
    found = [index for index, name in enumerate(names) if is_total(name)]
    if len(found) > 1:
        raise Refused("table-not-square", totals=len(found))
    return found[0] if found else None


def _order(rows: Sequence[str], names: Sequence[str], total_row: int | None) -> list[int]:
    """Index of the row of each column's class. Rows that are in order already may have names that repeat."""
    classes = [index for index in range(len(rows)) if index != total_row]
    if not names or sorted(rows[index] for index in classes) != sorted(names):
        raise Refused("table-not-square", rows=len(classes), columns=len(names))
    if [rows[index] for index in classes] == list(names):
        return classes
    if len(set(names)) < len(names):
        raise Refused("table-not-square", rows=len(classes), columns=len(names), different=len(set(names)))
    return sorted(classes, key=lambda index: names.index(rows[index]))


def _count(line: _Line, column: int) -> int:
    count = read_count(line.cells[column])
    if count is None:
        raise Refused("table-cell", row=line.number, column=column + 1)
    return count


def _printed_total(line: _Line | None, column: int | None) -> int | None:
    if line is None or column is None or not line.cells[column].strip():
        return None
    return _count(line, column)
