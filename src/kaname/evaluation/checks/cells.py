"""Which single count of a table, read as another number, would clear a finding and break nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kaname.evaluation.checks import collapsed, sizes, stated, totals
from kaname.evaluation.model import Facts, Finding
from kaname.evaluation.repair import Change
from kaname.evaluation.solve import FAR, Span, meet, point

SEARCHABLE_CELLS = 144
"""Twelve classes. A larger table is checked, and its repairs are left to people."""
QUESTIONS = (totals, sizes, collapsed, stated)
"""The questions about numbers that hang together."""


def findings(facts: Facts) -> Iterator[Finding]:
    """Everything that the numbers of one table and the declared numbers cannot both be."""
    for question in QUESTIONS:
        yield from question.findings(facts)


def changes(facts: Facts) -> Iterator[Change[Facts]]:
    """Every number that may be the wrong one, declared or counted, with what it would have to be."""
    if len(facts.table.rows) * len(facts.table.columns) > SEARCHABLE_CELLS:
        return
    for question in QUESTIONS:
        yield from question.changes(facts)
    failing = {finding.key for finding in findings(facts)}
    for row, row_name in enumerate(facts.table.rows):
        for column, column_name in enumerate(facts.table.columns):
            count = facts.table.counts[row][column]
            for other in sorted(_meant(facts, row, column, failing) - {count}):
                text = f"件数/count {row_name} × {column_name}: {count} → {other}"
                yield Change(text, replace(facts, table=facts.table.with_count(row, column, other)))


def _meant(facts: Facts, row: int, column: int, failing: set[tuple[str, str]]) -> set[int]:
    """Candidates for one count: where what holds now still holds, the ends of what each failing question asks for.

    Two neighbours at the lower end are enough to see that a number is not the only one.
    """
    asked: list[Span] = []
    holds: Span = (0, FAR)
    for question in QUESTIONS:
        for key, span in question.spans(facts, row, column):
            if key in failing:
                asked.append(span)
            else:
                holds = meet(holds, span)
        if holds == point(facts.table.counts[row][column]):
            return set()
    meant: set[int] = set()
    for span in asked:
        low, high = meet(holds, span)
        meant |= {value for value in (low, low + 1, high) if low <= value <= high}
    return meant
