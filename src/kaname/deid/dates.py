"""Dates moved by a number of days, in every form that DA and DT values take in the field (PS3.5 section 6.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

_DA = re.compile(rb"(\d{4})(?:(\d{2})(\d{2})|\.(\d{2})\.(\d{2}))")
_DT = re.compile(rb"(\d{4})(\d{2})?(\d{2})?((?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?)")
_MIDDLE_MONTH, _MIDDLE_DAY = 7, 15


def shift_dates(value: bytes, days: int) -> bytes | None:
    """A DA value, several joined by a backslash included, moved by ``days``; ``None`` where it is no date.

    The form of ACR-NEMA (``2024.05.01``) is read and written as DA.
    """
    return _each(value, days, _shift_da)


def shift_datetimes(value: bytes, days: int) -> bytes | None:
    """A DT value moved by ``days``: time, fraction, zone and precision stay; ``None`` where it is no date and time."""
    return _each(value, days, _shift_dt)


def _each(value: bytes, days: int, shift: Callable[[bytes, int], bytes | None]) -> bytes | None:
    parts: list[bytes] = []
    for part in value.rstrip(b"\0 ").split(b"\\"):
        moved = shift(part.strip(), days) if part.strip() else b""
        if moved is None:
            return None
        parts.append(moved)
    return b"\\".join(parts)


def _shift_da(value: bytes, days: int) -> bytes | None:
    match = _DA.fullmatch(value)
    if match is None:
        return None
    year, month, day, acr_month, acr_day = match.groups()
    moved = _move(int(year), int(month or acr_month), int(day or acr_day), days)
    return None if moved is None else _digits(moved)


def _shift_dt(value: bytes, days: int) -> bytes | None:
    """Partial dates move from their middle, so that they err by half their precision at most."""
    match = _DT.fullmatch(value)
    if match is None:
        return None
    year, month, day, rest = match.groups()
    moved = _move(int(year), int(month or _MIDDLE_MONTH), int(day or _MIDDLE_DAY), days)
    if moved is None:
        return None
    return _digits(moved)[: 4 + len(month or b"") + len(day or b"")] + rest


def _digits(day: date) -> bytes:
    return day.isoformat().replace("-", "").encode()


def _move(year: int, month: int, day: int, days: int) -> date | None:
    try:
        return date(year, month, day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
