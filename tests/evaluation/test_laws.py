from __future__ import annotations

from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.evaluation.checks import cells
from kaname.evaluation.interval import likelihood_ratio, wilson
from kaname.evaluation.metrics import binary_figures, collapse, figures
from kaname.evaluation.model import CountTable, Facts, Figures, Stated, TwoByTwo
from kaname.evaluation.printed import Printed, read_figure
from kaname.evaluation.repair import diagnose
from kaname.evaluation.solve import solve

WHOLE = ("accuracy", "kappa", "mcc", "macro_recall", "macro_precision", "macro_f1", "weighted_f1")


def square(classes: int, cells_: list[int]) -> CountTable:
    """A square table of so many classes."""
    names = [f"c{index}" for index in range(classes)]
    rows = [cells_[row * classes : (row + 1) * classes] for row in range(classes)]
    return CountTable.of(names, names, rows)


def tables(least: int = 1, largest: int = 5, *, most: int = 30) -> st.SearchStrategy[CountTable]:
    """Square tables, empty rows and columns included."""
    return st.integers(least, largest).flatmap(
        lambda k: st.builds(square, st.just(k), st.lists(st.integers(0, most), min_size=k * k, max_size=k * k))
    )


def permuted(table: CountTable, order: list[int]) -> CountTable:
    """The same table with its classes in another order on both sides."""
    names = [table.columns[index] for index in order]
    return CountTable.of(names, names, [[table.counts[row][column] for column in order] for row in order])


def values(computed: Figures) -> list[float | None]:
    """The figures of the whole."""
    return [getattr(computed, name) for name in WHOLE]


@given(tables(), st.data())
def test_the_order_of_classes_does_not_matter(table: CountTable, data: st.DataObject) -> None:
    """Figures are invariant when rows and columns are permuted together."""
    order = data.draw(st.permutations(range(len(table.columns))))
    one, other = figures(table), figures(permuted(table, list(order)))
    assert values(one) == pytest.approx(values(other))
    assert {c.name: c for c in one.per_class} == {c.name: c for c in other.per_class}


@given(tables())
def test_accuracy_is_recall_weighted_by_class(table: CountTable) -> None:
    """The weighted mean of recall is accuracy."""
    computed = figures(table)
    if table.n:
        weighted = sum(one.n * (one.recall or 0) for one in computed.per_class) / table.n
        assert computed.accuracy == pytest.approx(weighted)
    else:
        assert computed.accuracy is None


@given(tables(2, 2))
def test_the_collapse_of_two_classes_is_the_table(table: CountTable) -> None:
    """Nothing is lost between two classes and positive against negative."""
    counts = collapse(table, (0,))
    assert ((counts.tp, counts.fp), (counts.fn, counts.tn)) == table.counts
    binary, whole = binary_figures(counts), figures(table)
    assert (binary.accuracy, binary.kappa, binary.mcc) == (whole.accuracy, whole.kappa, whole.mcc)
    first, second = whole.per_class
    assert (binary.sensitivity, binary.ppv, binary.f1) == (first.recall, first.precision, first.f1)
    assert (binary.specificity, binary.npv) == (second.recall, second.precision)


@given(tables())
def test_exchanging_truth_and_prediction_exchanges_recall_and_precision(table: CountTable) -> None:
    """The transposed table has recall for precision, and the same accuracy, κ and R_K."""
    turned = CountTable.of(table.columns, table.rows, list(zip(*table.counts, strict=True)))
    one, other = figures(table), figures(turned)
    assert [(c.recall, c.precision, c.f1) for c in one.per_class] == [
        (c.precision, c.recall, c.f1) for c in other.per_class
    ]
    assert (one.accuracy, one.kappa, one.macro_f1) == (other.accuracy, other.kappa, other.macro_f1)
    assert one.mcc == pytest.approx(other.mcc)


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_wilson_holds_the_estimate_within_0_and_1(hits: int, misses: int) -> None:
    """The interval contains the share, stays within [0, 1], and narrows with ten times the cases."""
    interval = wilson(hits, hits + misses)
    if interval is None:
        assert hits + misses == 0
        return
    low, high = interval
    assert 0 <= low <= hits / (hits + misses) <= high <= 1
    more = wilson(10 * hits, 10 * (hits + misses))
    assert more is not None
    assert more[1] - more[0] < high - low


def labels(table: CountTable) -> tuple[list[int], list[int]]:
    """A table written out: one predicted and one true class a case."""
    pairs = [
        (row, column)
        for row, counts in enumerate(table.counts)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]
    return [row for row, _ in pairs], [column for _, column in pairs]


@given(tables(most=6))
def test_kappa_is_agreement_beyond_chance_case_by_case(table: CountTable) -> None:
    """κ computed from two lists of labels is the same."""
    predicted, true = labels(table)
    n, kappa = len(true), figures(table).kappa
    if not n:
        assert kappa is None
        return
    observed = sum(p == t for p, t in zip(predicted, true, strict=True)) / n
    chance = sum(p == t for p in predicted for t in true) / n**2
    if all(p == t for p in predicted for t in true):
        assert kappa is None
    else:
        assert kappa == pytest.approx((observed - chance) / (1 - chance))


