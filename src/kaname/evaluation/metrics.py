"""Counts become figures. Everything is computed from whole numbers and divided once, at the end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from math import sqrt

from kaname.evaluation.interval import wilson
from kaname.evaluation.model import BinaryFigures, ClassFigures, CountTable, Figures, TwoByTwo

Pair = tuple[int, int]
"""Numerator and denominator, not reduced, so that each stays linear in every single count."""

PAIRS: Mapping[str, Callable[[TwoByTwo], Pair]] = {
    "accuracy": lambda t: (t.tp + t.tn, t.n),
    "sensitivity": lambda t: (t.tp, t.tp + t.fn),
    "recall": lambda t: (t.tp, t.tp + t.fn),
    "specificity": lambda t: (t.tn, t.tn + t.fp),
    "ppv": lambda t: (t.tp, t.tp + t.fp),
    "precision": lambda t: (t.tp, t.tp + t.fp),
    "npv": lambda t: (t.tn, t.tn + t.fn),
    "f1": lambda t: (2 * t.tp, 2 * t.tp + t.fp + t.fn),
    "lr_plus": lambda t: (t.tp * (t.fp + t.tn), (t.tp + t.fn) * t.fp),
    "lr_minus": lambda t: (t.fn * (t.fp + t.tn), (t.tp + t.fn) * t.tn),
}
"""Every figure of positive against negative that is one fraction of counts."""


def divided(pair: Pair) -> float | None:
    """The quotient, or ``None`` for a denominator of 0."""
    return pair[0] / pair[1] if pair[1] else None


def collapse(table: CountTable, positive: Collection[int]) -> TwoByTwo:
    """A square table as positive against negative; ``positive`` are column numbers from 0."""
    tp = sum(table.counts[row][column] for row in positive for column in positive)
    predicted = sum(sum(table.counts[row]) for row in positive)
    true = sum(row[column] for row in table.counts for column in positive)
    return TwoByTwo(tp, predicted - tp, true - tp, table.n - predicted - true + tp)


def against_all_others(table: CountTable) -> tuple[TwoByTwo, ...]:
    """Each class of a square table against all others, in the order of the columns."""
    n = table.n
    sums = enumerate(zip(table.row_sums, table.column_sums, strict=True))
    hits = ((table.counts[index][index], predicted, true) for index, (predicted, true) in sums)
    return tuple(TwoByTwo(tp, predicted - tp, true - tp, n - predicted - true + tp) for tp, predicted, true in hits)


def kappa(table: CountTable) -> float | None:
    """Cohen's kappa; ``None`` when both sides name one and the same class only."""
    n, hits = table.n, _hits(table)
    chance = sum(r * c for r, c in zip(table.row_sums, table.column_sums, strict=True))
    return divided((n * hits - chance, n * n - chance))


def mcc(table: CountTable) -> float | None:
    """Gorodkin's R_K, for two classes Matthews' correlation; ``None`` when one side names one class only."""
    n, hits = table.n, _hits(table)
    chance = sum(r * c for r, c in zip(table.row_sums, table.column_sums, strict=True))
    spread = (n * n - sum(r * r for r in table.row_sums)) * (n * n - sum(c * c for c in table.column_sums))
    return (n * hits - chance) / sqrt(spread) if spread else None


def figures(table: CountTable) -> Figures:
    """All figures of a square table, rows = prediction, columns = truth in the same order."""
    classes = zip(table.columns, against_all_others(table), strict=True)
    per_class = tuple(_class_figures(name, against) for name, against in classes)
    n, hits = table.n, _hits(table)
    return Figures(
        n=n,
        accuracy=divided((hits, n)),
        accuracy_ci95=wilson(hits, n),
        kappa=kappa(table),
        mcc=mcc(table),
        macro_recall=_mean([c.recall for c in per_class]),
        macro_precision=_mean([c.precision for c in per_class]),
        macro_f1=_mean([c.f1 for c in per_class]),
        weighted_f1=sum(c.n * c.f1 for c in per_class if c.f1 is not None) / n if n else None,
        per_class=per_class,
    )


def binary_figures(counts: TwoByTwo) -> BinaryFigures:
    """All figures of positive against negative."""
    table = CountTable.of(("+", "-"), ("+", "-"), ((counts.tp, counts.fp), (counts.fn, counts.tn)))
    pairs = {name: pair(counts) for name, pair in PAIRS.items()}
    return BinaryFigures(
        tp=counts.tp,
        fp=counts.fp,
        fn=counts.fn,
        tn=counts.tn,
        sensitivity=divided(pairs["sensitivity"]),
        specificity=divided(pairs["specificity"]),
        ppv=divided(pairs["ppv"]),
        npv=divided(pairs["npv"]),
        accuracy=divided(pairs["accuracy"]),
        f1=divided(pairs["f1"]),
        kappa=kappa(table),
        mcc=mcc(table),
        lr_plus=divided(pairs["lr_plus"]),
        lr_minus=divided(pairs["lr_minus"]),
        sensitivity_ci95=wilson(*pairs["sensitivity"]),
        specificity_ci95=wilson(*pairs["specificity"]),
        ppv_ci95=wilson(*pairs["ppv"]),
        npv_ci95=wilson(*pairs["npv"]),
        accuracy_ci95=wilson(*pairs["accuracy"]),
    )


def _hits(table: CountTable) -> int:
    return sum(table.counts[index][index] for index in range(len(table.rows)))


def _class_figures(name: str, against: TwoByTwo) -> ClassFigures:
    return ClassFigures(
        name=name,
        n=against.tp + against.fn,
        recall=divided(PAIRS["recall"](against)),
        precision=divided(PAIRS["precision"](against)),
        f1=divided(PAIRS["f1"](against)),
        specificity=divided(PAIRS["specificity"](against)),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
