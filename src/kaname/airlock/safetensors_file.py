"""Whether a safetensors file holds weights and nothing beside them (format: huggingface/safetensors, README)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import Any, cast

HEADER_BYTES = 1 << 20
WIDTHS: Mapping[str, int] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
SMALL: Mapping[str, int] = {"I64": 8, "I32": 4, "BOOL": 1}
SMALL_ELEMENTS = 1024
TEXT_CHARACTERS = 4096


def is_weights(data: bytes) -> bool:
    """Whether every byte of ``data`` belongs to a tensor of weights that the header names."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(HEADER_BYTES, len(data) - 8):  # noqa: PLR2004 -- the length comes first
        return False
    try:
        header: object = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        return False
    if not isinstance(header, dict):
        return False
    tensors = cast("dict[str, Any]", header)
    told = tensors.pop("__metadata__", {})
    if len(json.dumps(told)) + sum(map(len, tensors)) > TEXT_CHARACTERS * 16 or len(json.dumps(told)) > TEXT_CHARACTERS:
        return False
    try:
        spans = sorted(_span(tensor) for tensor in tensors.values())
    except (TypeError, KeyError, ValueError):
        return False
    ends = [0, *(end for _, end in spans)]
    return bool(spans) and [begin for begin, _ in spans] == ends[:-1] and ends[-1] == len(data) - 8 - length


def _span(tensor: dict[str, Any]) -> tuple[int, int]:
    """Where a tensor lies.

    Raises:
        ValueError, TypeError, KeyError: when it is none.
    """
    if set(tensor) != {"dtype", "shape", "data_offsets"}:
        raise ValueError
    kind: str = tensor["dtype"]
    numbers: list[object] = [*tensor["shape"], *tensor["data_offsets"]]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError
    shape: list[int] = tensor["shape"]
    begin, end = tensor["data_offsets"]
    elements = prod(shape)
    width = WIDTHS.get(kind) or SMALL[kind]
    if end - begin != elements * width:
        raise ValueError
    if kind in SMALL and elements > SMALL_ELEMENTS:
        raise ValueError
    return begin, end
