"""Whether an ONNX file holds a network and nothing beside it: every field known, every tensor as long as it says.

Read by its own small reader: what is to be checked is not trusted with a parser that fetches external data. Field
numbers are those of ``onnx.proto`` (IR version 10 and 11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from kaname.airlock.protobuf import VARINT_BYTES, Malformed, fields, varints

NUMBER, TEXT, NUMBERS = "number", "text", "numbers"
MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {1: NUMBER, 2: TEXT, 3: TEXT, 4: TEXT, 5: NUMBER, 6: TEXT, 7: "graph", 8: "opset", 14: "pair"}
    | {25: "function"},
    "graph": {1: "node", 2: TEXT, 5: "tensor", 10: TEXT, 11: "value", 12: "value", 13: "value", 16: "pair"},
    "node": {1: TEXT, 2: TEXT, 3: TEXT, 4: TEXT, 5: "attribute", 6: TEXT, 7: TEXT, 8: TEXT, 9: "pair"},
    "attribute": {1: TEXT, 2: NUMBER, 3: NUMBER, 4: TEXT, 5: "tensor", 6: "graph", 7: NUMBERS, 8: NUMBERS, 9: TEXT}
    | {13: TEXT, 20: NUMBER, 21: TEXT},
    "function": {1: TEXT, 4: TEXT, 5: TEXT, 6: TEXT, 7: "node", 8: TEXT, 9: "opset", 10: TEXT, 11: "attribute"}
    | {12: "value", 13: TEXT, 14: "pair"},
    "value": {1: TEXT, 2: "type", 3: TEXT, 4: "pair"},
    "type": {1: "tensor-type", 6: TEXT},
    "tensor-type": {1: NUMBER, 2: "shape"},
    "shape": {1: "dimension"},
    "dimension": {1: NUMBER, 2: TEXT, 3: TEXT},
    "opset": {1: TEXT, 2: NUMBER},
    "pair": {1: TEXT, 2: TEXT},
}
"""What a network is made of. No training information, no sparse or external tensors."""
DEPTH = 16
TEXT_BYTES, ALL_TEXT_BYTES = 8 << 10, 256 << 10
ATTRIBUTE_NUMBERS = 4096
"""In lists; a network's own are kernel sizes, paddings, axes."""
SCALARS = 1 << 16
DIMENSIONS = 8
WEIGHTS: Mapping[int, int] = {1: 4, 10: 2, 11: 8, 16: 2}
"""Element types of weights (float32, float16, float64, bfloat16) and their bytes."""
SMALL: Mapping[int, int] = {2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 12: 4, 13: 8}
"""Whole numbers and truth values: shapes, axes, indices. Pixels are whole numbers, too, so there may be few."""
SMALL_ELEMENTS = 1024
DIMS, TYPE, NAME, RAW, TOLD, LOCATION = 1, 2, 8, 9, 12, 14
LISTS: Mapping[int, int] = {4: 4, 10: 8, 5: 0, 7: 0, 11: 0}
"""Fields of a tensor that list elements, and the bytes of one: floats, doubles; int32, int64 and uint64 as varints."""


def is_network(data: bytes) -> bool:
    """Whether ``data`` is an ONNX model of which every byte is accounted for."""
    reader = _Reader()
    try:
        reader.message("model", memoryview(data), 0)
    except Malformed:
        return False
    return reader.graphs > 0


@dataclass(slots=True)
class _Reader:
    text_bytes: int = 0
    numbers: int = 0
    scalars: int = 0
    graphs: int = 0

    def message(self, kind: str, data: memoryview, depth: int) -> None:
        """Raises ``Malformed`` for what is not expected there."""
        if depth > DEPTH:
            raise Malformed
        if kind == "tensor":
            self._tensor(data)
            return
        self.graphs += kind == "graph"
        known = MESSAGES[kind]
        for number, value in fields(data):
            expected = known.get(number)
            if expected is None:
                raise Malformed
            if isinstance(value, int):
                self._number(expected)
            elif expected == TEXT:
                self._text(value)
            elif expected == NUMBERS:
                self._count(len(value))
            elif expected == NUMBER:
                raise Malformed
            else:
                self.message(expected, value, depth + 1)

    def _number(self, expected: str) -> None:
        if expected not in {NUMBER, NUMBERS}:
            raise Malformed
        self._scalar()
        self._count(expected == NUMBERS)

    def _scalar(self) -> None:
        """Single numbers are counted, too: a field that comes a thousand times is a list."""
        self.scalars += 1
        if self.scalars > SCALARS:
            raise Malformed

    def _count(self, numbers: int) -> None:
        """Bytes of packed numbers count as numbers: there are never fewer."""
        self.numbers += numbers
        if self.numbers > ATTRIBUTE_NUMBERS:
            raise Malformed

    def _text(self, value: memoryview) -> None:
        self.text_bytes += len(value)
        if len(value) > TEXT_BYTES or self.text_bytes > ALL_TEXT_BYTES:
            raise Malformed
        try:
            text = bytes(value).decode()
        except UnicodeDecodeError as error:
            raise Malformed from error
        if not all(character.isprintable() or character in "\n\t" for character in text):
            raise Malformed

    def _tensor(self, data: memoryview) -> None:
        """A tensor that holds as many elements as its shape has, in raw bytes or as a list, never both."""
        dims: list[int] = []
        kind = raw_bytes = listed = 0
        for number, value in fields(data):
            if number == DIMS:
                dims += [value] if isinstance(value, int) else list(varints(value))
            elif number in LISTS:
                listed += _elements(LISTS[number], value)
            elif isinstance(value, int):
                if number != TYPE and (number, value) != (LOCATION, 0):
                    raise Malformed
                self._scalar()
                kind = value if number == TYPE else kind
            elif number == RAW:
                raw_bytes += len(value)
            elif number in {NAME, TOLD}:
                self._text(value)
            else:  # segments, texts, external data
                raise Malformed
        elements = prod(dims)
        width = WEIGHTS.get(kind) or SMALL.get(kind)
        if width is None or len(dims) > DIMENSIONS or (kind in SMALL and elements > SMALL_ELEMENTS):
            raise Malformed
        if (raw_bytes and (listed or raw_bytes != elements * width)) or (not raw_bytes and listed != elements):
            raise Malformed


def _elements(width: int, value: int | memoryview) -> int:
    """How many elements one field of a list holds; lists of varints (``width`` 0) are for small tensors only."""
    if isinstance(value, int):
        return 1
    if width and not len(value) % width:
        return len(value) // width
    if width or len(value) > SMALL_ELEMENTS * VARINT_BYTES:
        raise Malformed
    return sum(1 for _ in varints(value))
