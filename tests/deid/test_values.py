from __future__ import annotations

import pytest

from kaname.deid.values import cap_age, dummy, is_code, is_decimal, is_integer, is_time


@pytest.mark.parametrize("value", [b"ORIGINAL\\PRIMARY\\AXIAL", b"CT_SOM5 SPI", b"", b"HFS\0"])
def test_codes(value: bytes) -> None:
    """A defined term is a code."""
    assert is_code(value)


@pytest.mark.parametrize("value", [b"Yamada", b"YAMADA^TARO", b"ID 19501231", b"A" * 17, "山田".encode()])
def test_no_codes(value: bytes) -> None:
    """Free text, long numbers and overlong values are no codes."""
    assert not is_code(value)


def test_numbers_and_times() -> None:
    """Numbers and times are told by their characters."""
    assert is_decimal(b"-1.5E+03\\2 ")
    assert not is_decimal(b"1.5 kg")
    assert is_integer(b"-12\\3 ")
    assert not is_integer(b"1.5")
    assert is_time(b"101530.25")
    assert is_time(b"10:15:30")
    assert not is_time(b"noon")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"092Y", b"090Y"), (b"090Y", b"090Y"), (b"073Y ", b"073Y"), (b"120M", b"120M"), (b"73", None)],
)
def test_ages(value: bytes, expected: bytes | None) -> None:
    """An age above 90 years becomes 90 years."""
    assert cap_age(value) == expected


def test_dummies_keep_the_size_of_numbers() -> None:
    """A dummy fits its VR: words for text, zeros for numbers, nothing for bytes."""
    assert dummy(b"LO", b"Tokyo") == b"REMOVED"
    assert dummy(b"US", b"\1\2") == b"\0\0"
    assert dummy(b"OB", b"\1\2") == b""
