"""Do recall, precision and F of a pipeline's stages hang together?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

from kaname.evaluation.model import Finding, Stage


def f_bounds(stage: Stage) -> tuple[Fraction, Fraction]:
    """Least and greatest F = 2PR/(P+R) of all recalls and precisions that round to the printed ones."""
    return _f(stage.precision.low, stage.recall.low), _f(stage.precision.high, stage.recall.high)


def f_value(stage: Stage) -> Fraction:
    """F = 2PR/(P+R) of the printed values themselves."""
    return _f(stage.precision.value, stage.recall.value)


def findings(stages: Sequence[Stage]) -> Iterator[Finding]:
    """A finding for an F that does not follow, and for a filter after which recall is higher than before it."""
    for number, stage in enumerate(stages, 1):
        low, high = f_bounds(stage)
        if stage.f1 is not None and not (low <= stage.f1.high and stage.f1.low <= high):
            meant = stage.f1.like(f_value(stage))
            yield Finding(
                "f-value",
                str(number),
                stage.f1.text,
                meant,
                f"「{stage.name}」のF値 {stage.f1.text} は感度/再現率と適合率からは導けません。{meant} です。",
                f"The F of “{stage.name}”, {stage.f1.text}, does not follow from recall and precision: {meant}.",
            )
    for number, (before, after) in enumerate(pairwise(stages), 2):
        if after.recall.low > before.recall.high:
            yield Finding(
                "filter-recall",
                str(number),
                f"≤ {before.recall.text}",
                after.recall.text,
                f"「{after.name}」は前段の候補を絞るだけなので、感度/再現率は {before.recall.text} を超えません。",
                f"“{after.name}” only filters what the stage before proposed: its recall cannot exceed "
                f"{before.recall.text}.",
            )


def _f(precision: Fraction, recall: Fraction) -> Fraction:
    precision, recall = max(precision, Fraction(0)), max(recall, Fraction(0))
    return 2 * precision * recall / (precision + recall) if precision + recall else Fraction(0)
