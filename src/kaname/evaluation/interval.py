"""Intervals that say how little a small sample knows."""

from __future__ import annotations

from math import exp, log, sqrt

from kaname.evaluation.model import Interval

Z95 = 1.959963984540054


def wilson(hits: int, n: int) -> Interval | None:
    """The 95 % score interval of Wilson for ``hits`` of ``n``, within [0, 1]; ``None`` for n = 0."""
    if n == 0:
        return None
    share, z2 = hits / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At 0 and n the interval ends exactly at the estimate; rounding must not push it past.
    return min(max(0.0, middle - half), share), max(min(1.0, middle + half), share)


def likelihood_ratio(hits: int, n: int, false: int, others: int) -> Interval | None:
    """The 95 % interval of (hits/n) / (false/others) by the log method; ``None`` where a logarithm has no value."""
    if not (hits and n and false and others):
        return None
    ratio = log(hits * others / (n * false))
    half = Z95 * sqrt(1 / hits - 1 / n + 1 / false - 1 / others)
    return exp(ratio - half), exp(ratio + half)
