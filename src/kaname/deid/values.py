"""What a value of each VR may look like (PS3.5 section 6.2), and the dummy that stands in for a removed one."""

from __future__ import annotations

import re

_CODE_RUN = 6
_CODE = re.compile(rb"[A-Z0-9 _]{0,16}(?:\\[A-Z0-9 _]{0,16})*")
_LONG_NUMBER = re.compile(rb"(?:\d[ _]?){%d}" % _CODE_RUN)
_DECIMAL = re.compile(rb" *(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)? *")
_INTEGER = re.compile(rb" *(?:[+-]?\d{1,12})? *")
_TIME = re.compile(
    rb" *(?:(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"
    rb"|(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d{1,6})?)?)? *"
)
_LETTERS = re.compile(rb"[A-Za-z0-9 ^.,:/_-]{12}")
_AGE = re.compile(rb"(\d{3})([DWMY])")
_OLDEST_YEARS = 90


def is_code(value: bytes) -> bool:
    """Whether a CS value is a code: capitals, digits, space, underscore, at most 16 characters, no long number in it.

    Six digits in a row, blanks between them or not, are a date or a patient's number in the wrong place, not a defined
    term.
    """
    return _CODE.fullmatch(value.rstrip(b"\0")) is not None and _LONG_NUMBER.search(value) is None


def is_decimal(value: bytes) -> bool:
    """Whether every DS value is one number: ``03-1234-5678`` has the characters of numbers and is none."""
    return _all(_DECIMAL, value)


def is_integer(value: bytes) -> bool:
    """Whether every IS value is one whole number of at most 12 digits."""
    return _all(_INTEGER, value)


def is_time(value: bytes) -> bool:
    """Whether every TM value is a time of day (the form of ACR-NEMA, with colons, included)."""
    return _all(_TIME, value)


def is_age(value: bytes) -> bool:
    """Whether an AS value is an age that names nobody."""
    return cap_age(value) == value.strip(b"\0 ")


def is_numeric(value: bytes, vr: bytes, most: int) -> bool:
    """Whether the bytes of a binary VR can be its numbers: whole ones, no more than the attribute takes, no writing.

    Args:
        value: the bytes.
        vr: a VR of :data:`WIDTHS`.
        most: how many values the attribute takes, 0 for any number.
    """
    width = WIDTHS[vr]
    if len(value) % width or (most and len(value) > width * most):
        return False
    return bool(most) or _LETTERS.search(value) is None


def _all(grammar: re.Pattern[bytes], value: bytes) -> bool:
    return all(map(grammar.fullmatch, value.rstrip(b"\0").split(b"\\")))


def cap_age(value: bytes) -> bytes | None:
    """An AS value, 90 years and more as ``090Y``; ``None`` where it is no age."""
    match = _AGE.fullmatch(value.strip(b"\0 "))
    if match is None:
        return None
    number, unit = int(match[1]), match[2]
    return b"090Y" if unit == b"Y" and number > _OLDEST_YEARS else match[0]


def dummy(vr: bytes, value: bytes) -> bytes:
    """A value of the same VR that says nothing: what PS3.15 action D asks for."""
    texts = {
        b"AE": b"REMOVED", b"AS": b"000Y", b"CS": b"REMOVED", b"DA": b"19000101", b"DS": b"0", b"DT": b"19000101000000",
        b"IS": b"0", b"LO": b"REMOVED", b"LT": b"REMOVED", b"PN": b"REMOVED", b"SH": b"REMOVED", b"ST": b"REMOVED",
        b"TM": b"000000", b"UC": b"REMOVED", b"UR": b"urn:removed", b"UT": b"REMOVED",
    }  # fmt: skip
    if vr in texts:
        return texts[vr]
    return b"\0" * len(value) if vr in WIDTHS and vr != b"OV" else b""


WIDTHS = {
    b"AT": 4, b"FD": 8, b"FL": 4, b"OV": 8, b"SL": 4, b"SS": 2, b"SV": 8, b"UL": 4, b"US": 2, b"UV": 8,
}  # fmt: skip
"""Bytes of one value of each binary VR that holds numbers."""
