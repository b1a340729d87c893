"""A task's question as JSON: as it rests in the index, travels between nodes and stands in the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import get_args

from kaname.annotation.marks import GEOMETRIES
from kaname.annotation.model import Question
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.registries.model import Annotation, Geometry, Item, ItemType, Label, Unit

UNITS: tuple[Unit, ...] = get_args(Unit)
ITEM_TYPES: tuple[ItemType, ...] = get_args(ItemType)
_INVALID = "readings-invalid"


def question_from(asked: Annotation) -> Question:
    """What a registry asks its readers now."""
    return Question(
        asked.question_ja,
        asked.question_en,
        asked.labels,
        asked.geometries,
        asked.unit,
        tuple(asked.form.values()),
    )


def question_json(question: Question) -> dict[str, Json]:
    """A question as JSON."""
    return {
        "ja": question.ja,
        "en": question.en,
        "labels": [asdict(label) for label in question.labels],
        "geometries": [*question.geometries],
        "unit": question.unit,
        "form": [{**asdict(item), "values": [*item.values]} for item in question.form],
    }


def question_of(value: Json) -> Question:
    """Reads what :func:`question_json` wrote; ``unit`` and ``form`` may be missing, as tasks of frames were once told.

    Raises:
        Refused: ``readings-invalid``.
    """
    match value:
        case {"ja": str(ja), "en": str(en), "labels": list(labels), "geometries": list(geometries), **rest}:
            known: tuple[Geometry, ...] = tuple(geometry for geometry in GEOMETRIES if geometry in geometries)
            unit: Unit | None = next((name for name in UNITS if name == rest.get("unit", "frame")), None)
            form = rest.get("form", [])
            if (
                not rest.keys() - {"unit", "form"}
                and 0 < len(known) == len(geometries)
                and unit is not None
                and (unit == "pair") == ("pair" in known)
                and isinstance(form, list)
            ):
                return Question(
                    ja, en, tuple(_label(row) for row in labels), known, unit, tuple(_item(row) for row in form)
                )
        case _:
            pass
    raise Refused(_INVALID, part="question")


def _label(value: Json) -> Label:
    match value:
        case {"value": str(code), "ja": str(ja), "en": str(en), **rest} if not rest:
            return Label(code, ja, en)
        case _:
            raise Refused(_INVALID, part="question")


def _item(value: Json) -> Item:
    match value:
        case {
            "name": str(name),
            "name_ja": str(ja),
            "name_en": str(en),
            "type": str(type_),
            "unit": str(ucum),
            "values": list(values),
            **rest,
        } if not rest:
            codes = tuple(code for code in values if isinstance(code, str))
            for known in ITEM_TYPES:
                if known == type_ and len(codes) == len(values) and (known == "code") == bool(codes):
                    return Item(name, ja, en, known, ucum, codes)
        case _:
            pass
    raise Refused(_INVALID, part="question")
