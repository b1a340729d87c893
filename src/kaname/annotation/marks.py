"""Marks as JSON, and whether they answer the question: one rule for readers here and for what arrives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import get_args

from kaname.annotation.model import Case, Given, Mark, Point, Question
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.registries.model import Geometry, Label

GEOMETRIES: tuple[Geometry, ...] = get_args(Geometry)
MARKS_LIMIT = 500
"""Marks of one reading."""
CORNERS = 2


def given_of(value: Json) -> Given:
    """The answer in a piece of JSON: ``{"case", "marks": [{"geometry", "label", "points"?}]}``.

    Raises:
        Refused: ``reading-invalid`` with the ``part`` that is wrong.
    """
    match value:
        case {"case": str(case), "marks": list(marks), **rest} if not rest:
            return Given(case, marks_of(marks))
        case _:
            raise Refused("reading-invalid", part="reading")


def marks_of(value: Sequence[Json]) -> tuple[Mark, ...]:
    """The marks in a piece of JSON.

    Raises:
        Refused: ``reading-invalid`` with the ``part`` that is wrong.
    """
    if len(value) > MARKS_LIMIT:
        raise Refused("reading-invalid", part="marks")
    return tuple(_mark(row) for row in value)


def marks_json(marks: Sequence[Mark]) -> list[Json]:
    """Marks as JSON; :func:`marks_of` reads them back."""
    return [
        {"geometry": mark.geometry, "label": mark.label, "points": [list(point) for point in mark.points]}
        for mark in marks
    ]


def check(marks: Sequence[Mark], question: Question, case: Case) -> None:
    """Whether marks are an answer: one ``image`` mark, labels and geometries of the task, boxes inside the image.

    Raises:
        Refused: ``reading-invalid`` with the ``part`` that is wrong.
    """
    if sum(mark.geometry == "image" for mark in marks) != 1:
        raise Refused("reading-invalid", part="answer")
    known = {label.value for label in question.labels}
    for mark in marks:
        if mark.label not in known:
            raise Refused("reading-invalid", part="label")
        if mark.geometry not in question.geometries:
            raise Refused("reading-invalid", part="geometry")
        if not (mark.points == () if mark.geometry == "image" else _is_box(mark.points, case)):
            raise Refused("reading-invalid", part="points")


def question_json(question: Question) -> dict[str, Json]:
    """A question as JSON."""
    return {
        "ja": question.ja,
        "en": question.en,
        "labels": [asdict(label) for label in question.labels],
        "geometries": [*question.geometries],
    }


def question_of(value: Json) -> Question:
    """Reads what :func:`question_json` wrote.

    Raises:
        Refused: ``readings-invalid``.
    """
    match value:
        case {"ja": str(ja), "en": str(en), "labels": list(labels), "geometries": list(geometries), **rest} if not rest:
            known: tuple[Geometry, ...] = tuple(geometry for geometry in GEOMETRIES if geometry in geometries)
            if len(known) == len(geometries) and "image" in known:
                return Question(ja, en, tuple(_label(row) for row in labels), known)
        case _:
            pass
    raise Refused("readings-invalid", part="question")


def _label(value: Json) -> Label:
    match value:
        case {"value": str(code), "ja": str(ja), "en": str(en), **rest} if not rest:
            return Label(code, ja, en)
        case _:
            raise Refused("readings-invalid", part="question")


def _mark(value: Json) -> Mark:
    match value:
        case {"geometry": "image" | "box" as geometry, "label": str(label), "points": list(points), **rest} if not rest:
            return Mark(geometry, label, tuple(_point(row) for row in points[: CORNERS + 1]))
        case {"geometry": "image", "label": str(label), **rest} if not rest:
            return Mark("image", label)
        case _:
            raise Refused("reading-invalid", part="mark")


def _point(value: Json) -> Point:
    match value:
        case [int() | float() as x, int() | float() as y] if _is_number(x) and _is_number(y):
            return float(x), float(y)
        case _:
            raise Refused("reading-invalid", part="points")


def _is_number(value: float) -> bool:
    return not isinstance(value, bool) and abs(value) < 1 << 31 and math.isfinite(value)


def _is_box(points: Sequence[Point], case: Case) -> bool:
    if len(points) != CORNERS:
        return False
    (left, top), (right, bottom) = points
    return 0 <= left < right <= case.columns and 0 <= top < bottom <= case.rows
