"""Where a planted string may stand in bytes: every encoding, found exactly, at the speed of the slowest disk.

A form counts wherever its bytes stand, whatever surrounds them. Three exceptions: in ISO 2022, where the same bytes may
be ASCII, the escape before them decides; digits in a long run of digits are part of a UID; and four or five bytes amid
noise or amid smooth colours are chance: a hundred such forms turn up once in every forty megabytes of cipher text or
pixels.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

ENCODINGS = ("utf-8", "iso2022_jp", "cp932", "euc_jp", "utf-16le", "utf-16be")
SHORTEST_BYTES = 4
_TWO_BYTE_SETS = (b"\x1b$B", b"\x1b$@", b"\x1b$(D")
_ESCAPES = re.compile(rb"(?:\x1b\$\(D|\x1b\$[B@]|\x1b\([BJI])")
_DIGITS_OF_A_NUMBER = 24
_GRAM, _WINDOW = 4, 1 << 20
_SHORT_BYTES, _BESIDE_BYTES, _NOISE_VALUES = 6, 128, 85
"""Forms of fewer bytes do not count where the bytes on either side of them have at least so many different values: of
random ones 101 ± 4, of text in any encoding, of base64 and of headers fewer than 70."""
_COLOUR_BYTES, _SAMPLES, _SHADE = 60, 3, 16
"""Nor where they and so many bytes on either side are colours that go over into each other: red, green and blue of each
pixel differ by at most so much from those of the next. No text does that over forty pixels."""


@dataclass(frozen=True, slots=True)
class Needle:
    """One form of one planted string as bytes."""

    index: int
    """Which of the strings it spells."""
    encoding: str
    form: bytes
    shifted: bool = False
    """In ISO 2022 the form counts only where a two-byte set is in force."""


def needles(strings: Iterable[str]) -> list[Needle]:
    """Every form of every string: six encodings, and UTF-8 as JSON, URL and base64 escape it.

    Raises:
        ValueError: ``too short`` when an encoded form has fewer than four bytes: chance would find it everywhere.
    """
    made: list[Needle] = []
    for index, text in enumerate(strings):
        for needle in _forms(index, text):
            if len(needle.form) < SHORTEST_BYTES:
                msg = f"string {index} is too short to be searched for in {needle.encoding}"
                raise ValueError(msg)
            made.append(needle)
    return made


def _forms(index: int, text: str) -> Iterator[Needle]:
    plain = text.isascii()
    if any("｡" <= c <= "ﾟ" for c in text):
        yield from _code_extension(index, text)
    for encoding in ENCODINGS:
        if plain and encoding in ("iso2022_jp", "cp932", "euc_jp"):
            continue
        try:
            form = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        if encoding == "iso2022_jp":
            yield from _jis(index, form)
        else:
            yield Needle(index, encoding, form)
    if not plain:
        escaped = json.dumps(text)[1:-1].encode()
        yield Needle(index, "json", escaped)
        yield Needle(index, "json", re.sub(rb"\\u[0-9a-f]{4}", lambda m: b"\\u" + m[0][2:].upper(), escaped))
    if (in_url := quote(text, safe="")) != text:
        yield Needle(index, "url", in_url.encode())
    yield from _base64(index, text.encode())


def _jis(index: int, form: bytes) -> Iterator[Needle]:
    """The bytes between the outer escapes; inner escapes are looked for as this encoder writes them."""
    inner = _ESCAPES.sub(b"", form, count=1) if form.startswith(b"\x1b") else form
    yield Needle(index, "iso2022_jp", inner.removesuffix(b"\x1b(B"), shifted=form.startswith(b"\x1b$"))


def _code_extension(index: int, text: str) -> Iterator[Needle]:
    """Half-width kana as ISO 2022 IR 13 writes it: called anew in every component (PS3.5 section 6.1.2.5.3)."""
    parts = [part.encode("cp932", "ignore") for part in re.split(r"(?<=[\^=])", text)]
    if len(parts) > 1 and b"".join(parts).decode("cp932") == text:
        yield Needle(index, "jisx0201", b"\x1b)I".join(parts))


def _base64(index: int, form: bytes) -> Iterator[Needle]:
    """What all three alignments leave unchanged of the string's bytes in base64."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + form).rstrip(b"=")
        after = (before + len(form)) % 3
        inner = encoded[(0, 2, 3)[before] : len(encoded) - (1 if after else 0)]
        if len(inner) >= SHORTEST_BYTES * 2:
            yield Needle(index, "base64", inner)


