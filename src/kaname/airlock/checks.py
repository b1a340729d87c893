"""The automatic checks: only weights and a few figures may go on to a person. Pixels, records and archives may not.

They keep honest work from leaking by mistake and make smuggling hard. They cannot prove that weights remember nobody:
that is why a second person decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any, cast

from kaname.airlock.onnx_file import is_network
from kaname.airlock.safetensors_file import is_weights

LARGEST_BYTES = 256 << 20
"""Of one output; what is larger is not even read."""
JSON_BYTES = 256 << 10
JSON_NUMBERS = 2048
JSON_NUMBER_CHARACTERS = 32
"""As a double is printed in full, and some."""
JSON_TEXTS = 256
JSON_TEXT_CHARACTERS = 200
JSON_DEPTH = 8
LOG_BYTES = 64 << 10
UID = re.compile(r"\b(?:[0-9]+(?:\.[0-9]+){4,}|2\.25\.[0-9]{6,})")
"""What looks like a DICOM UID: an output that names objects tells which ones."""
SIGNATURES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0\x00\x10JFIF",
    b"Exif\x00\x00",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51\x00\x2f",
    b"DICM\x02\x00\x00\x00UL",
    b"PK\x03\x04\x14\x00",
    b"SIMPLE  =",
)
"""How pictures, DICOM files and archives begin, long enough not to turn up in weights by chance."""


def problem(name: str, data: bytes) -> str:
    """Reason code of what is wrong with an output; empty when the checks have nothing against it."""
    check = CHECKS.get(name.rpartition(".")[2])
    if check is None or "." not in name:
        return "output-type"
    if any(signature in data for signature in SIGNATURES):
        return "output-content"
    return "" if check(data) else "output-content"


def log_is_plain(log: bytes) -> bool:
    """Whether a log is short, readable text that names no object."""
    if len(log) > LOG_BYTES:
        return False
    try:
        text = log.decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\n\r\t" for c in text) and not UID.search(text)


def is_figures(data: bytes) -> bool:
    """Whether a JSON file holds a handful of numbers and their names."""
    if len(data) > JSON_BYTES:
        return False
    try:
        value: object = json.loads(data, object_pairs_hook=_entries, parse_int=_short(int), parse_float=_short(float))
        leaves = list(_leaves(value, 0))
    except (ValueError, RecursionError):
        return False
    texts = [leaf for leaf in leaves if isinstance(leaf, str)]
    return (
        len(leaves) - len(texts) <= JSON_NUMBERS
        and len(texts) <= JSON_TEXTS
        and all(len(text) <= JSON_TEXT_CHARACTERS and text.isprintable() and not UID.search(text) for text in texts)
    )


def _entries(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The entries of an object, none twice: of two of one name only the last would be looked at.

    Raises:
        ValueError: when a name comes again.
    """
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError
    return entries


def _short(number: type[int | float]) -> Callable[[str], int | float]:
    """Reads a number that has no more digits than a figure: behind them a picture would find room."""

    def read(digits: str) -> int | float:
        if len(digits) > JSON_NUMBER_CHARACTERS:
            raise ValueError
        return number(digits)

    return read


def _leaves(value: object, depth: int) -> Iterator[object]:
    """Numbers, truth values, ``None``, texts, and the names of entries.

    Raises:
        ValueError: when it is nested too deeply, or a number is not finite.
    """
    if depth > JSON_DEPTH or (isinstance(value, float) and not isfinite(value)):
        raise ValueError
    if isinstance(value, dict):
        for name, part in cast("dict[str, Any]", value).items():
            yield name
            yield from _leaves(part, depth + 1)
    elif isinstance(value, list):
        for part in cast("list[Any]", value):
            yield from _leaves(part, depth + 1)
    else:
        yield value


CHECKS: Mapping[str, Callable[[bytes], bool]] = {"onnx": is_network, "safetensors": is_weights, "json": is_figures}
"""By the ending of the name. A pickle runs code when it is opened, so there is none."""
