"""What a value of each VR may look like (PS3.5 section 6.2), and the dummy that stands in for a removed one."""

from __future__ import annotations

import re

_DIGITS = b"0123456789"
_CODE_RUN = 6
_CODE = re.compile(rb"[A-Z0-9 _]{0,16}(?:\\[A-Z0-9 _]{0,16})*")
_LONG_NUMBER = re.compile(rb"\d{%d}" % _CODE_RUN)
_AGE = re.compile(rb"(\d{3})([DWMY])")
_OLDEST_YEARS = 90


def is_code(value: bytes) -> bool:
    """Whether a CS value is a code: capitals, digits, space, underscore, at most 16 characters, no long number in it.

    Six digits in a row are a date or a patient's number in the wrong place, not a defined term.
    """
    return _CODE.fullmatch(value.rstrip(b"\0")) is not None and _LONG_NUMBER.search(value) is None


def is_decimal(value: bytes) -> bool:
    """Whether a DS value is made of the characters of numbers alone."""
    return not value.translate(None, _DIGITS + b"+-.eE\\ \0")


def is_integer(value: bytes) -> bool:
    """Whether an IS value is made of the characters of whole numbers alone."""
    return not value.translate(None, _DIGITS + b"+-\\ \0")


def is_time(value: bytes) -> bool:
    """Whether a TM value is made of the characters of times alone (the form of ACR-NEMA, with colons, included)."""
    return not value.translate(None, _DIGITS + b".:\\ \0")


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
    return b"\0" * len(value) if vr in _FIXED_SIZE else b""


_FIXED_SIZE = frozenset((b"AT", b"FD", b"FL", b"SL", b"SS", b"SV", b"UL", b"US", b"UV"))
