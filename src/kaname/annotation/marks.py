"""Marks as JSON, and whether they answer the question: one rule for readers here and for what arrives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import get_args

from kaname.annotation.model import WHOLE, Case, Given, Mark, Marked, Point, Question, Value
from kaname.annotation.shapes import is_box, is_polygon
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.registries.model import Geometry, Item

GEOMETRIES: tuple[Geometry, ...] = get_args(Geometry)
MARKS_LIMIT = 500
"""Marks of one reading."""
CORNERS_LIMIT = 1000
"""Points of one mark."""
POINTS_LIMIT = 10_000
"""Points of one reading."""
NUMBER_LIMIT = 1_000_000
"""Items are measurements: as in a department's table, numbers from here on may be somebody's."""
NEEDS: Mapping[Geometry, str] = {"box": "points", "polygon": "points", "interval": "frames", "form": "values"}
"""What a mark of that geometry must have; one of any other geometry needs nothing."""
_READING = "reading-invalid"


def given_of(value: Json) -> Given:
    """The answer in a piece of JSON: ``{"case", "marks": [{"geometry", "label", "points"?, "frames"?, "values"?}]}``.

    Raises:
        Refused: ``reading-invalid`` with the ``part`` that is wrong.
    """
    match value:
        case {"case": str(case), "marks": list(marks), **rest} if not rest:
            return Given(case, marks_of(marks))
        case _:
            raise Refused(_READING, part="reading")


def marks_of(value: Sequence[Json]) -> tuple[Mark, ...]:
    """The marks in a piece of JSON.

    Raises:
        Refused: ``reading-invalid`` with the ``part`` that is wrong.
    """
    if len(value) > MARKS_LIMIT:
        raise Refused(_READING, part="marks")
    return tuple(mark_of(row) for row in value)


def mark_of(value: Json) -> Mark:
    """One mark in a piece of JSON.

    Raises:
        Refused: ``reading-invalid`` with the ``part`` that is wrong.
    """
    match value:
        case {"geometry": str(name), "label": str(label), **rest} if not rest.keys() - {"points", "frames", "values"}:
            for geometry in GEOMETRIES:
                if geometry == name and (geometry not in NEEDS or NEEDS[geometry] in rest):
                    frames = _frames(rest["frames"]) if "frames" in rest else None
                    return Mark(geometry, label, _points(rest.get("points", [])), frames, _values(rest.get("values")))
        case _:
            pass
    raise Refused(_READING, part="mark")


def marks_json(marks: Sequence[Mark]) -> list[Json]:
    """Marks as JSON; :func:`marks_of` reads them back."""
    return [mark_json(mark) for mark in marks]


def mark_json(mark: Mark) -> dict[str, Json]:
    """One mark as JSON; :func:`mark_of` reads it back. ``frames`` and ``values`` stand there only where it has them."""
    told: dict[str, Json] = {
        "geometry": mark.geometry,
        "label": mark.label,
        "points": [list(point) for point in mark.points],
    }
    if mark.frames is not None:
        told["frames"] = list(mark.frames)
    if mark.values or mark.geometry == "form":
        told["values"] = dict(mark.values)
    return told


def marked_json(marked: Sequence[Marked]) -> list[Json]:
    """The marks of a label as JSON: each with the number of its ``reader``."""
    return [{"reader": one.reader, **mark_json(one.mark)} for one in marked]


def marked_of(value: Sequence[Json]) -> tuple[Marked, ...]:
    """Reads what :func:`marked_json` wrote.

    Raises:
        Refused: ``reading-invalid`` with the ``part`` that is wrong.
    """
    found: list[Marked] = []
    for row in value:
        match row:
            case {"reader": int(reader), **mark}:
                found.append(Marked(reader, mark_of(mark)))
            case _:
                raise Refused(_READING, part="mark")
    return tuple(found)


def check(marks: Sequence[Mark], question: Question, case: Case) -> None:
    """Whether marks are an answer to the question about this case (``docs/spec/annotation.md``, section 1).

    Raises:
        Refused: ``reading-invalid`` with the ``part`` that is wrong.
    """
    answers = sum(mark.geometry == question.answer for mark in marks)
    if answers != 1 if question.answer else not marks:
        raise Refused(_READING, part="answer")
    if sum(len(mark.points) for mark in marks) > POINTS_LIMIT:  # before each costs its time
        raise Refused(_READING, part="points")
    for mark in marks:
        _check_one(mark, question, case)
    if sum(mark.geometry == "form" for mark in marks) > 1:
        raise Refused(_READING, part="values")
    spans = sorted(mark.frames for mark in marks if mark.geometry == "interval" and mark.frames is not None)
    if any(after[0] <= before[1] for before, after in pairwise(spans)):
        raise Refused(_READING, part="frames")


def _check_one(mark: Mark, question: Question, case: Case) -> None:
    if mark.label not in {label.value for label in question.labels}:
        raise Refused(_READING, part="label")
    if mark.geometry not in question.geometries:
        raise Refused(_READING, part="geometry")
    if not _has_place(mark, case):
        raise Refused(_READING, part="points")
    if not _has_time(mark, case):
        raise Refused(_READING, part="frames")
    if mark.values and (mark.geometry != "form" or not _fit(mark, question)):
        raise Refused(_READING, part="values")


def _has_place(mark: Mark, case: Case) -> bool:
    """Boxes and polygons lie inside the image; nothing else has points."""
    if mark.geometry == "box":
        return is_box(mark.points, case.columns, case.rows)
    if mark.geometry == "polygon":
        return is_polygon(mark.points, case.columns, case.rows)
    return not mark.points


def _has_time(mark: Mark, case: Case) -> bool:
    """An interval has its frames; so has what is drawn on a whole video. Nothing else has any, and a slide has none."""
    drawn = mark.geometry in {"box", "polygon"}
    wanted = mark.geometry == "interval" or (drawn and case.frame == WHOLE and case.frames > 1)
    if mark.frames is None or not wanted:
        return mark.frames is None and not wanted
    first, last = mark.frames
    return case.frame == WHOLE and 1 <= first <= last <= case.frames


def _fit(mark: Mark, question: Question) -> bool:
    items = {item.name: item for item in question.form}
    return all(name in items and fits(value, items[name]) for name, value in mark.values)


def fits(value: Json, item: Item) -> bool:
    """Whether an item may have that value: one of its codes, or a number of its type below the limit."""
    if item.type == "code":
        return isinstance(value, str) and value in item.values
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    whole = item.type == "decimal" or isinstance(value, int)
    return whole and abs(value) < NUMBER_LIMIT  # neither infinity nor what is no number


def _points(value: Json) -> tuple[Point, ...]:
    if not isinstance(value, list) or len(value) > CORNERS_LIMIT:
        raise Refused(_READING, part="points")
    return tuple(_point(row) for row in value)


def _point(value: Json) -> Point:
    match value:
        case [int() | float() as x, int() | float() as y] if _is_number(x) and _is_number(y):
            return float(x), float(y)
        case _:
            raise Refused(_READING, part="points")


def _is_number(value: float) -> bool:
    return not isinstance(value, bool) and abs(value) < 1 << 31 and math.isfinite(value)


def _frames(value: Json) -> tuple[int, int]:
    match value:
        case [int(first), int(last)] if _is_count(first) and _is_count(last):
            return first, last
        case _:
            raise Refused(_READING, part="frames")


def _is_count(value: int) -> bool:
    return not isinstance(value, bool) and 1 <= value < 1 << 31


def _values(value: Json) -> tuple[tuple[str, Value], ...]:
    """Of a mark without ``values``, none."""
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise Refused(_READING, part="values")
    found: list[tuple[str, Value]] = []
    for name in sorted(value):
        said = value[name]
        if isinstance(said, bool) or not isinstance(said, str | int | float):
            raise Refused(_READING, part="values")
        found.append((name, said))
    return tuple(found)
