"""Which classes, taken as positive, turn a multi-class table into a given two-by-two table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from kaname.evaluation.metrics import collapse
from kaname.evaluation.model import CountTable, TwoByTwo

SEARCHABLE_CLASSES = 16
"""65,536 subsets at most."""


def subsets(classes: int) -> Iterator[tuple[int, ...]]:
    """Every choice of positive classes, small ones first, without none and all."""
    for size in range(1, classes):
        yield from combinations(range(classes), size)


def matching(table: CountTable, binary: TwoByTwo) -> Iterator[tuple[int, ...]]:
    """The choices whose collapse is exactly ``binary``; a table of more than 16 classes has to be told them."""
    if table.n != binary.n or len(table.columns) > SEARCHABLE_CLASSES:
        return
    true = table.column_sums
    for positive in subsets(len(true)):
        if sum(true[index] for index in positive) == binary.tp + binary.fn and collapse(table, positive) == binary:
            yield positive


def nearest(table: CountTable, binary: TwoByTwo) -> tuple[int, ...]:
    """The choice whose collapse differs least, counted in cases, from ``binary``."""
    return min(subsets(len(table.columns)), key=lambda positive: _distance(collapse(table, positive), binary))


def _distance(one: TwoByTwo, other: TwoByTwo) -> int:
    return abs(one.tp - other.tp) + abs(one.fp - other.fp) + abs(one.fn - other.fn) + abs(one.tn - other.tn)
