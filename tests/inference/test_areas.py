from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kaname.inference.areas import Area, connected_areas


def flooded(mask: np.ndarray) -> list[tuple[int, int, int, int, int]]:
    """The areas of a mask as a flood from each pixel finds them: left, top, right, bottom, pixels."""
    rest = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    found: list[tuple[int, int, int, int, int]] = []
    while rest:
        area, todo = set[tuple[int, int]](), [rest.pop()]
        while todo:
            y, x = todo.pop()
            area.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & rest
            rest -= near
            todo += near
        ys, xs = [y for y, _ in area], [x for _, x in area]
        found.append((min(xs), min(ys), max(xs) + 1, max(ys) + 1, len(area)))
    return sorted(found)


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_areas_are_those_of_a_flood(rows: int, columns: int, data: st.DataObject) -> None:
    """Whatever the picture, the areas, their frames and sizes are those that a flood fill finds."""
    bits = data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    mask = np.array(bits).reshape(rows, columns)
    found = connected_areas(mask.astype(np.float32), 0.5)
    assert sorted(area[:5] for area in found) == flooded(mask)
    assert all(area.mean == 1 for area in found)


def test_order_and_means() -> None:
    """Areas come from top to bottom, each with the mean of its values."""
    values = np.array([[0, 0, 0.9, 0], [0.6, 0, 0, 0], [0.8, 0.4, 0, 0.7]], np.float32)
    first, second, third = connected_areas(values, 0.5)
    assert first == Area(2, 0, 3, 1, 1, first.mean)
    assert (round(first.mean, 4), round(second.mean, 4), round(third.mean, 4)) == (0.9, 0.7, 0.7)
    assert (second.pixels, third.left) == (2, 3)
