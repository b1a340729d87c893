"""A score meets the truth: area, threshold, figures at the threshold, calibration; and two scores meet on one set.

Intervals come twice: by formulas that take each case as independent (DeLong, Wilson), and by a bootstrap over groups.
With several images of one subject the second is the honest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, isfinite, sqrt
from typing import TYPE_CHECKING

from kaname.errors import Refused
from kaname.evaluation.interval import Z95
from kaname.evaluation.metrics import binary_figures
from kaname.evaluation.model import Interval, TwoByTwo
from kaname.evaluation.scored import Assessment, Calibration, CalibrationBin, Comparison, RocPoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kaname.evaluation.area import Flags, Floats

BINS = 10


def assess(truth: Sequence[bool], scores: Sequence[float], groups: Sequence[str], *, threshold: float) -> Assessment:
    """Judges one score.

    Args:
        truth: Whether each case is positive.
        scores: The score of each case; higher means more likely positive.
        groups: The subject of each case; a case that stands alone has a name of its own.
        threshold: Scores from here on count as positive. Choose it on other cases (:func:`best_threshold`).

    Raises:
        Refused: ``predictions-invalid`` when the lengths differ, a score is no finite number or there is none;
            ``predictions-one-class`` when all cases are positive or none is.
    """
    from kaname.evaluation.area import area, weighted_areas
    from kaname.evaluation.resample import interval_by_group

    flags, values = _checked(truth, scores, groups)
    found = area(flags, values)
    called = values >= threshold
    tp, fp = int((called & flags).sum()), int((called & ~flags).sum())
    positives = int(flags.sum())
    counts = TwoByTwo(tp, fp, positives - tp, len(values) - positives - fp)
    return Assessment(
        n=len(values),
        positives=positives,
        groups=len(set(groups)),
        auc=found.auc,
        auc_ci95=_normal(found.auc, found.variance, 0.0),
        auc_ci95_by_group=interval_by_group(groups, lambda weights: weighted_areas(flags, values, weights)),
        threshold=float(threshold),
        binary=binary_figures(counts),
        sensitivity_ci95_by_group=interval_by_group(groups, lambda weights: _share(weights, called, flags)),
        specificity_ci95_by_group=interval_by_group(groups, lambda weights: _share(weights, ~called, ~flags)),
        calibration=_calibration(flags, values),
        roc=_roc(flags, values),
    )


def compare(
    truth: Sequence[bool], first: Sequence[float], second: Sequence[float], groups: Sequence[str]
) -> Comparison:
    """Whether the second score orders the same cases better than the first.

    Raises:
        Refused: as :func:`assess`.
    """
    from kaname.evaluation.area import area, covariance, weighted_areas
    from kaname.evaluation.resample import interval_by_group

    flags, one = _checked(truth, first, groups)
    _, two = _checked(truth, second, groups)
    a, b = area(flags, one), area(flags, two)
    variance = a.variance + b.variance - 2 * covariance(a, b)
    interval = _normal(b.auc - a.auc, variance, -1.0)
    return Comparison(
        n=len(one),
        positives=int(flags.sum()),
        groups=len(set(groups)),
        first_auc=a.auc,
        second_auc=b.auc,
        difference=b.auc - a.auc,
        difference_ci95=interval,
        p_value=erfc(abs(b.auc - a.auc) / sqrt(2 * variance)) if interval else None,
        difference_ci95_by_group=interval_by_group(
            groups, lambda weights: weighted_areas(flags, two, weights) - weighted_areas(flags, one, weights)
        ),
    )


def best_threshold(truth: Sequence[bool], scores: Sequence[float]) -> float:
    """The threshold with the greatest Youden index (sensitivity + specificity - 1).

    It lies half-way to the next lower score, so that new cases may score a little less than those seen here. Of several
    equally good ones the lowest is taken: it misses fewer positives.

    Raises:
        Refused: as :func:`assess`.
    """
    flags, values = _checked(truth, scores, scores)
    corners = _roc(flags, values, corners=False)
    best = max(point.true_positive_rate - point.false_positive_rate for point in corners)
    near = [p for p in corners if p.true_positive_rate - p.false_positive_rate > best - 1e-12]
    chosen = near[-1].threshold
    if chosen is None:  # no threshold is better than calling nothing positive
        return float(values.max()) + 1.0
    lower = values[values < chosen]
    return (chosen + float(lower.max())) / 2 if lower.size else chosen


def _checked(truth: Sequence[bool], scores: Sequence[float], groups: Sequence[object]) -> tuple[Flags, Floats]:
    import numpy as np

    if not len(truth) == len(scores) == len(groups) or not len(truth):
        raise Refused("predictions-invalid", truth=len(truth), scores=len(scores), groups=len(groups))
    wrong = next((number for number, score in enumerate(scores, 1) if not isfinite(score)), 0)
    if wrong:
        raise Refused("predictions-invalid", case=wrong)
    flags = np.asarray(truth, dtype=np.bool_)
    if flags.all() or not flags.any():
        raise Refused("predictions-one-class", n=len(truth))
    return flags, np.asarray(scores, dtype=np.float64)


def _normal(estimate: float, variance: float, lowest: float) -> Interval | None:
    """The 95 % normal interval, within [lowest, 1]; ``None`` for a variance that is 0 (to rounding) or undefined."""
    if not variance > 1e-15:  # noqa: PLR2004 -- what rounding leaves of 0
        return None
    half = Z95 * sqrt(variance)
    return max(lowest, estimate - half), min(1.0, estimate + half)


def _share(weights: Floats, hit: Flags, among: Flags) -> Floats:
    """The weighted share of ``among`` that is ``hit``, for each row of weights."""
    import numpy as np

    of = weights @ among
    return np.divide(weights @ (hit & among), of, out=np.full(len(weights), np.nan), where=of > 0)


def _roc(truth: Flags, scores: Floats, *, corners: bool = True) -> tuple[RocPoint, ...]:
    import numpy as np

    thresholds, inverse = np.unique(scores, return_inverse=True)
    positive = np.bincount(inverse[truth], minlength=thresholds.size)[::-1].cumsum()
    negative = np.bincount(inverse[~truth], minlength=thresholds.size)[::-1].cumsum()
    points = [(0, 0), *zip(negative.tolist(), positive.tolist(), strict=True)]
    kept = [i for i in range(len(points)) if not (corners and _is_between(points, i))]
    return tuple(
        RocPoint(
            float(thresholds[-i]) if i else None,
            points[i][0] / int(negative[-1]),
            points[i][1] / int(positive[-1]),
        )
        for i in kept
    )


def _is_between(points: Sequence[tuple[int, int]], i: int) -> bool:
    """Whether a point lies on the straight line between its neighbours."""
    if i in {0, len(points) - 1}:
        return False
    (x0, y0), (x1, y1), (x2, y2) = points[i - 1 : i + 2]
    return (x1 - x0) * (y2 - y1) == (x2 - x1) * (y1 - y0)


def _calibration(truth: Flags, scores: Floats) -> Calibration | None:
    import numpy as np

    if scores.min() < 0 or scores.max() > 1:
        return None
    place: NDArray[np.intp] = np.minimum((scores * BINS).astype(np.intp), BINS - 1)
    bins: list[CalibrationBin] = []
    for number in np.unique(place).tolist():
        inside = place == number
        mean, share = float(scores[inside].mean()), float(truth[inside].mean())
        bins.append(CalibrationBin(number / BINS, (number + 1) / BINS, int(inside.sum()), mean, share))
    ece = sum(one.n * abs(one.share_positive - one.mean_score) for one in bins) / len(scores)
    return Calibration(float(np.mean((scores - truth) ** 2)), ece, tuple(bins))
