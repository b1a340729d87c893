import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.annotation.marks import CORNERS_LIMIT, MARKS_LIMIT, check, fits, given_of, marks_json, marks_of
from kaname.annotation.model import WHOLE, Case, Mark, Question, Reading
from kaname.errors import Refused
from kaname.registries.model import Geometry, Item, Label

QUESTION = Question("あるか", "Is it there?", (Label("present", "あり", "present"),), ("image", "box"))
CASE = Case("c" * 64, "nodules", "j-mid", "A" * 16, "2.25.1", "2.25.2", "2.25.3", 1, 100, 200, "p" * 64)
FILM = replace(CASE, frame=WHOLE, frames=100)
SLIDE = replace(CASE, frame=WHOLE)
FORM = (
    Item("quality", "画質", "Quality", "code", "", ("good", "poor")),
    Item("spots", "数", "Spots", "integer", "1", ()),
    Item("ratio", "比", "Ratio", "decimal", "1", ()),
)
EVERYTHING = replace(QUESTION, geometries=("image", "box", "polygon", "interval", "form"), form=FORM)
ANSWER = {"geometry": "image", "label": "present"}
COORDINATES = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
SPANS = st.tuples(st.integers(1, 1 << 30), st.integers(1, 1 << 30))
SAID = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.floats(-9, 9)).map(
    lambda table: tuple(sorted(table.items()))
)
MARKS = st.lists(
    st.builds(lambda label: Mark("image", label), st.text(max_size=5))
    | st.builds(lambda span: Mark("interval", "", frames=span), SPANS)
    | st.builds(lambda span: Mark("polygon", "", ((0, 0), (1, 0), (0, 1)), span), SPANS)
    | st.builds(lambda said: Mark("form", "", values=said), SAID)
    | st.builds(
        lambda label, points: Mark("box", label, tuple((float(x), float(y)) for x, y in points)),
        st.text(max_size=5),
        st.lists(st.tuples(COORDINATES, COORDINATES), max_size=3),
    ),
    max_size=4,
)


def box(*points: Any) -> dict[str, Any]:
    """A box in JSON."""
    return {"geometry": "box", "label": "present", "points": list(points)}


@given(MARKS)
def test_marks_are_read_back_as_they_were_written(marks: list[Mark]) -> None:
    """Reading undoes writing."""
    assert marks_of(marks_json(marks)) == tuple(marks)


def test_an_answer_with_a_place_is_an_answer() -> None:
    """A whole-image label, and a box anywhere inside the image up to its edges."""
    check(marks_of([ANSWER, box([0, 0], [200, 100]), box([1.5, 2], [3, 4.25])]), QUESTION, CASE)


@pytest.mark.parametrize(
    ("marks", "part"),
    [
        ([], "answer"),
        ([ANSWER, ANSWER], "answer"),
        ([box([0, 0], [1, 1])], "answer"),
        ([{"geometry": "image", "label": "perhaps"}], "label"),
        ([{"geometry": "image", "label": "present", "points": [[1, 1]]}], "points"),
        ([ANSWER, box([0, 0])], "points"),
        ([ANSWER, box([0, 0], [1, 1], [2, 2])], "points"),
        ([ANSWER, box([5, 5], [5, 9])], "points"),
        ([ANSWER, box([9, 9], [5, 5])], "points"),
        ([ANSWER, box([0, 0], [201, 100])], "points"),
        ([ANSWER, box([-1, 0], [2, 2])], "points"),
    ],
)
def test_what_is_no_answer_to_the_question_is_refused(marks: list[Any], part: str) -> None:
    """Each fault is named: the answer itself, its label, its points."""
    with pytest.raises(Refused, match="reading-invalid") as refused:
        check(marks_of(marks), QUESTION, CASE)
    assert refused.value.facts == {"part": part}


def outline(*points: Any, **more: Any) -> dict[str, Any]:
    """A polygon in JSON."""
    return {"geometry": "polygon", "label": "present", "points": list(points), **more}


