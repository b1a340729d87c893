"""Predictions of single cases are read from CSV: one line a case, what is true of it and what a model said."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from dataclasses import dataclass
from math import isfinite

from kaname.errors import Refused
from kaname.evaluation.matrix import csv_text
from kaname.evaluation.printed import plain

LARGEST_BYTES = 64 * 2**20
DELIMITERS = ",\t;"
POSITIVE = frozenset({"1", "true", "positive", "陽性"})
NEGATIVE = frozenset({"0", "false", "negative", "陰性"})
NEEDED = ("id", "truth", "score")


@dataclass(frozen=True, slots=True)
class Predictions:
    """Cases in the order of the file."""

    truth: tuple[bool, ...]
    scores: tuple[float, ...]
    groups: tuple[str, ...]
    """The subject of each case; its own id where the file names no subjects."""


def read_predictions(data: bytes, positive: Collection[str] = ()) -> Predictions:
    """Columns ``id``, ``truth``, ``score`` and, if the file has it, ``subject``; others are left alone.

    Args:
        data: CSV in UTF-8 or CP932; comma, tab or semicolon.
        positive: Which values of ``truth`` are positive, all others being negative. When empty, ``truth`` is 1 or 0,
            true or false, positive or negative, 陽性 or 陰性.

    Raises:
        Refused: ``table-unreadable``; ``predictions-columns``; ``predictions-cell`` with the line of the file and the
            column: a truth or score that cannot be read, an empty or repeated id; ``unknown-class`` when a name in
            ``positive`` does not occur.
    """
    header, *lines = _rows(csv_text(data, LARGEST_BYTES))
    names = [plain(name).casefold() for name in header[1]]
    if any(names.count(name) != 1 for name in NEEDED) or names.count("subject") > 1:
        raise Refused("predictions-columns", columns=len(names))
    wanted = {plain(name) for name in positive}
    cases: set[str] = set()
    truth: list[bool] = []
    scores: list[float] = []
    groups: list[str] = []
    seen: set[str] = set()
    for number, cells in lines:
        if len(cells) != len(names):
            raise Refused("table-unreadable", row=number)
        row = dict(zip(names, map(plain, cells), strict=True))
        at = {name: {"row": number, "column": names.index(name) + 1} for name in names}
        if not row["id"] or row["id"] in cases:
            raise Refused("predictions-cell", **at["id"])
        group = row.get("subject", row["id"])
        if not group:
            raise Refused("predictions-cell", **at["subject"])
        score, verdict = _score(row["score"]), _truth(row["truth"], wanted)
        if score is None or verdict is None:
            raise Refused("predictions-cell", **at["truth" if verdict is None else "score"])
        cases.add(row["id"])
        seen.add(row["truth"])
        truth.append(verdict)
        scores.append(score)
        groups.append(group)
    if wanted - seen:
        raise Refused("unknown-class", positive=len(wanted - seen))
    return Predictions(tuple(truth), tuple(scores), tuple(groups))


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Lines of the file with their numbers, under the delimiter that cuts the heading most often; blank ones go."""
    heading = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise Refused("table-unreadable", row=reader.line_num) from error
    if not rows:
        raise Refused("table-unreadable", row=0)
    return rows


def _score(text: str) -> float | None:
    try:
        score = float(text)
    except ValueError:
        return None
    return score if isfinite(score) and "_" not in text else None


def _truth(text: str, positive: Collection[str]) -> bool | None:
    if positive:
        return text in positive if text else None
    word = text.casefold()
    return word in POSITIVE if word in POSITIVE | NEGATIVE else None
