import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.annotation.shapes import is_polygon

SQUARE = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]
ANGLES = st.lists(st.integers(0, 719), min_size=3, max_size=40, unique=True).map(sorted)


@given(ANGLES, st.floats(1, 40))
def test_a_star_round_its_middle_is_a_polygon(angles: list[int], inner: float) -> None:
    """Corners in the order of their angles, each gap less than half a turn, never cross."""
    gaps = [after - before for before, after in pairwise([*angles, angles[0] + 720])]
    radii = [50.0 if number % 2 else inner for number in range(len(angles))]
    points = [
        (50 + r * math.cos(math.radians(a / 2)), 50 + r * math.sin(math.radians(a / 2)))
        for a, r in zip(angles, radii, strict=True)
    ]
    if max(gaps) < 340:
        assert is_polygon(points, 100, 100)


@given(ANGLES, st.data())
def test_it_is_the_same_polygon_wherever_it_begins_and_whichever_way_round(
    angles: list[int], data: st.DataObject
) -> None:
    """Nothing hangs on the first corner or the direction."""
    order = data.draw(st.permutations(angles))
    points = [(50 + 50 * math.cos(math.radians(a / 2)), 50 + 50 * math.sin(math.radians(a / 2))) for a in order]
    turned = points[2:] + points[:2]
    assert is_polygon(points, 100, 100) is is_polygon(turned, 100, 100) is is_polygon(points[::-1], 100, 100)


@pytest.mark.parametrize(
    "points",
    [
        [],
        SQUARE[:2],
        [(0, 0), (4, 4), (4, 0), (0, 4)],
        [*SQUARE, (0, 0)],
        [(0, 0), (4, 0), (4, 0), (4, 4)],
        [(0, 0), (4, 0), (2, 0)],
        [(0, 0), (4, 0), (4, 4), (2, 0), (0, 4)],
        [(0, 0), (4, 0), (4, 4), (4, 2), (0, 4)],
        [(0, 0), (4, 0), (5, 0), (3, 0), (3, 4)],
        [(0, 0), (11, 0), (4, 4)],
        [(0, 0), (4, 0), (4, -0.1)],
        [(0, 0), (2, 2), (4, 4)],
    ],
)
def test_what_is_no_simple_polygon(points: list[tuple[float, float]]) -> None:
    """Too few corners, crossing or touching edges, one corner twice, an edge back along another, outside."""
    assert not is_polygon(points, 10, 10)


def test_a_corner_on_a_straight_edge_is_allowed() -> None:
    """People click more often than is necessary; the edge of the image belongs to it."""
    assert is_polygon([(0, 0), (2, 0), (10, 0), (10, 10)], 10, 10)
