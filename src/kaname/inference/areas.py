"""Connected areas of a mask, without a library of image processing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Area(NamedTuple):
    """One connected area (eight neighbours): its frame, its size, the mean of the values in it."""

    left: int
    top: int
    right: int
    """Behind the last column."""
    bottom: int
    """Behind the last row."""
    pixels: int
    mean: float


def connected_areas(values: NDArray[np.float32], threshold: float) -> list[Area]:
    """The connected areas of all values above a threshold, from top to bottom.

    Args:
        values: (rows, columns).
        threshold: what a value must exceed.
    """
    import numpy as np

    rows, columns = values.shape
    padded = np.zeros((rows, columns + 2), np.int8)
    padded[:, 1:-1] = values > threshold
    steps = np.diff(padded, axis=1)
    run_rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    sums = np.concatenate((np.zeros((rows, 1)), values.cumsum(axis=1, dtype=np.float64)), axis=1)
    weights = sums[run_rows, ends] - sums[run_rows, starts]
    labels = _labels(run_rows, starts, ends)
    order = np.argsort(labels, kind="stable")
    edges = np.flatnonzero(np.diff(labels[order], prepend=-1))
    if not len(edges):
        return []
    lengths = np.add.reduceat((ends - starts)[order], edges)
    found = zip(
        np.minimum.reduceat(starts[order], edges).tolist(),
        np.minimum.reduceat(run_rows[order], edges).tolist(),
        np.maximum.reduceat(ends[order], edges).tolist(),
        (np.maximum.reduceat(run_rows[order], edges) + 1).tolist(),
        lengths.tolist(),
        (np.add.reduceat(weights[order], edges) / lengths).tolist(),
        strict=True,
    )
    return sorted((Area(*area) for area in found), key=lambda a: (a.top, a.left))


def _labels(rows: NDArray[Any], starts: NDArray[Any], ends: NDArray[Any]) -> NDArray[Any]:
    """The area of each run, as the number of one of its runs; runs come row by row, from left to right."""
    import numpy as np

    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = run = parent[parent[run]]
        return run

    above = 0
    lines, firsts, lasts = rows.tolist(), starts.tolist(), ends.tolist()
    for run, line in enumerate(lines):
        while lines[above] < line - 1 or (lines[above] == line - 1 and lasts[above] < firsts[run]):
            above += 1  # ends left of this run, and so of every later one of its row
        near = above
        while lines[near] == line - 1 and firsts[near] <= lasts[run]:
            parent[root(run)] = root(near)
            near += 1
    return np.array([root(run) for run in range(len(parent))], dtype=np.int64)
