"""What a job says of the network that it trained: ``model.json`` beside ``model.onnx``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from kaname.errors import Refused

FORMAT = 1
WEIGHTS_FILE, CARD_FILE = "model.onnx", "model.json"
LARGEST_SIDE = 8192
LONGEST_LABEL = 16


@dataclass(frozen=True, slots=True)
class Told:
    """What ``model.json`` says. Training curves and the like may stand beside it; they are not read here."""

    modality: str
    positive: str
    negative: str
    rows: int
    columns: int
    centre: float
    width: float

    @classmethod
    def from_bytes(cls, data: bytes) -> Told:
        """Reads it.

        Raises:
            Refused: ``model-format`` with the entry that is wrong.
        """
        try:
            value: Any = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Refused("model-format", entry="json") from error
        match value:
            case {
                "format": 1,
                "modality": str(modality),
                "positive": str(positive),
                "classes": [str(), str()] as classes,
                "rows": int(rows),
                "columns": int(columns),
                "scale": [int() | float() as centre, int() | float() as width],
            }:
                told = cls(modality, positive, _other(classes, positive), rows, columns, float(centre), float(width))
            case _:
                raise Refused("model-format", entry="entries")
        for entry, good in (
            ("rows", 0 < told.rows <= LARGEST_SIDE),
            ("columns", 0 < told.columns <= LARGEST_SIDE),
            ("scale", isfinite(told.centre) and isfinite(told.width) and told.width > 0),
            ("classes", all(0 < len(label) <= LONGEST_LABEL for label in (told.positive, told.negative))),
            ("modality", told.modality.isalnum() and told.modality.isascii()),
        ):
            if not good:
                raise Refused("model-format", entry=entry)
        return told


def _other(classes: Sequence[str], positive: str) -> str:
    """The label that is not the positive one.

    Raises:
        Refused: ``model-format``.
    """
    others = [label for label in classes if label != positive]
    if len(others) != 1:
        raise Refused("model-format", entry="classes")
    return others[0]