def phase(first: int, last: int) -> dict[str, Any]:
    """An interval in JSON."""
    return {"geometry": "interval", "label": "present", "frames": [first, last]}


def filled(**values: Any) -> dict[str, Any]:
    """A form in JSON."""
    return {"geometry": "form", "label": "present", "values": values}


TRIANGLE = outline([0, 0], [200, 0], [200, 100])


@pytest.mark.parametrize(
    ("case", "marks"),
    [
        (CASE, [ANSWER, TRIANGLE, filled(quality="good", spots=3, ratio=0.4)]),
        (CASE, [ANSWER, filled()]),
        (CASE, [ANSWER, filled(ratio=1)]),
        (FILM, [ANSWER, phase(1, 40), phase(41, 41), phase(43, 100), {**TRIANGLE, "frames": [7, 7]}]),
        (FILM, [ANSWER, {**box([0, 0], [1, 1]), "frames": [1, 100]}]),
        (SLIDE, [ANSWER, TRIANGLE]),
    ],
)
def test_every_geometry_has_its_place_and_time(case: Case, marks: list[Any]) -> None:
    """Polygons on frames and slides, phases of a video, what is drawn on some of its frames, forms."""
    check(marks_of(marks), EVERYTHING, case)


@pytest.mark.parametrize(
    ("case", "marks", "part"),
    [
        (CASE, [outline([0, 0], [200, 0])], "points"),
        (CASE, [outline([0, 0], [200, 100], [200, 0], [0, 100])], "points"),
        (CASE, [outline([0, 0], [201, 0], [0, 100])], "points"),
        (CASE, [phase(1, 1)], "frames"),
        (CASE, [{**TRIANGLE, "frames": [1, 1]}], "frames"),
        (CASE, [{**ANSWER, "geometry": "form", "values": {}, "points": [[1, 1]]}], "points"),
        (CASE, [filled(quality="fair")], "values"),
        (CASE, [filled(spots=1.0)], "values"),
        (CASE, [filled(spots=1_000_000)], "values"),
        (CASE, [filled(ratio="0.4")], "values"),
        (CASE, [filled(name="Yamada")], "values"),
        (CASE, [filled(), filled()], "values"),
        (CASE, [{**TRIANGLE, "values": {"spots": 1}}], "values"),
        (CASE, [outline(*[[number % 2, number / 1000] for number in range(1000)])] * 11, "points"),
        (FILM, [TRIANGLE], "frames"),
        (FILM, [phase(2, 1)], "frames"),
        (FILM, [phase(90, 101)], "frames"),
        (FILM, [phase(5, 9), phase(1, 5)], "frames"),
        (FILM, [{**filled(), "frames": [1, 1]}], "frames"),
        (SLIDE, [{**TRIANGLE, "frames": [1, 1]}], "frames"),
        (SLIDE, [phase(1, 2)], "frames"),
    ],
)
def test_what_has_no_such_place_or_time_is_refused(case: Case, marks: list[Any], part: str) -> None:
    """Crossing lines, phases that overlap or end before they begin, values that the form does not know."""
    with pytest.raises(Refused, match="reading-invalid") as refused:
        check(marks_of([ANSWER, *marks]), EVERYTHING, case)
    assert refused.value.facts == {"part": part}


