"""Does each stated figure follow from the counts?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import islice

from kaname.evaluation import metrics
from kaname.evaluation.metrics import PAIRS, Pair, collapse
from kaname.evaluation.model import CountTable, Facts, Finding, Stated, TwoByTwo
from kaname.evaluation.names import WORDS
from kaname.evaluation.printed import Printed
from kaname.evaluation.repair import Change
from kaname.evaluation.solve import Span, meet, solve

Key = tuple[str, str]
_TWO_CLASSES = 2
_LARGEST_COLUMN = 5_000
_LISTED = 5
_NO_SHARE = ("f1", "lr_plus", "lr_minus")
_CLASS_READINGS = ("recall", "precision", "specificity", "f1")
_TABLE_READINGS = ("accuracy", "macro_recall", "macro_precision", "macro_f1", "weighted_f1")
_BINARY_READINGS = ("accuracy", "sensitivity", "specificity", "ppv", "npv", "f1")


def findings(facts: Facts) -> Iterator[Finding]:
    """A finding for each stated figure that the counts do not give under the rounding it was printed with."""
    for index in _untrue(facts):
        yield _finding(facts, facts.stated[index], index)


def changes(facts: Facts) -> Iterator[Change[Facts]]:
    """Each wrong figure as the counts have it; and other tables of the same columns that would do."""
    for index in _untrue(facts):
        stated = facts.stated[index]
        value = value_of(facts, stated) if stated.metric else None
        if value is None or not (_is_pair(facts, stated) or _pinned(facts)):
            continue
        printed = replace(stated.value, text=stated.value.like(value), value=Fraction(value))
        meant = (*facts.stated[:index], replace(stated, value=printed), *facts.stated[index + 1 :])
        yield Change(f"{_name(stated)}: {stated.value.text} → {printed.text}", replace(facts, stated=meant))
    for table in islice(same_columns(facts), 2):
        yield Change(_shown(table), replace(facts, table=table), single=False)


def spans(facts: Facts, row: int, column: int) -> Iterator[tuple[Key, Span]]:
    """What each stated fraction asks of one count of the table."""

    def pair(stated: Stated, count: int) -> Pair:
        return _pair(replace(facts, table=facts.table.with_count(row, column, count)), stated)

    for index, stated in enumerate(facts.stated):
        if _is_pair(facts, stated):
            yield ("stated-metric", str(index)), solve(partial(pair, stated), stated.value)


def same_columns(facts: Facts) -> Iterator[CountTable]:
    """Other two-by-two tables with the same column sums (the same truth) under which every stated figure is true."""
    table, solvable = facts.table, [stated for stated in facts.stated if _is_pair(facts, stated)]
    if len(table.columns) != _TWO_CLASSES or not solvable or max(table.column_sums) > _LARGEST_COLUMN:
        return
    first, second = table.column_sums

    def with_hits(hits: int, others: int) -> Facts:
        return replace(facts, table=replace(table, counts=((hits, second - others), (first - hits, others))))

    def pair(stated: Stated, hits: int, others: int) -> Pair:
        return _pair(with_hits(hits, others), stated)

    for hits in range(first + 1):
        span = (0, second)
        for stated in solvable:
            span = meet(span, solve(partial(pair, stated, hits), stated.value))
        for others in range(span[0], span[1] + 1):
            other = with_hits(hits, others)
            if other.table != table and next(_untrue(other), None) is None:
                yield other.table


def other_tables(facts: Facts) -> tuple[str, str]:
    """A Japanese and an English sentence that name the tables of :func:`same_columns`; empty when there are none."""
    tables = list(islice(same_columns(facts), _LISTED + 1))
    if not tables:
        return "", ""
    listed = "; ".join(_shown(table) for table in tables[:_LISTED]) + ("; …" if len(tables) > _LISTED else "")
    number = f"{_LISTED}+" if len(tables) > _LISTED else str(len(tables))
    return (
        f"列の合計が同じで印刷値に合う表は {number} 通りあります: {listed}。",
        f" {number} table(s) with the same column sums would fit: {listed}.",
    )


def readings(facts: Facts, stated: Stated) -> tuple[Stated, ...]:
    """What a stated figure may mean: itself, or every figure that an ambiguous name may stand for."""
    if stated.metric:
        return (stated,)
    if stated.class_name:
        return tuple(replace(stated, metric=metric) for metric in _CLASS_READINGS)
    table = () if stated.binary else tuple(replace(stated, metric=metric) for metric in _TABLE_READINGS)
    if two_by_two(facts, replace(stated, binary=True)) is None:
        return table
    return (*table, *(replace(stated, metric=metric, binary=True) for metric in _BINARY_READINGS))


def value_of(facts: Facts, stated: Stated) -> Fraction | float | None:
    """The stated metric by the counts; ``None`` for a division by zero."""
    if _is_pair(facts, stated):
        numerator, denominator = _pair(facts, stated)
        return Fraction(numerator, denominator) if denominator else None
    counts = two_by_two(facts, stated)
    if counts is not None:
        figure: float | None = getattr(metrics.binary_figures(counts), stated.metric)
        return figure
    whole: float | None = getattr(metrics.figures(facts.table), stated.metric)
    return whole


def fits(printed: Printed, value: Fraction | float | None) -> bool:
    """Whether there is a value and it rounds to what was printed."""
    return value is not None and printed.fits(value)


def two_by_two(facts: Facts, stated: Stated) -> TwoByTwo | None:
    """The two-by-two table a figure is said of; ``None`` when it is said of the whole, or positives are unknown."""
    if stated.class_name:
        return collapse(facts.table, (facts.table.columns.index(stated.class_name),))
    if not stated.binary:
        return None
    return collapse(facts.table, facts.positive) if facts.positive else facts.binary


def _untrue(facts: Facts) -> Iterator[int]:
    for index, stated in enumerate(facts.stated):
        if not any(fits(stated.value, value_of(facts, reading)) for reading in readings(facts, stated)):
            yield index


def _is_pair(facts: Facts, stated: Stated) -> bool:
    """Whether the metric is one fraction, linear in each count."""
    return stated.metric in PAIRS if two_by_two(facts, stated) is not None else stated.metric == "accuracy"


def _pair(facts: Facts, stated: Stated) -> Pair:
    counts = two_by_two(facts, stated)
    if counts is not None:
        return PAIRS[stated.metric](counts)
    return sum(facts.table.counts[index][index] for index in range(len(facts.table.rows))), facts.table.n


def _pinned(facts: Facts) -> bool:
    """Whether the number of cases is confirmed, so that no single count can change unnoticed."""
    return facts.table.n in {facts.n, facts.table.grand_total, facts.binary.n if facts.binary else None}


def _finding(facts: Facts, stated: Stated, index: int) -> Finding:
    meant = readings(facts, stated)[0]
    value = value_of(facts, meant)
    by_counts = "a/0" if value is None else stated.value.like(value)
    ja, en = _as_count(facts, meant)
    return Finding(
        "stated-metric",
        str(index),
        f"{stated.name} {stated.value.text}",
        f"{_name(meant)} {by_counts}",
        f"「{stated.name}」{stated.value.text} は件数からは導けません。件数からは {by_counts} です。{ja}",
        f"The stated {_name(meant).rpartition('/')[2]} of {stated.value.text} does not follow from the counts, "
        f"which give {by_counts}.{en}",
    )


def _as_count(facts: Facts, stated: Stated) -> tuple[str, str]:
    """What the stated share would be in cases, where one number of cases fits."""
    if not _is_pair(facts, stated) or stated.metric in _NO_SHARE:
        return "", ""
    whole = _pair(facts, stated)[1]
    low, high = solve(lambda x: (x, whole), stated.value) if whole else (1, 0)
    if low != high:
        return "", ""
    return f"印刷値は {low}/{whole} に当たります。", f" The printed value would be {low}/{whole}."


def _shown(table: CountTable) -> str:
    return " / ".join(", ".join(map(str, row)) for row in table.counts)


def _name(stated: Stated) -> str:
    ja, en = WORDS[stated.metric]
    return f"{stated.class_name + ' ' if stated.class_name else ''}{ja.partition('/')[0]}/{en}"
