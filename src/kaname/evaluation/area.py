"""The area under the ROC curve with its variance, after DeLong, DeLong and Clarke-Pearson (1988).

Computed from midranks (Sun and Xu 2014), so that it costs a sort and not every pair of cases. Ties count half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Area:
    """An area and what each case contributes to it."""

    auc: float
    of_positives: Floats
    """For each positive case, the share of negative ones that score lower."""
    of_negatives: Floats
    """For each negative case, the share of positive ones that score higher."""

    @property
    def variance(self) -> float:
        """Of the area; NaN when a class has one case only."""
        return covariance(self, self)


def area(truth: Flags, scores: Floats) -> Area:
    """The area of ``scores`` (n,) where ``truth`` (n,) has both classes."""
    positive, negative = scores[truth], scores[~truth]
    together = _midranks(np.concatenate([positive, negative]))
    of_positives = (together[: positive.size] - _midranks(positive)) / negative.size
    of_negatives = 1.0 - (together[positive.size :] - _midranks(negative)) / positive.size
    return Area(float(of_positives.mean()), of_positives, of_negatives)


def covariance(one: Area, other: Area) -> float:
    """Of two areas of the same cases; NaN when a class has one case only."""
    parts = ((one.of_positives, other.of_positives), (one.of_negatives, other.of_negatives))
    if any(a.size < 2 for a, _ in parts):  # noqa: PLR2004 -- a variance needs two
        return float("nan")
    return sum(float(((a - a.mean()) * (b - b.mean())).sum()) / (a.size - 1) / a.size for a, b in parts)


def weighted_areas(truth: Flags, scores: Floats, weights: Floats) -> Floats:
    """The area for each row of ``weights`` (rows, n): how often each case is there. NaN where a class is absent."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(scores[order]) > 0]))
    weights, truth = weights[:, order], truth[order]
    positive = np.add.reduceat(weights * truth, starts, axis=1)
    negative = np.add.reduceat(weights * ~truth, starts, axis=1)
    lower = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    won = (positive * lower).sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _midranks(values: Floats) -> Floats:
    """Ranks from 1; ties share their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]