@pytest.mark.parametrize(
    ("geometries", "marks", "answer"),
    [
        (("image", "form"), [ANSWER, filled()], "present"),
        (("form",), [filled(quality="poor")], "present"),
        (("pair",), [{"geometry": "pair", "label": "left"}], "left"),
        (("pair", "image"), [{"geometry": "pair", "label": "left"}, ANSWER], "left"),
        (("polygon",), [TRIANGLE, {**TRIANGLE, "label": "left"}, TRIANGLE], "left+present"),
        (("interval",), [phase(1, 2)], "present"),
    ],
)
def test_a_reading_has_one_answer(geometries: tuple[Geometry, ...], marks: list[Any], answer: str) -> None:
    """What it says of the whole, where that is asked; else the labels of its marks, each once."""
    labels = (*QUESTION.labels, Label("left", "左", "left"))
    question = replace(EVERYTHING, geometries=geometries, labels=labels)
    given = marks_of(marks)
    check(given, question, FILM if geometries == ("interval",) else CASE)
    assert Reading("c", "hub", 1, "a", "reading", given, "").label == answer
    for none_or_two in ([], [*marks, marks[0]]):
        if question.answer or not none_or_two:
            with pytest.raises(Refused) as refused:
                check(marks_of(none_or_two), question, CASE)
            assert refused.value.facts == {"part": "answer"}


def test_a_number_that_is_none_fits_nowhere() -> None:
    """Neither truth values nor what has no size."""
    assert not any(fits(value, item) for value in (True, math.inf, math.nan, 10**400, -(10**400)) for item in FORM)


def test_points_are_counted_before_any_outline_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading of more points than one may have costs no time: the archive's other writers wait for it."""
    monkeypatch.setattr("kaname.annotation.marks.is_polygon", lambda *_: pytest.fail("walked"))
    with pytest.raises(Refused) as refused:
        check(marks_of([ANSWER, *[outline(*[[1, 1]] * 1000)] * 11]), EVERYTHING, CASE)
    assert refused.value.facts == {"part": "points"}


def test_a_geometry_that_the_task_does_not_ask_for_is_refused() -> None:
    """Boxes are drawn where boxes are wanted."""
    only_images = Question("", "", QUESTION.labels, ("image",))
    with pytest.raises(Refused) as refused:
        check(marks_of([ANSWER, box([0, 0], [1, 1])]), only_images, CASE)
    assert refused.value.facts == {"part": "geometry"}


@pytest.mark.parametrize(
    "mark",
    [
        1,
        {},
        {"geometry": "circle", "label": "present", "points": []},
        {"geometry": "box", "label": "present"},
        {"geometry": "polygon", "label": "present", "frames": [1, 1]},
        {"geometry": "interval", "label": "present"},
        {"geometry": "interval", "label": "present", "frames": [0, 1]},
        {"geometry": "interval", "label": "present", "frames": [1, 2.5]},
        {"geometry": "interval", "label": "present", "frames": [1, True]},
        {"geometry": "interval", "label": "present", "frames": [1]},
        {"geometry": "form", "label": "present"},
        {"geometry": "form", "label": "present", "values": [1]},
        {"geometry": "form", "label": "present", "values": {"spots": None}},
        {"geometry": "form", "label": "present", "values": {"spots": True}},
        {"geometry": "polygon", "label": "present", "points": [[0, 0]] * (CORNERS_LIMIT + 1)},
        {"geometry": "image", "label": 1},
        {"geometry": "image", "label": "present", "colour": "red"},
        box([0, "1"], [1, 1]),
        box([0, True], [1, 1]),
        box([0, math.nan], [1, 1]),
        box([0, 1e300], [1, 1]),
        box([0], [1, 1]),
    ],
)
def test_what_is_no_mark_is_refused(mark: Any) -> None:
    """Nothing is guessed from JSON of another shape."""
    with pytest.raises(Refused, match="reading-invalid"):
        marks_of([mark])


def test_too_many_marks_are_refused() -> None:
    """A reading has its limit."""
    with pytest.raises(Refused, match="reading-invalid"):
        marks_of([ANSWER] * (MARKS_LIMIT + 1))


@pytest.mark.parametrize(
    "value", [None, [], {}, {"case": "c"}, {"case": 1, "marks": []}, {"case": "c", "marks": [], "at": ""}]
)
def test_what_is_no_reading_is_refused(value: Any) -> None:
    """A reading names its case and its marks, and nothing else."""
    with pytest.raises(Refused, match="reading-invalid"):
        given_of(value)
