from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.deid.dates import shift_dates, shift_datetimes

DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
OFFSETS = st.integers(-3650, -30)


def da(day: date) -> bytes:
    """The day as a DA value."""
    return day.strftime("%Y%m%d").encode()


@given(DAYS, DAYS, OFFSETS)
def test_interval(first: date, second: date, offset: int) -> None:
    """The interval between two dates survives the shift."""
    a, b = (date.fromisoformat((shift_dates(da(d), offset) or b"").decode()) for d in (first, second))
    assert b - a == second - first
    assert first - a == timedelta(days=-offset)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"20240501", b"20240430"),
        (b"20240501 ", b"20240430"),
        (b"2024.05.01", b"20240430"),
        (b"20240501\\20240301", b"20240430\\20240229"),
        (b"", b""),
        (b"20240431", None),
        (b"202405", None),
        (b"Yamada", None),
        (b"20240501\\x", None),
        (b"00010101", None),
    ],
)
def test_forms_of_da(value: bytes, expected: bytes | None) -> None:
    """A date of any form in the field moves by one day, and what is no date is told."""
    assert shift_dates(value, -1) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"20240501101530.123456+0900", b"20240430101530.123456+0900"),
        (b"20240501", b"20240430"),
        (b"202405", b"202405"),
        (b"2024", b"2024"),
        (b"202405+0900", b"202405+0900"),
        (b"20240431101530", None),
        (b"tomorrow", None),
        (b"", b""),
    ],
)
def test_forms_of_dt(value: bytes, expected: bytes | None) -> None:
    """A date with time keeps time, fraction, zone and precision."""
    assert shift_datetimes(value, -1) == expected