@dataclass(frozen=True, slots=True)
class Found:
    """A form found: which string, how encoded, at which offset."""

    index: int
    encoding: str
    offset: int


class Finder:
    """Finds all forms in a buffer at once: by their last four bytes first, which are numbers that a set can hold."""

    def __init__(self, strings: Iterable[str]) -> None:
        self._by_end: dict[int, list[Needle]] = {}
        for needle in needles(strings):
            self._by_end.setdefault(int.from_bytes(needle.form[-_GRAM:], sys.byteorder), []).append(needle)
        self._ends = frozenset(self._by_end)

    def search(self, data: bytes) -> list[Found]:
        """The first place of each form in ``data``."""
        present: set[int] = set()
        for start in range(0, len(data), _WINDOW):
            window = memoryview(data)[start : start + _WINDOW + _GRAM - 1]
            for shift in range(_GRAM):
                stop = shift + (len(window) - shift) // _GRAM * _GRAM
                if stop > shift:
                    present |= self._ends.intersection(window[shift:stop].cast("I").tolist())
        return [found for end in sorted(present) for needle in self._by_end[end] for found in _first(needle, data)]


def _first(needle: Needle, data: bytes) -> Iterator[Found]:
    position = data.find(needle.form)
    while position >= 0:
        if _counts(needle, data, position):
            yield Found(needle.index, needle.encoding, position)
            return
        position = data.find(needle.form, position + 1)


def _counts(needle: Needle, data: bytes, position: int) -> bool:
    end = position + len(needle.form)
    if len(needle.form) < _SHORT_BYTES and (_amid_noise(data, position, end) or _amid_colours(data, position, end)):
        return False
    if needle.shifted:
        return _two_byte_set_in_force(data, position)
    if needle.encoding == "utf-8" and needle.form.isdigit():
        return not _inside_a_number(data, position, end)
    return True


def _amid_noise(data: bytes, start: int, end: int) -> bool:
    """Whether the bytes on both sides look random, as cipher text and compressed pixels do."""
    beside = data[max(start - _BESIDE_BYTES, 0) : start], data[end : end + _BESIDE_BYTES]
    return all(len(set(side)) >= _NOISE_VALUES for side in beside)


def _amid_colours(data: bytes, start: int, end: int) -> bool:
    """Whether the bytes are part of a smooth stretch of a native colour picture."""
    if start < _COLOUR_BYTES or end + _COLOUR_BYTES > len(data):
        return False
    stretch = data[start - _COLOUR_BYTES : end + _COLOUR_BYTES]
    return all(abs(a - b) <= _SHADE for a, b in zip(stretch, stretch[_SAMPLES:], strict=False))


def _two_byte_set_in_force(data: bytes, position: int) -> bool:
    """Whether the last escape before ``position`` called a two-byte set, an even number of bytes ago."""
    escape = data.rfind(b"\x1b", 0, position)
    if escape < 0:
        return False
    for start in _TWO_BYTE_SETS:
        if data.startswith(start, escape):
            between = data[escape + len(start) : position]
            return len(between) % 2 == 0 and not any(byte < 0x21 for byte in between)  # noqa: PLR2004
    return False


def _inside_a_number(data: bytes, start: int, end: int) -> bool:
    """Whether digits stand in so long a run of digits that they are part of a UID and spell no date or number."""
    while start > 0 and data[start - 1 : start].isdigit():
        start -= 1
    while end < len(data) and data[end : end + 1].isdigit():
        end += 1
    return end - start > _DIGITS_OF_A_NUMBER
