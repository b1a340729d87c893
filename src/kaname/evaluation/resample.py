"""Intervals by drawing subjects again: images of one subject are alike, and a sample of images forgets that.

Whole groups are drawn with replacement, as many as there are; the interval lies between the 2.5th and 97.5th
percentile. The seed is fixed: the same predictions have the same interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kaname.evaluation.model import Interval

RESAMPLES = 2000
SEED = 20_261_121
CELLS = 2_000_000
"""Weights that are held in memory at once."""
UNDEFINED_AT_MOST = 0.05
"""When a statistic is undefined in more resamples than this share, there is no interval."""

Floats = NDArray[np.float64]


def interval_by_group(groups: Sequence[str], statistic: Callable[[Floats], Floats]) -> Interval | None:
    """The 95 % percentile interval of a statistic under resampling of groups.

    Args:
        groups: The group of each case.
        statistic: From weights (rows, n), how often each case is there, to values (rows,); NaN where undefined.
    """
    names, group_of = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    if names.size < 2:  # noqa: PLR2004 -- one group drawn again is the same group
        return None
    drawn = np.concatenate([statistic(weights) for weights in _weights(group_of, names.size)])
    defined = drawn[~np.isnan(drawn)]
    if defined.size < (1 - UNDEFINED_AT_MOST) * drawn.size:
        return None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def _weights(group_of: NDArray[np.intp], groups: int) -> Iterator[Floats]:
    random = np.random.Generator(np.random.PCG64(SEED))
    rows = max(1, min(RESAMPLES, CELLS // max(group_of.size, groups)))
    for start in range(0, RESAMPLES, rows):
        size = min(rows, RESAMPLES - start)
        times = random.multinomial(groups, np.full(groups, 1 / groups), size=size)
        yield times[:, group_of].astype(np.float64)
