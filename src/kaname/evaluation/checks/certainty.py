"""Which figures a small table cannot give: intervals too wide to say much, and divisions by zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from kaname.evaluation.interval import wilson
from kaname.evaluation.model import BinaryFigures, ClassFigures, Figures, Finding, Interval
from kaname.evaluation.names import WORDS

WIDEST = 0.20
"""A 95 % interval wider than this is flagged: the figure is known to ten points either way at best."""
_TWO_CLASSES = 2


def wide(figures: Figures, binary: BinaryFigures | None) -> Iterator[Finding]:
    """A finding for accuracy, each class's recall, and sensitivity and specificity, where the interval is wide."""
    yield from _wide("accuracy", "", figures.accuracy_ci95, figures.n)
    for number, one in enumerate(figures.per_class):
        interval = wilson(round((one.recall or 0) * one.n), one.n)
        yield from _wide("recall", one.name, interval, one.n, where=str(number))
    if binary is not None and len(figures.per_class) > _TWO_CLASSES:
        yield from _wide("sensitivity", "", binary.sensitivity_ci95, binary.tp + binary.fn)
        yield from _wide("specificity", "", binary.specificity_ci95, binary.fp + binary.tn)


def undefined(figures: Figures | ClassFigures | BinaryFigures, where: str = "") -> Iterator[Finding]:
    """A finding for each figure that is a division by zero, or a mean over one."""
    name = f"{figures.name} " if isinstance(figures, ClassFigures) else ""
    for field in fields(figures):
        if field.name in WORDS and getattr(figures, field.name) is None:
            ja, en = WORDS[field.name]
            yield Finding(
                "undefined-ratio",
                f"{where}.{field.name}",
                "a/b, b > 0",
                "a/0",
                f"{name}{ja}は分母が0のため計算できません(空欄とし、0とはしません)。",
                f"{name}{en} has a denominator of 0: left empty, not 0.",
            )


def _wide(metric: str, name: str, interval: Interval | None, n: int, *, where: str = "") -> Iterator[Finding]:
    if interval is None or interval[1] - interval[0] <= WIDEST:
        return
    ja, en = WORDS[metric]
    low, high = interval
    label = f"{name} " if name else ""
    yield Finding(
        "interval-width",
        f"{metric}.{where}",
        f"≤ {WIDEST:.2f}",
        f"{label}{en} {high - low:.2f} (n = {n:,})",
        f"{label}{ja}の95%信頼区間は {low:.3f}–{high:.3f} と広く、n = {n:,} では確かなことが言えません。",
        f"The 95 % interval of {label}{en} is wide, {low:.3f}–{high:.3f}: n = {n:,} says little.",
    )
