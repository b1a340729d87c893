"""What the demonstration's readers answer is an answer to what each registry asks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pytest

from kaname.annotation.marks import check, given_of
from kaname.annotation.model import WHOLE, Case
from kaname.annotation.questions import question_from, question_json
from kaname.registries import load
from kaname.testing.chain import SEVEN
from kaname.testing.demo.client import Door
from kaname.testing.demo.mark import Reading, answer
from kaname.testing.scenery import mucosa, skin

ROWS, COLUMNS = 96, 128


def case(unit: str, frames: int = 1) -> Case:
    """A case of that unit, of two images of one study."""
    pair = {"other_sop_instance_uid": "1.2.5", "other_frame": 1} if unit == "pair" else {}
    return Case(
        "0f" * 32, "task", "any", "s", "1.2", "1.2.3", "1.2.4", WHOLE if unit == "instance" else 1, ROWS, COLUMNS, "p",
        frames=frames, **pair,
    )  # fmt: skip


def seen(left: np.ndarray, right: np.ndarray) -> Reading:
    """A reader who has looked at both images."""
    pictures = {("1.2.4", 1): left.astype(np.float64), ("1.2.5", 1): right.astype(np.float64)}
    return Reading(cast("Door", None), pictures)


@pytest.mark.parametrize("registry", SEVEN)
def test_each_question_is_answered(registry: str) -> None:
    """Of each registry's question every geometry is answered, and the annotation room takes the marks."""
    asked = load(registry).annotation
    assert asked is not None
    question = question_from(asked)
    one = case(question.unit, frames=40 if "interval" in question.geometries else 1)
    reader = seen(skin(1, ROWS, COLUMNS), skin(2, ROWS, COLUMNS))
    shown: dict[str, Any] = asdict(one) | {"unit": one.unit}
    given = given_of({"case": one.id, "marks": answer(question_json(question), shown, reader)})
    check(given.marks, question, one)
    assert {mark.geometry for mark in given.marks} == set(question.geometries)


def test_the_redder_image_is_the_worse_one() -> None:
    """Of two pictures of mucosa the redder one is told, whichever side it stands on; two alike are the same."""
    pale, red = (mucosa(4, ROWS, COLUMNS, redness=redness) for redness in (0.0, 1.0))
    question = {"geometries": ["pair"]}
    said = [
        answer(question, asdict(case("pair")), seen(*sides))[0]["label"]
        for sides in ((red, pale), (pale, red), (red, red))
    ]
    assert said == ["left", "right", "same"]
