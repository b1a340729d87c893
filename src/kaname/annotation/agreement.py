"""Do two readers agree, beyond chance? Cohen's κ with its large-sample interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import sqrt

from kaname.annotation.model import Agreement

Z95 = 1.959963984540054
"""Of the standard normal distribution, two-sided 95 %."""


def agreements(answers: Mapping[str, Mapping[str, str]]) -> tuple[Agreement, ...]:
    """The agreement of every two readers who have a case in common, by their names.

    Args:
        answers: By reader, the label of each case.
    """
    found: list[Agreement] = []
    for one, other in combinations(sorted(answers), 2):
        both = answers[one].keys() & answers[other].keys()
        if both:
            found.append(agreement(one, other, [(answers[one][case], answers[other][case]) for case in sorted(both)]))
    return tuple(found)


def agreement(one: str, other: str, pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Observed agreement and κ of two readers.

    The standard error is that of Fleiss, Cohen and Everitt (1969), equation 14; the interval is cut at -1 and 1.

    Args:
        one: First reader.
        other: Second reader.
        pairs: Their answers, case by case.
    """
    cases = len(pairs)
    if not cases:
        return Agreement((one, other), 0, 0, 0.0, None, None, None)
    agreed = sum(a == b for a, b in pairs)
    observed = agreed / cases
    cells = {pair: count / cases for pair, count in Counter(pairs).items()}
    first: dict[str, float] = {}
    second: dict[str, float] = {}
    for (a, b), share in cells.items():
        first[a] = first.get(a, 0.0) + share
        second[b] = second.get(b, 0.0) + share
    expected = sum(first[label] * second.get(label, 0.0) for label in first)
    if len({label for pair in pairs for label in pair}) == 1:
        return Agreement((one, other), cases, agreed, observed, None, None, None)
    kappa = (observed - expected) / (1 - expected)
    half = Z95 * sqrt(_variance(cells, first, second, observed, expected) / cases)
    return Agreement((one, other), cases, agreed, observed, kappa, max(-1.0, kappa - half), min(1.0, kappa + half))


def _variance(
    cells: Mapping[tuple[str, str], float],
    first: Mapping[str, float],
    second: Mapping[str, float],
    observed: float,
    expected: float,
) -> float:
    """Of κ for one case."""
    total = 0.0
    for (a, b), share in cells.items():
        if a == b:
            total += share * ((1 - expected) - (second.get(a, 0.0) + first.get(a, 0.0)) * (1 - observed)) ** 2
        else:
            total += share * (1 - observed) ** 2 * (second.get(a, 0.0) + first.get(b, 0.0)) ** 2
    total -= (observed * expected - 2 * expected + observed) ** 2
    return max(0.0, total) / (1 - expected) ** 4
