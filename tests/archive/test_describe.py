"""What a search shows of a data set."""

from __future__ import annotations

import pytest

from kaname.archive.describe import number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        (-7, -7),
        ("2147483647", 2147483647),
        ("2147483648", None),
        ("9" * 30, None),
        ("--5", None),
        ("٣", None),
    ],
)
def test_a_number_is_a_dicom_integer_or_none(value: str | int, expected: int | None) -> None:
    """Whatever stands in an integer attribute, the index can hold what is read from it."""
    assert number({"00200011": {"vr": "IS", "Value": [value]}}, "00200011") == expected
