from __future__ import annotations

import zlib
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from kaname.dicom import endian, scan
from kaname.dicom.part10 import read_meta
from kaname.errors import KanameError, Refused


def big() -> bytes:
    """A real big-endian file."""
    path = get_testdata_file("MR_small_bigendian.dcm")
    assert isinstance(path, str)
    return Path(path).read_bytes()


def test_big_endian_is_turned() -> None:
    """A big-endian data set becomes little endian, element by element, pixels included."""
    data = big()
    plain = endian.to_little_endian(data, read_meta(data).end)
    expected = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
    found = {scan.tag_of(h): plain[v:e] for h, _, v, e in scan.elements(plain, 0, len(plain), implicit=False)}
    assert found[0x7FE00010] == expected.PixelData
    assert found[0x00280010] == expected.Rows.to_bytes(2, "little")


def test_nested_big_endian() -> None:
    """Sequences of undefined and defined length are turned too."""
    inner = b"\x00\x28\x00\x10US\x00\x02\x01\x02"
    item = b"\xff\xfe\xe0\x00" + len(inner).to_bytes(4, "big") + inner
    undefined = b"\xff\xfe\xe0\x00\xff\xff\xff\xff" + inner + b"\xff\xfe\xe0\x0d\0\0\0\0\xff\xfe\xe0\xdd\0\0\0\0"
    data = b"\x00\x08\x11\x40SQ\0\0" + len(item).to_bytes(4, "big") + item
    data += b"\x00\x08\x21\x12SQ\0\0\xff\xff\xff\xff" + undefined
    plain = endian.to_little_endian(data, 0)
    for element in scan.elements(plain, 0, len(plain), implicit=False):
        ((head, _, value, end),) = scan.items(plain, element, implicit=False, depth=1)[0:1][0:1][0]
        assert plain[value:end] == b"\x02\x01"
        assert head[:4] == b"\x28\x00\x10\x00"


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Whatever the bytes, turning them ends in bytes or a reason."""
    for function in (endian.to_little_endian, endian.inflate):
        try:
            assert isinstance(function(data, 0), bytes)
        except KanameError as error:
            assert error.code  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\x08", "trailing-bytes"),
        (b"\x00\x08\x00\x08ZZ\0\0", "malformed-dicom"),
        (b"\x00\x08\x00\x08OB\0\0", "truncated"),
        (b"\x00\x08\x00\x08LO\0\x09ab", "truncated"),
        (b"\x00\x28\x00\x10US\0\x01a", "malformed-dicom"),
        (b"\xff\xfe\xe0\x00\x00\x00\x00\x40", "truncated"),
        (b"\xff\xfe\xe0\x00\xff\xff\xff\xff" * 30, "nesting-too-deep"),
    ],
)
def test_broken_big_endian(data: bytes, code: str) -> None:
    """Each way of being broken has its own reason."""
    with pytest.raises(Refused) as caught:
        endian.to_little_endian(data, 0)
    assert caught.value.code == code


def deflate(data: bytes) -> bytes:
    """Raw deflate, as PS3.5 section A.5 asks for."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def test_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deflated data set that grows beyond the limit is refused before it fills the memory."""
    monkeypatch.setattr(endian, "INFLATED_LIMIT_BYTES", 1 << 16)
    assert endian.inflate(deflate(b"\0" * 1000), 0) == b"\0" * 1000
    with pytest.raises(Refused, match="too-large"):
        endian.inflate(deflate(b"\0" * (1 << 20)), 0)
    with pytest.raises(Refused, match="truncated"):
        endian.inflate(deflate(b"abc" * 100)[:-3], 0)
