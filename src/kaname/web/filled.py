"""What a reader filled in, as marks: the answer about the whole, its items, and what was drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

from kaname.annotation.marks import mark_of, marks_of
from kaname.annotation.model import Mark, Question
from kaname.errors import Refused
from kaname.ledger import Json

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?")


def filled_marks(question: Question, form: Mapping[str, str]) -> tuple[Mark, ...]:
    """The marks of a form: what was drawn, and the answer about the whole where the question asks for one.

    Raises:
        Refused: ``reading-invalid`` with the ``part``.
    """
    try:
        drawn = json.loads(form.get("marks", "[]"))
    except (ValueError, RecursionError) as error:
        raise Refused("reading-invalid", part="marks") from error
    if not isinstance(drawn, list):
        raise Refused("reading-invalid", part="marks")
    marks = marks_of(cast("list[Json]", drawn))
    if question.answer is None:
        return marks
    answer: dict[str, Json] = {"geometry": question.answer, "label": form.get("answer", "")}
    if question.answer == "form":
        answer["values"] = _values(question, form)
    return (mark_of(answer), *marks)


def _values(question: Question, form: Mapping[str, str]) -> dict[str, Json]:
    """Items as they were filled in; empty ones are left out."""
    values: dict[str, Json] = {}
    for item in question.form:
        written = form.get(f"item-{item.name}", "").strip()
        if not written:
            continue
        if item.type == "code":
            values[item.name] = written
        elif item.type == "integer" and _WHOLE_NUMBER.fullmatch(written):
            values[item.name] = int(written)
        elif item.type == "decimal" and _DECIMAL.fullmatch(written):
            values[item.name] = float(written)
        else:
            raise Refused("reading-invalid", part="values", item=item.name)
    return values
