import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.annotation.marks import MARKS_LIMIT, check, given_of, marks_json, marks_of, question_json, question_of
from kaname.annotation.model import Case, Mark, Question
from kaname.errors import Refused
from kaname.registries.model import Label

QUESTION = Question("あるか", "Is it there?", (Label("present", "あり", "present"),), ("image", "box"))
CASE = Case("c" * 64, "nodules", "j-mid", "A" * 16, "2.25.1", "2.25.2", "2.25.3", 1, 100, 200, "p" * 64)
ANSWER = {"geometry": "image", "label": "present"}
COORDINATES = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
MARKS = st.lists(
    st.builds(lambda label: Mark("image", label), st.text(max_size=5))
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


def test_a_question_is_read_back_as_it_was_written() -> None:
    """A task keeps the words that it was made with."""
    assert question_of(question_json(QUESTION)) == QUESTION


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


@pytest.mark.parametrize(
    "change",
    [
        {"ja": 1},
        {"geometries": ["box"]},
        {"geometries": ["image", "circle"]},
        {"labels": [{"value": "present"}]},
        {"more": 1},
    ],
)
def test_what_is_no_question_is_refused(change: dict[str, Any]) -> None:
    """A task that is told from elsewhere has a whole question."""
    with pytest.raises(Refused, match="readings-invalid"):
        question_of(question_json(QUESTION) | change)
