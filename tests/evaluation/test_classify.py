"""Scores against truth: published examples, the definitions, and what the intervals must not promise."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.errors import Refused
from kaname.evaluation import classify
from kaname.evaluation.area import area, covariance, weighted_areas
from kaname.evaluation.assessed import assessment_json, assessment_text, comparison_text
from kaname.evaluation.classify import assess, best_threshold, compare
from kaname.evaluation.interval import wilson

NORMAL = (33, 6, 6, 11, 2)
ABNORMAL = (3, 2, 2, 11, 33)
"""Hanley and McNeil, Radiology 143 (1982), table I: 58 normal and 51 abnormal CT images, rated from 1 to 5."""
BRIER = ((0.7, 0), (0.9, 1), (0.8, 1), (0.4, 1), (0.2, 0), (0.0, 0), (0.0, 0), (0.0, 0), (0.0, 0), (0.1, 0))
"""Brier, Monthly Weather Review 78 (1950), table 1: ten forecasts of rain."""


def ratings() -> tuple[list[bool], list[float]]:
    """The CT ratings, case by case."""
    truth: list[bool] = []
    scores: list[float] = []
    for rating, (normal, abnormal) in enumerate(zip(NORMAL, ABNORMAL, strict=True), 1):
        truth += [False] * normal + [True] * abnormal
        scores += [float(rating)] * (normal + abnormal)
    return truth, scores


def alone(n: int) -> list[str]:
    """Cases that are independent of each other."""
    return [str(number) for number in range(n)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[bool], list[float], list[float]]:
    """Truth with both classes, and two scores with ties."""
    n = draw(st.integers(4, 30))
    truth = [True, True, False, False, *draw(st.lists(st.booleans(), min_size=n - 4, max_size=n - 4))]
    score = st.lists(st.integers(0, 6).map(lambda value: value / 4), min_size=n, max_size=n)
    return truth, draw(score), draw(score)


def test_the_area_of_the_published_ratings() -> None:
    """0.8932 with standard error 0.0307 and 95 % interval 0.83295-0.95339, as the manual of Stata prints it."""
    truth, scores = ratings()
    found = assess(truth, scores, alone(len(truth)), threshold=best_threshold(truth, scores))
    assert found.auc == pytest.approx(0.8932, abs=5e-5)
    assert math.sqrt(area(np.array(truth), np.array(scores)).variance) == pytest.approx(0.0307, abs=5e-5)
    assert found.auc_ci95 == (pytest.approx(0.83295, abs=5e-6), pytest.approx(0.95339, abs=5e-6))
    assert found.threshold == 3.5
    assert (found.binary.tp, found.binary.fp, found.binary.fn, found.binary.tn) == (44, 13, 7, 45)
    assert found.calibration is None, "ratings from 1 to 5 are no probabilities"


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_newcombe_printed_it(hits: int, n: int, low: float, high: float) -> None:
    """The score intervals of Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    assert wilson(hits, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_score_of_brier_is_his_own() -> None:
    """His P = 0.19 sums over rain and no rain; ours looks at rain alone and is half of that."""
    scores, truth = zip(*BRIER, strict=True)
    found = assess([bool(one) for one in truth], scores, alone(10), threshold=0.5).calibration
    assert found is not None
    assert found.brier == pytest.approx(0.19 / 2)


def test_calibration_is_counted_by_tenths() -> None:
    """Two cases at 0.25, one of them true, and two at 1.0, both true: the error is half of 0.25."""
    found = assess([True, False, True, True], [0.25, 0.25, 1.0, 1.0], alone(4), threshold=0.5).calibration
    assert found is not None
    assert [(one.low, one.high, one.n, one.share_positive) for one in found.bins] == [
        (0.2, 0.3, 2, 0.5),
        (0.9, 1, 2, 1),
    ]
    assert found.ece == pytest.approx(0.125)


@given(cases())
def test_the_area_is_the_share_of_pairs_in_order(drawn: tuple[list[bool], list[float], list[float]]) -> None:
    """By definition: of all pairs of a positive and a negative case, how many score in order, ties half."""
    truth, scores, _ = drawn
    positive = [s for s, t in zip(scores, truth, strict=True) if t]
    negative = [s for s, t in zip(scores, truth, strict=True) if not t]
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    found = area(np.array(truth), np.array(scores))
    assert found.auc == pytest.approx(sum(pairs) / len(pairs))
    weights = np.ones((1, len(truth)))
    assert weighted_areas(np.array(truth), np.array(scores), weights)[0] == pytest.approx(found.auc)
    steps = pairwise(classify._roc(np.array(truth), np.array(scores)))
    trapezes = [
        (b.false_positive_rate - a.false_positive_rate) * (a.true_positive_rate + b.true_positive_rate) / 2
        for a, b in steps
    ]
    assert sum(trapezes) == pytest.approx(found.auc)


@given(cases())
def test_the_covariance_is_that_of_the_structural_components(
    drawn: tuple[list[bool], list[float], list[float]],
) -> None:
    """As DeLong, DeLong and Clarke-Pearson (1988) define it: from every case's placement among the other class."""
    truth, first, second = drawn

    def placements(scores: list[float], *, of: bool) -> list[float]:
        mine = [s for s, t in zip(scores, truth, strict=True) if t is of]
        others = [s for s, t in zip(scores, truth, strict=True) if t is not of]
        sign = 1 if of else -1
        return [sum((sign * (m - o) > 0) + (m == o) / 2 for o in others) / len(others) for m in mine]

    expected = 0.0
    for of in (True, False):
        a, b = placements(first, of=of), placements(second, of=of)
        expected += float(np.cov(a, b)[0, 1]) / len(a)
    one, two = area(np.array(truth), np.array(first)), area(np.array(truth), np.array(second))
    assert covariance(one, two) == pytest.approx(expected, abs=1e-12)


@given(cases())
def test_weights_count_cases(drawn: tuple[list[bool], list[float], list[float]]) -> None:
    """A case of weight 2 is the case twice."""
    truth, scores, _ = drawn
    weights = np.array([[1.0 + number % 3 for number in range(len(truth))]])
    times = weights[0].astype(int)
    repeated = area(np.repeat(truth, times), np.repeat(scores, times))
    assert weighted_areas(np.array(truth), np.array(scores), weights)[0] == pytest.approx(repeated.auc)


def test_alike_images_of_one_subject_are_no_more_evidence() -> None:
    """Ten copies of every image narrow DeLong's interval and leave the one by subject as it was."""
    truth, scores = ratings()
    once = assess(truth, scores, alone(len(truth)), threshold=3.5)
    copies = assess(truth * 10, scores * 10, alone(len(truth)) * 10, threshold=3.5)
    assert once.auc_ci95 is not None
    assert copies.auc_ci95 is not None
    assert copies.auc_ci95[0] > once.auc_ci95[0] + 0.03
    assert copies.auc_ci95_by_group == pytest.approx(once.auc_ci95_by_group)
    assert copies.groups == once.groups == 109


def test_the_same_predictions_have_the_same_interval() -> None:
    """The bootstrap has a fixed seed."""
    truth, scores = ratings()
    first, second = (assess(truth, scores, alone(len(truth)), threshold=3.5) for _ in range(2))
    assert first == second


def test_perfect_separation_promises_nothing() -> None:
    """An interval of no width would say that the area is known exactly."""
    found = assess([False, False, True, True], [0.1, 0.2, 0.8, 0.9], alone(4), threshold=0.5)
    assert (found.auc, found.auc_ci95) == (1.0, None)
    assert compare([False, True], [0.1, 0.2], [0.1, 0.2], alone(2)).p_value is None


def test_one_subject_has_no_interval_by_subject() -> None:
    """Drawing the same subject again says nothing about others."""
    found = assess([False, True, True], [0.1, 0.2, 0.3], ["a", "a", "a"], threshold=0.5)
    assert found.auc_ci95_by_group is None
    assert found.sensitivity_ci95_by_group is None


def test_the_threshold_lies_between_the_classes() -> None:
    """Half-way down to the next score, and the lowest of equally good ones."""
    assert best_threshold([False, False, True, True], [0.1, 0.2, 0.8, 0.9]) == pytest.approx(0.5)
    assert best_threshold([True, True, False], [0.4, 0.6, 0.4]) == pytest.approx(0.5)
    assert best_threshold([False, True], [0.9, 0.1]) < 0.9, "both are called positive"


def test_a_better_score_is_found_better() -> None:
    """A paired comparison tells a score from its noisy copy, and finds nothing where there is nothing."""
    random = np.random.Generator(np.random.PCG64(1))
    truth = [bool(number % 2) for number in range(300)]
    good = [float(is_true) + random.normal(0, 0.8) for is_true in truth]
    noisy = [score + random.normal(0, 1.5) for score in good]
    groups = [str(number // 3) for number in range(300)]
    found = compare(truth, noisy, good, groups)
    assert found.difference == pytest.approx(found.second_auc - found.first_auc)
    assert found.difference_ci95 is not None
    assert found.difference_ci95_by_group is not None
    assert 0 < found.difference_ci95[0] < found.difference < found.difference_ci95[1]
    assert found.difference_ci95_by_group[0] > 0
    assert found.p_value is not None
    assert found.p_value < 0.001
    back = compare(truth, good, noisy, groups)
    assert back.difference == pytest.approx(-found.difference)
    assert back.p_value == pytest.approx(found.p_value)
    same = compare(truth, good, [score * 2 for score in good], groups)
    assert (same.difference, same.difference_ci95, same.p_value) == (0.0, None, None)


@pytest.mark.parametrize(
    ("truth", "scores", "groups", "code"),
    [
        ([], [], [], "predictions-invalid"),
        ([True, False], [0.1], ["a", "b"], "predictions-invalid"),
        ([True, False], [0.1, 0.2], ["a"], "predictions-invalid"),
        ([True, False], [0.1, math.nan], ["a", "b"], "predictions-invalid"),
        ([True, False], [math.inf, 0.1], ["a", "b"], "predictions-invalid"),
        ([True, True], [0.1, 0.2], ["a", "b"], "predictions-one-class"),
    ],
)
def test_what_cannot_be_judged_is_refused(truth: list[bool], scores: list[float], groups: list[str], code: str) -> None:
    """Lengths that differ, scores that are no numbers, one class alone."""
    with pytest.raises(Refused, match=code):
        assess(truth, scores, groups, threshold=0.5)


def test_an_assessment_is_json_and_text() -> None:
    """Every field is plain JSON; the text is in both languages."""
    truth, scores = ratings()
    found = assess(truth, scores, alone(len(truth)), threshold=3.5)
    plain = assessment_json(found)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert "感度 / sensitivity" in assessment_text(found)
    assert "by subject" in comparison_text(compare(truth, scores, scores, alone(len(truth))))