@given(tables(most=6))
def test_mcc_is_the_correlation_of_indicator_vectors(table: CountTable) -> None:
    """R_K is the covariance of the one-hot labels over the product of their spreads, summed over classes."""
    predicted, true = labels(table)
    mcc = figures(table).mcc

    def covariance(one: list[int], other: list[int]) -> float:
        total = 0.0
        for k in range(len(table.columns)):
            x, y = [float(a == k) for a in one], [float(b == k) for b in other]
            mx, my = sum(x) / len(x), sum(y) / len(y)
            total += sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
        return total

    if len(set(predicted)) < 2 or len(set(true)) < 2:
        assert mcc is None
    else:
        spread = sqrt(covariance(predicted, predicted) * covariance(true, true))
        assert mcc == pytest.approx(covariance(predicted, true) / spread, abs=1e-9)


@given(st.integers(1, 500), st.integers(0, 500), st.integers(1, 500), st.integers(0, 500))
def test_the_log_interval_holds_the_likelihood_ratio(hits: int, misses: int, false: int, right: int) -> None:
    """The interval of LR+ contains LR+ and is symmetric on the logarithm."""
    interval = likelihood_ratio(hits, hits + misses, false, false + right)
    assert interval is not None
    ratio = hits * (false + right) / ((hits + misses) * false)
    assert interval[0] <= ratio * (1 + 1e-9)
    assert ratio <= interval[1] * (1 + 1e-9)
    assert interval[0] * interval[1] == pytest.approx(ratio**2)
    assert likelihood_ratio(0, 5, 1, 5) is None


@given(tables(), st.data())
def test_every_ratio_of_a_table_is_between_its_bounds(table: CountTable, data: st.DataObject) -> None:
    """Shares stay within [0, 1], κ and R_K within [-1, 1]."""
    computed = figures(table)
    for name in WHOLE:
        value = getattr(computed, name)
        assert value is None or (-1 if name in {"kappa", "mcc"} else 0) - 1e-9 <= value <= 1 + 1e-9
    positive = data.draw(st.sets(st.integers(0, len(table.columns) - 1)))
    counts = collapse(table, positive)
    assert counts.n == table.n
    assert min(counts.tp, counts.fp, counts.fn, counts.tn) >= 0


LINES = st.integers(0, 50)


@given(LINES, st.integers(0, 5), LINES, st.integers(0, 5), st.integers(0, 100), st.integers(0, 2))
def test_solving_for_a_count_is_trying_every_count(a: int, b: int, c: int, d: int, value: int, decimals: int) -> None:
    """The solved span is what a search by hand finds."""
    half = Fraction(1, 2 * 10**decimals)
    figure = Printed("", Fraction(value, 100), half, percent=False, decimals=decimals)
    low, high = solve(lambda x: (a + b * x, c + d * x), figure)
    for x in range(200):
        below = c + d * x
        assert (low <= x <= high) == (below > 0 and figure.low <= Fraction(a + b * x, max(below, 1)) <= figure.high)


@given(tables(2, 4), st.data())
def test_one_wrong_count_is_found_by_the_totals(table: CountTable, data: st.DataObject) -> None:
    """With totals of rows and columns, the one count that was misprinted is named with its right value."""
    k = len(table.columns)
    row, column = data.draw(st.integers(0, k - 1)), data.draw(st.integers(0, k - 1))
    right = table.counts[row][column]
    wrong = data.draw(st.integers(0, 60).filter(lambda count: count != right))
    printed = CountTable(
        table.rows, table.columns, table.with_count(row, column, wrong).counts, table.row_sums, table.column_sums
    )
    flags = diagnose(Facts(printed), cells.findings, cells.changes)
    assert {flag.check for flag in flags} == {"row-total", "column-total"}
    assert {flag.repair for flag in flags} == {f"件数/count c{row} × c{column}: {wrong} → {right}"}


@given(tables(2, 4), st.data())
def test_one_wrong_total_is_found_by_the_others(table: CountTable, data: st.DataObject) -> None:
    """With all totals printed, the one total that was misprinted is named with its right value."""
    row = data.draw(st.integers(0, len(table.rows) - 1))
    right = table.row_sums[row]
    wrong = data.draw(st.integers(0, 500).filter(lambda count: count != right))
    totals = (*table.row_sums[:row], wrong, *table.row_sums[row + 1 :])
    printed = CountTable(table.rows, table.columns, table.counts, totals, table.column_sums, table.n)
    (flag,) = diagnose(Facts(printed), cells.findings, cells.changes)
    assert flag.check == "row-total"
    assert flag.repair == f"合計/total 行 c{row}/row c{row}: {wrong} → {right}"


@given(tables(2, 4), st.data())
def test_a_table_agrees_with_its_own_figures(table: CountTable, data: st.DataObject) -> None:
    """Whatever is computed from the counts and declared as it is raises no flag."""
    positive = data.draw(st.integers(0, len(table.columns) - 1))
    counts = collapse(table, (positive,))
    whole, binary = figures(table), binary_figures(counts)
    stated = [stated_as(name, getattr(whole, name), binary=False) for name in WHOLE]
    stated += [stated_as(name, getattr(binary, name), binary=True) for name in ("sensitivity", "npv", "f1", "kappa")]
    facts = Facts(
        CountTable(table.rows, table.columns, table.counts, table.row_sums, table.column_sums, table.n),
        (positive,),
        table.n,
        table.column_sums,
        TwoByTwo(counts.tp, counts.fp, counts.fn, counts.tn),
        tuple(one for one in stated if one),
    )
    assert not diagnose(facts, cells.findings, cells.changes)


def stated_as(metric: str, value: float | None, *, binary: bool) -> Stated | None:
    """The figure printed with three decimals."""
    figure = read_figure(f"{value:.3f}") if value is not None else None
    return Stated(metric, metric, figure, binary=binary) if figure else None
