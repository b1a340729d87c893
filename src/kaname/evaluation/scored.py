"""What comes out when scores meet truth. Nothing here can be changed once it is made; all of it is plain JSON."""

from __future__ import annotations

from dataclasses import dataclass

from kaname.evaluation.model import BinaryFigures, Interval


@dataclass(frozen=True, slots=True)
class RocPoint:
    """One corner of the ROC curve: what calling every score from ``threshold`` on positive would give."""

    threshold: float | None
    """``None`` at the origin, where nothing is called positive."""
    false_positive_rate: float
    true_positive_rate: float


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Cases whose score lies in [low, high) (the last bin: up to and with 1)."""

    low: float
    high: float
    n: int
    mean_score: float
    share_positive: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether a score means what it says as a probability."""

    brier: float
    """Mean squared difference of score and truth (0 or 1); half of what Brier (1950) summed over both classes."""
    ece: float
    """Expected calibration error: mean over cases of |share of positives - mean score| of their bin."""
    bins: tuple[CalibrationBin, ...]
    """Ten of equal width; those without a case are left out."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """A score judged on one set of cases. An interval is ``None`` where its method has no answer."""

    n: int
    positives: int
    groups: int
    """Independent units (subjects): the bootstrap draws these, not cases."""
    auc: float
    auc_ci95: Interval | None
    """DeLong, each case taken as independent; ``None`` when its variance is 0, as after perfect separation."""
    auc_ci95_by_group: Interval | None
    """Percentiles of the bootstrap over groups; ``None`` when too few groups hold one of the classes."""
    threshold: float
    """Scores from here on count as positive."""
    binary: BinaryFigures
    """At the threshold; intervals after Wilson, each case taken as independent."""
    sensitivity_ci95_by_group: Interval | None
    specificity_ci95_by_group: Interval | None
    calibration: Calibration | None
    """``None`` when a score lies outside [0, 1] and so is no probability."""
    roc: tuple[RocPoint, ...]
    """From (0, 0) to (1, 1), corners only."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two scores of the same cases. ``difference`` is the second minus the first."""

    n: int
    positives: int
    groups: int
    first_auc: float
    second_auc: float
    difference: float
    difference_ci95: Interval | None
    """DeLong, paired; ``None`` when its variance is 0, as when both rank alike."""
    p_value: float | None
    """Two-sided, of the same test."""
    difference_ci95_by_group: Interval | None
