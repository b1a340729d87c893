"""Which whole numbers, put in the place of one count, make a printed figure true."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor

from kaname.evaluation.metrics import Pair
from kaname.evaluation.printed import Printed

FAR = 10**15
"""Beyond any count."""

Span = tuple[int, int]
"""Least and greatest whole number that fits; none fits when the least is the greater."""

EMPTY: Span = (1, 0)


def meet(one: Span, other: Span) -> Span:
    """What fits both."""
    return max(one[0], other[0]), min(one[1], other[1])


def point(value: int) -> Span:
    """One number, if it is a count."""
    return (value, value) if value >= 0 else EMPTY


def solve(pair: Callable[[int], Pair], printed: Printed) -> Span:
    """The counts x for which ``pair(x)``, numerator and denominator both linear in x, rounds to what is printed."""
    (a, c), (a1, c1) = pair(0), pair(1)
    b, d = a1 - a, c1 - c
    low, high = printed.low, printed.high
    span = _not_negative(Fraction(c - 1), Fraction(d))  # the denominator is at least 1
    span = meet(span, _not_negative(a - low * c, b - low * d))
    return meet(span, _not_negative(high * c - a, high * d - b))


def _not_negative(constant: Fraction, slope: Fraction) -> Span:
    """The counts x with ``constant + slope * x`` of at least 0."""
    if slope == 0:
        return (0, FAR) if constant >= 0 else EMPTY
    root = -constant / slope
    return (max(0, ceil(root)), FAR) if slope > 0 else (0, min(FAR, floor(root)))
