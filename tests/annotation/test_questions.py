from dataclasses import replace
from typing import Any

import pytest

from kaname.annotation.model import Question
from kaname.annotation.questions import question_from, question_json, question_of
from kaname.errors import Refused
from kaname.registries import ids, load
from kaname.registries.model import Item, Label

LABELS = (Label("present", "あり", "present"),)
FORM = (Item("quality", "画質", "Quality", "code", "", ("good", "poor")), Item("n", "数", "Number", "integer", "1", ()))
QUESTION = Question("あるか", "Is it there?", LABELS, ("image", "box"))
OTHERS = (
    replace(QUESTION, geometries=("pair",), unit="pair"),
    replace(QUESTION, geometries=("interval",), unit="instance"),
    replace(QUESTION, geometries=("form",), form=FORM),
)


@pytest.mark.parametrize("question", [QUESTION, *OTHERS])
def test_a_question_is_read_back_as_it_was_written(question: Question) -> None:
    """A task keeps the words that it was made with."""
    assert question_of(question_json(question)) == question


def test_a_question_of_frames_was_once_told_without_unit_and_form() -> None:
    """Tasks that were made before there were others are still read."""
    told = question_json(QUESTION)
    assert question_of({name: told[name] for name in ("ja", "en", "labels", "geometries")}) == QUESTION


def test_every_registry_that_asks_something_asks_it_so_that_it_travels() -> None:
    """Its question comes out of JSON as it went in."""
    asked = [registry.annotation for registry in map(load, ids()) if registry.annotation]
    assert asked
    for annotation in asked:
        assert question_of(question_json(question_from(annotation))) == question_from(annotation)


FORM_JSON = {"name": "a", "name_ja": "", "name_en": "", "type": "code", "unit": "", "values": ["x"]}


@pytest.mark.parametrize(
    "change",
    [
        {"ja": 1},
        {"geometries": []},
        {"geometries": ["box"], "unit": "pair"},
        {"geometries": ["pair"]},
        {"unit": "slide"},
        {"form": {}},
        {"form": [{}]},
        {"form": [{**FORM_JSON, "type": "text"}]},
        {"form": [{**FORM_JSON, "values": []}]},
        {"form": [{**FORM_JSON, "values": [1]}]},
        {"geometries": ["image", "circle"]},
        {"labels": [{"value": "present"}]},
        {"more": 1},
    ],
)
def test_what_is_no_question_is_refused(change: dict[str, Any]) -> None:
    """A task that is told from elsewhere has a whole question."""
    with pytest.raises(Refused, match="readings-invalid"):
        question_of(question_json(QUESTION) | change)
