"""The inspection at intake: file meta information, and bytes that are cut, foreign or malformed."""

from __future__ import annotations

import struct
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from kaname.residual import Finding, inspect_file
from kaname.residual.layout import LayoutError, read_layout

from .changes import inside, kinds, without
from .clean_files import CLASSES, SUBJECT, clean_dataset, clean_file, to_bytes

SECRET = "山田太郎"


# ── file meta information and the bytes around the data set ─────────────────────────────────────


def meta_element(element: int, vr: bytes, value: bytes) -> bytes:
    """One element of group 0002."""
    if vr == b"OB":
        return struct.pack("<HH2sHI", 2, element, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value


def with_meta(*added: bytes, drop: int | None = None, length: int | None = None) -> bytes:
    """A clean file with elements added to its file meta information, or one left out."""
    data = clean_file()
    meta = read_layout(data).meta
    kept = b"".join(data[s.start : s.end] for s in meta[1:] if s.tag & 0xFFFF != drop) + b"".join(added)
    size = struct.pack("<I", len(kept) if length is None else length)
    return data[:132] + meta_element(0, b"UL", size) + kept + data[meta[-1].end :]


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (with_meta(meta_element(0x16, b"AE", b"HOSP")), "foreign"),
        (with_meta(meta_element(0x17, b"AE", b"HOSP")), "foreign"),
        (with_meta(meta_element(0x18, b"AE", b"HOSP")), "foreign"),
        (with_meta(meta_element(0x100, b"UI", b"1.2\0")), "foreign"),
        (with_meta(meta_element(0x102, b"OB", b"name")), "foreign"),
        (with_meta(drop=0x12), "missing"),
        (with_meta(drop=0x03), "missing"),
        (with_meta(length=8), "length"),
        (with_meta(meta_element(0x01, b"OB", b"\0\2")), "version"),
        (with_meta(meta_element(0x01, b"OB", b"\0\1")), "order"),
        (with_meta(meta_element(0x03, b"UI", b"2.25.8"), drop=0x03), "differs"),
        (with_meta(meta_element(0x13, b"SH", b"YAMADA"), drop=0x13), "name"),
    ],
)
def test_file_meta_is_exact(data: bytes, detail: str) -> None:
    """Foreign, missing, doubled and differing elements of file meta information are found."""
    assert ("file-meta", detail) in {(f.kind, f.detail) for f in inspect_file(data)}


def test_a_foreign_implementation_is_found() -> None:
    """A UID under a hospital's root does not pass in file meta information either."""
    assert "uid" in kinds(with_meta(meta_element(0x12, b"UI", b"1.2.392.20"), drop=0x12))


def test_the_preamble_is_empty() -> None:
    """One byte in the preamble is a finding."""
    assert kinds(to_bytes(clean_dataset(), preamble=b"\0" * 127 + b"x")) == {"preamble"}


def test_trailing_and_missing_bytes_are_found() -> None:
    """Whatever trails the pixel data, and whatever is missing, is found."""
    data = clean_file()
    assert kinds(data + b"\0") == {"trailing-bytes"}
    assert kinds(data + b"YAMADA TARO") == {"trailing-bytes"}
    assert kinds(data[:-1]) == {"truncated"}
    assert kinds(b"") == {"malformed"}
    assert kinds(data[:132] + data[200:]) - {"malformed", "truncated"} == set()


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"])
def test_deflated_and_big_endian_files_do_not_pass(syntax: str) -> None:
    """Nothing is let through that the inspection cannot walk."""
    assert kinds(clean_file(syntax=syntax)) == {"malformed"}


def test_an_unknown_transfer_syntax_does_not_pass() -> None:
    """A transfer syntax outside the list is a finding."""
    data = with_meta(meta_element(0x10, b"UI", b"1.2.840.10008.1.2.4.100\0"), drop=0x10)
    assert "transfer-syntax" in kinds(data)


def test_elements_out_of_order_are_found() -> None:
    """An element that stands twice or too late is found."""
    data = clean_file(change=without("PixelData"))
    assert kinds(data + struct.pack("<HH2sH", 0x0008, 0x0060, b"CS", 2) + b"CT") == {"order", "truncated"}


