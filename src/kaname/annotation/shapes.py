"""Whether points are the shape that they are said to be: pure geometry, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

from kaname.annotation.model import Point

BOX_CORNERS = 2
LEAST_CORNERS = 3
Edge = tuple[Point, Point]


def is_box(points: Sequence[Point], columns: int, rows: int) -> bool:
    """Whether these are the two corners of a rectangle inside an image of that size."""
    if len(points) != BOX_CORNERS:
        return False
    (left, top), (right, bottom) = points
    return 0 <= left < right <= columns and 0 <= top < bottom <= rows


def is_polygon(points: Sequence[Point], columns: int, rows: int) -> bool:
    """Whether these are the corners of a simple polygon inside an image: its edges meet only end to end.

    Cost: edges whose columns overlap are compared, so an outline costs little more than its number of points; 1,000
    points that were chosen to cost most take about a fifth of a second.
    """
    if len(points) < LEAST_CORNERS or not all(0 <= x <= columns and 0 <= y <= rows for x, y in points):
        return False
    edges = [(points[number - 1], points[number]) for number in range(len(points))]
    if any(start == end for start, end in edges):
        return False
    return not any(_turns_back(edges[number - 1], edge) for number, edge in enumerate(edges)) and not _any_meet(edges)


def _any_meet(edges: list[Edge]) -> bool:
    """Whether any two edges that are no neighbours have a point in common."""
    count = len(edges)
    by_column = sorted(range(count), key=lambda number: min(edges[number][0][0], edges[number][1][0]))
    for place, one in enumerate(by_column):
        last = max(edges[one][0][0], edges[one][1][0])
        for other in by_column[place + 1 :]:
            if min(edges[other][0][0], edges[other][1][0]) > last:
                break
            if (one - other) % count not in (1, count - 1) and _meet(edges[one], edges[other]):
                return True
    return False


def _meet(one: Edge, other: Edge) -> bool:
    """Whether two edges have a point in common."""
    (a, b), (c, d) = one, other
    sides = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    if sides[0] != sides[1] and sides[2] != sides[3]:
        return True
    on_line = zip(sides, (one, one, other, other), (c, d, a, b), strict=True)
    return any(side == 0 and _within(edge, point) for side, edge, point in on_line)


def _side(start: Point, end: Point, point: Point) -> int:
    """Of the line from ``start`` to ``end``, on which the point lies: -1, 0 (on it) or 1."""
    turn = (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
    return (turn > 0) - (turn < 0)


def _within(edge: Edge, point: Point) -> bool:
    """Whether a point on the line of an edge lies between its ends."""
    (left, top), (right, bottom) = edge
    return min(left, right) <= point[0] <= max(left, right) and min(top, bottom) <= point[1] <= max(top, bottom)


def _turns_back(before: Edge, after: Edge) -> bool:
    """Whether an edge runs back along the one before it."""
    (start, corner), (_, end) = before, after
    if _side(start, corner, end) != 0:
        return False
    return (corner[0] - start[0]) * (end[0] - corner[0]) + (corner[1] - start[1]) * (end[1] - corner[1]) < 0
