"""Is what is said about a table of scores what the table says: best of each column, mean, least, greatest?"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from kaname.evaluation.model import Finding, Scores
from kaname.evaluation.printed import Printed


def best_of_columns(scores: Scores) -> tuple[str, ...]:
    """The row with the greatest score of each column; of equals all, joined by ``=``."""
    best: list[str] = []
    for column in zip(*scores.values, strict=True):
        greatest = max(cell.value for cell in column)
        best.append("=".join(scores.rows[i] for i, cell in enumerate(column) if cell.value == greatest))
    return tuple(best)


def mean(scores: Scores) -> Fraction:
    """Mean of all scores."""
    values = _values(scores)
    return sum(values, Fraction(0)) / len(values)


def extremes(scores: Scores) -> tuple[Fraction, Fraction]:
    """Least and greatest score."""
    values = _values(scores)
    return min(values), max(values)


def findings(scores: Scores) -> Iterator[Finding]:
    """A finding for each statement that the table contradicts."""
    found = best_of_columns(scores)
    for column, stated, names in zip(scores.columns, scores.best, found, strict=False):
        if stated not in names.split("="):
            yield _finding(scores, f"best {column}", stated, names)
    low, high = extremes(scores)
    for name, stated, value in (
        ("mean", scores.mean, mean(scores)),
        ("min", scores.low, low),
        ("max", scores.high, high),
    ):
        if stated is not None and not _near(scores, stated, value, exact=name != "mean"):
            yield _finding(scores, name, stated.text, stated.like(value))


def _near(scores: Scores, stated: Printed, value: Fraction, *, exact: bool) -> bool:
    """Whether the stated value fits; a mean may differ by the rounding of what it is the mean of."""
    rounding = Fraction(0) if exact else max(cell.half for row in scores.values for cell in row)
    return stated.low - rounding <= value <= stated.high + rounding


def _values(scores: Scores) -> list[Fraction]:
    return [cell.value for row in scores.values for cell in row]


def _finding(scores: Scores, what: str, stated: str, found: str) -> Finding:
    name = f"「{scores.name}」" if scores.name else "スコア表"
    return Finding(
        "scores",
        what,
        f"{what} {stated}",
        f"{what} {found}",
        f"{name}: {what} は {stated} ではなく {found} です。",
        f"Scores “{scores.name}”: {what} is {found}, not {stated}.",
    )
