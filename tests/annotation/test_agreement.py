import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.annotation.agreement import Z95, agreement, agreements

LABELS = ("present", "absent", "unsure")
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=60)
Pairs = list[tuple[str, str]]


def table(*rows: tuple[int, ...]) -> Pairs:
    """The pairs of a square table of counts."""
    return [(LABELS[i], LABELS[j]) for i, row in enumerate(rows) for j, count in enumerate(row) for _ in range(count)]


def kappa_of(shares: "np.ndarray") -> float:
    """Cohen's definition, from a table of shares."""
    expected = float(shares.sum(axis=1) @ shares.sum(axis=0))
    return (float(np.trace(shares)) - expected) / (1 - expected)


def test_a_worked_example() -> None:
    """Fifty cases, 35 alike, half of that by chance: κ is 0.40 from 0.15 to 0.65."""
    found = agreement("a", "b", table((20, 5), (10, 15)))
    assert (found.cases, found.agreed, found.observed) == (50, 35, 0.7)
    assert found.kappa == pytest.approx(0.4)
    assert (found.low, found.high) == pytest.approx((0.1511, 0.6489), abs=1e-4)


@pytest.mark.parametrize("rows", [((20, 5), (10, 15)), ((88, 14, 18), (10, 40, 10), (2, 6, 12)), ((3, 1), (0, 6))])
def test_the_interval_is_that_of_the_delta_method(rows: tuple[tuple[int, ...], ...]) -> None:
    """The standard error is that of κ's derivative by each cell, worked out here by differences."""
    counts = np.array(rows, float)
    shares, step = counts / counts.sum(), 1e-6
    slopes = np.empty_like(shares)
    for cell in np.ndindex(shares.shape):
        up, down = shares.copy(), shares.copy()
        up[cell] += step
        down[cell] -= step
        slopes[cell] = (kappa_of(up) - kappa_of(down)) / (2 * step)
    spread = float((shares * slopes**2).sum() - (shares * slopes).sum() ** 2)
    half = Z95 * (spread / counts.sum()) ** 0.5
    found = agreement("a", "b", table(*rows))
    assert found.kappa == pytest.approx(kappa_of(shares))
    assert found.low == pytest.approx(max(-1, kappa_of(shares) - half), abs=1e-5)
    assert found.high == pytest.approx(min(1, kappa_of(shares) + half), abs=1e-5)


def test_one_answer_to_everything_has_no_kappa() -> None:
    """Where chance alone makes two readers agree on everything, there is nothing beyond chance to measure."""
    found = agreement("a", "b", [("absent", "absent")] * 9)
    assert (found.observed, found.kappa, found.low, found.high) == (1.0, None, None, None)


@given(PAIRS)
def test_kappa_is_symmetric_and_bounded(pairs: Pairs) -> None:
    """Which reader is called the first does not matter; 1 is reached by full agreement alone."""
    one, other = agreement("a", "b", pairs), agreement("b", "a", [(b, a) for a, b in pairs])
    assert (one.agreed, one.observed) == (other.agreed, other.observed)
    if one.kappa is None or one.low is None or one.high is None:
        return
    assert one.kappa == pytest.approx(other.kappa)
    assert -1 <= one.low <= one.kappa + 1e-12
    assert one.kappa <= one.high + 1e-12 <= 1 + 1e-12
    assert (one.kappa == pytest.approx(1)) is (one.agreed == one.cases)


def test_every_two_readers_are_compared_on_what_both_have_read() -> None:
    """Readers without a case in common are not compared."""
    found = agreements({"c": {"1": "x"}, "a": {"1": "x", "2": "y"}, "b": {"2": "x", "3": "x"}})
    assert [(pair.readers, pair.cases, pair.agreed) for pair in found] == [(("a", "b"), 1, 0), (("a", "c"), 1, 1)]


def test_nothing_in_common_is_no_agreement() -> None:
    """Without a case there is neither a share nor κ."""
    found = agreement("a", "b", [])
    assert (found.cases, found.observed, found.kappa) == (0, 0.0, None)