def test_malformed_sequences_are_found() -> None:
    """Items without end, foreign delimiters, endless nesting: refused as malformed, without a crash."""
    data = clean_file(change=without("PixelData"))
    open_sequence = struct.pack("<HH2sHI", 0x0054, 0x0016, b"SQ", 0, 0xFFFFFFFF)
    item, end = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF), struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    sized = struct.pack("<HHI", 0xFFFE, 0xE000, 64)
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    for tail in (
        open_sequence,
        open_sequence + b"\xfe\xff",
        open_sequence + item,
        open_sequence + item + end,
        open_sequence + end,
        open_sequence + sized,
        struct.pack("<HH2sHI", 0x0054, 0x0016, b"SQ", 0, 8) + sized,
        end,
        pixels + end,
        pixels + sized,
        pixels + struct.pack("<HHI", 0xFFFE, 0xE000, 0),
        (open_sequence + item) * 40,
        struct.pack("<HH2sH", 0x0054, 0x0016, b"ZZ", 0),
        struct.pack("<HH2sH", 0x0054, 0x0016, b"SQ", 0),
    ):
        assert kinds(data + tail) <= {"malformed", "truncated"}, tail
        assert kinds(data + tail)


def test_an_unnamed_sequence_of_undefined_length_is_implicit_inside() -> None:
    """PS3.5 section 6.2.2: a private element in a UN sequence is found."""
    inner = struct.pack("<HHI", 0x0009, 0x1001, 4) + b"NAME"
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    tail = struct.pack("<HH2sHI", 0x0054, 0x0016, b"UN", 0, 0xFFFFFFFF) + item + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    found = inspect_file(clean_file(change=without("PixelData")) + tail)
    assert Finding("private-element", "RadiopharmaceuticalInformationSequence/(0009,1001)") in found


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "MR_truncated.dcm", "693_J2KI.dcm", "rtplan.dcm"])
def test_real_files_before_the_crossing_do_not_pass(name: str) -> None:
    """Files as hospitals make them have findings."""
    assert inspect_file(Path(str(get_testdata_file(name))).read_bytes())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_cut_or_flipped_file_is_judged(data: st.DataObject) -> None:
    """A cut file never passes, and no broken file makes the inspection crash."""
    whole = clean_file("enhanced-ct")
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert inspect_file(whole[:cut])
    place = data.draw(st.integers(132, len(whole) - 1))
    inspect_file(whole[:place] + data.draw(st.binary(min_size=1, max_size=4)) + whole[place + 1 :])
    with pytest.raises(LayoutError):
        read_layout(data.draw(st.binary(max_size=300)))


numbers = st.floats(-1e5, 1e5, allow_nan=False).map(lambda f: f"{f:.6g}")
days = st.dates(date(1990, 1, 1), date(2030, 12, 31)).map(lambda d: d.strftime("%Y%m%d"))


@settings(max_examples=80, deadline=None)
@given(
    subject=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16),
    uid=st.integers(0, 2**128 - 1),
    day=days,
    seconds=st.integers(0, 86399),
    age=st.integers(0, 90),
    position=st.lists(numbers, min_size=3, max_size=3),
    kind=st.sampled_from(sorted(CLASSES)),
    number=st.integers(-99999, 999999),
)
def test_random_clean_headers_pass(  # noqa: PLR0913, PLR0917 - one argument per attribute
    subject: str, uid: int, day: str, seconds: int, age: int, position: list[str], kind: str, number: int
) -> None:
    """Pseudonyms, shifted dates and measurements of any value give no finding."""

    def change(ds: Dataset) -> None:
        ds.PatientName = ds.PatientID = ds.AccessionNumber = subject
        ds.SOPInstanceUID, ds.StudyDate = f"2.25.{uid}", day
        ds.StudyTime = f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}.123000"
        ds.PatientAge, ds.ImagePositionPatient, ds.SeriesNumber = f"{age:03}Y", position, str(number)

    assert inspect_file(clean_file(kind, change)) == ()


def test_findings_name_nested_attributes() -> None:
    """A finding says where, through all sequences, and does not hold the value."""
    found = inspect_file(clean_file(change=inside(0x00204000, "LT", SECRET)))
    assert {f.attribute for f in found} == {"ProcedureCodeSequence/ConceptCodeSequence/ImageComments"}
    assert SECRET not in repr(found)
    assert SUBJECT not in repr(found)
