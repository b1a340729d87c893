"""The inspection at intake: clean files pass, every planted fault is found, no finding tells a value."""

from __future__ import annotations

import mmap
import struct
import warnings
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from kaname.residual import inspect_file
from kaname.residual.layout import read_layout

from .changes import inside, kinds, put, with_element, without
from .clean_files import CLASSES, IMPLICIT, RLE, SUBJECT, Change, clean_file

EXPLICIT = "1.2.840.10008.1.2.1"

SECRET = "山田太郎"


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, RLE])
def test_clean_files_pass(kind: str, syntax: str) -> None:
    """A correctly de-identified CT, MR or PET file has no finding, enhanced and compressed ones included."""
    assert inspect_file(clean_file(kind, syntax=syntax)) == ()


def test_a_memory_map_passes(tmp_path: Path) -> None:
    """A file may be given as a memory map."""
    path = tmp_path / "clean.dcm"
    path.write_bytes(clean_file())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert inspect_file(data) == ()


def test_undefined_lengths_pass() -> None:
    """Sequences of undefined length are walked like others."""

    def change(ds: Dataset) -> None:
        ds["DeidentificationMethodCodeSequence"].is_undefined_length = True
        ds.DeidentificationMethodCodeSequence[0].is_undefined_length_sequence_item = True

    assert inspect_file(clean_file(change=change)) == ()


FAULTS: dict[str, tuple[Change, str]] = {
    "private": (put(0x00091001, "LO", "x"), "private-element"),
    "private creator": (put(0x00090010, "LO", "ACME"), "private-element"),
    "private, nested": (inside(0x00291010, "OB", b"xy"), "private-element"),
    "unknown": (put(0x00100999, "LO", "x"), "unknown-element"),
    "unknown, nested": (inside(0x00380998, "UN", b"xy"), "unknown-element"),
    "curve": (put(0x50003000, "OW", b"xy"), "curve"),
    "overlay": (put(0x60000022, "LO", "x"), "overlay"),
    "overlay, nested": (inside(0x60023000, "OW", b"xy"), "overlay"),
    "padding": (put(0xFFFCFFFC, "OB", b"xy"), "padding"),
    "directory": (put(0x00041130, "CS", "X"), "foreign-group"),
    "position of a photograph": (put(0x00160072, "DS", "35.6"), "foreign-group"),
    "icon": (inside(0x7FE00010, "OW", b"xy"), "nested-pixels"),
    "not marked": (without("PatientIdentityRemoved"), "marker"),
    "marked NO": (put(0x00120062, "CS", "NO"), "marker"),
    "no method": (without("DeidentificationMethod"), "marker"),
    "no codes": (without("DeidentificationMethodCodeSequence"), "marker"),
    "empty codes": (put(0x00120064, "SQ", []), "marker"),
    "dates unmodified": (put(0x00280303, "CS", "UNMODIFIED"), "marker"),
    "charset": (put(0x00080005, "CS", "ISO_IR 100"), "charset"),
    "no charset": (without("SpecificCharacterSet"), "charset"),
    "charset, nested": (inside(0x00080005, "CS", "ISO 2022 IR 87"), "charset"),
    "not UTF-8": (put(0x00080070, "UN", b"\x8e\x52"), "charset"),
    "name": (put(0x00100010, "PN", "YAMADA^TARO"), "subject"),
    "other subject": (put(0x00100010, "PN", "A" * 16), "subject"),
    "no id": (without("PatientID"), "subject"),
    "id": (put(0x00100020, "LO", "1234567"), "subject"),
    "accession": (put(0x00080050, "SH", "A-1234"), "accession"),
    "birth date": (put(0x00100030, "DA", "19600101"), "date"),
    "birth date, nested": (inside(0x00100030, "DA", "19600101"), "date"),
    "birth time": (put(0x00100032, "TM", "0312"), "time"),
    "old": (put(0x00101010, "AS", "091Y"), "age"),
    "no age": (put(0x00101010, "UN", b"91.5"), "age"),
    "study description": (put(0x00081030, "LO", "Chest"), "free-text"),
    "comment, nested": (inside(0x00204000, "LT", "seen"), "free-text"),
    "physician": (put(0x00080090, "PN", "SATO"), "free-text"),
    "station": (put(0x00080055, "AE", "CT01"), "free-text"),
    "address of a service": (put(0x00081190, "UR", "http://a"), "free-text"),
    "unlimited text": (put(0x0040A160, "UT", "x"), "free-text"),
    "long": (put(0x00080070, "UN", b"S" * 130), "long-text"),
    "text under a number": (put(0x00280010, "LO", SECRET), "vr"),
    "a number's place": (put(0x00081030, "US", 5), "vr"),
    "code": (put(0x00180015, "UN", b"Chest of A"), "code-string"),
    "long code": (put(0x00180015, "UN", b"A" * 18), "code-string"),
    "number as code": (put(0x00180015, "CS", "1234567"), "code-string"),
    "impossible day": (put(0x00080020, "UN", b"20240231"), "date"),
    "impossible form": (put(0x00080020, "UN", b"2024.1.1"), "date"),
    "far day": (put(0x00080020, "UN", b"17000101"), "date"),
    "date and time": (put(0x0008002A, "UN", b"yesterday "), "date"),
    "odd date and time": (put(0x0008002A, "UN", b"20241"), "date"),
    "time": (put(0x00080030, "UN", b"noon"), "time"),
    "whole": (put(0x00200011, "UN", b"4.5 "), "number"),
    "uid": (put(0x0020000D, "UI", "1.2.392.200036.9116"), "uid"),
    "own uid of the standard": (put(0x00080018, "UI", "1.2.840.10008.1.1"), "uid"),
    "binary": (put(0x00282000, "OB", b"ICC profile!"), "binary"),
    "burned in": (put(0x00280301, "CS", "YES"), "burned-in"),
    "samples": (put(0x00280002, "US", 3), "colour"),
    "photometric": (put(0x00280004, "CS", "RGB"), "colour"),
    "screen": (put(0x00080008, "CS", ["DERIVED", "SECONDARY", "SCREEN SAVE"]), "screen"),
    "dose page": (put(0x00080008, "CS", ["DERIVED", "SECONDARY", "DOSE_INFO"]), "screen"),
    "screen in a frame": (inside(0x00089007, "CS", ["DERIVED", "CAPTURE"]), "screen"),
    "conversion": (put(0x00080064, "CS", "WSD"), "screen"),
    "class": (put(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"), "sop-class"),
    "hidden bits": (put(0x7FE00010, "OW", b"\x00\x10" * 256), "overlay-bits"),
    "bits nowhere": (put(0x00280102, "US", 13), "overlay-bits"),
    "more pixels": (put(0x7FE00010, "OW", b"\0" * 600), "pixel-length"),
    "fewer pixels": (put(0x7FE00010, "OW", b"\0" * 500), "pixel-length"),
    "control": (put(0x00080070, "LO", "SIE\x07MENS"), "control-character"),
}


@pytest.mark.parametrize(
    ("fault", "syntax"),
    [(f, s) for f in FAULTS for s in (EXPLICIT, IMPLICIT) if s == EXPLICIT or FAULTS[f][1] != "vr"],
)
def test_faults_are_found(fault: str, syntax: str) -> None:
    """Every fault of the list is found in both encodings; implicit VR has no VR to be wrong."""
    change, kind = FAULTS[fault]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = clean_file(change=change, syntax=syntax)
    assert kind in kinds(data)


LOOKS = {
    "phone": [
        "03-3341-8111",
        "(03)3341-8111",
        "０９０−１２３４−５６７８",
        "09012345678",
        "+81-3-3341-8111",
        "内線2345",
        "TEL 5",
    ],
    "e-mail": ["taro@example.jp"],
    "address": ["https://example.jp", "東京都新宿区", "1丁目"],
    "postal": ["〒160", "160-0022"],
    "wareki": ["令和6年", "昭和 四十年", "㍻31年", "平31.2.28", "令和元年"],
    "wareki-letter": ["R6.5.1", "S40/5/1", "H30年12月", "R元.5.1", "Ｒ６．５．１"],
    "date": [
        "2024/05/01",
        "2024-5-1",
        "20240501",
        "二〇二四年",
        "May 1 2024",
        "1 May 2024",
        "5/1/2024",
        "2024年5月1日",
    ],
    "honorific": ["山田様", "Mr. Yamada", "Yamada san", "田中先生", "患者"],
    "person-name": ["YAMADA^TARO", "山田^太郎"],
    "japanese": ["やまだ", "ﾔﾏﾀﾞ"],
    "label": ["ID: 5", "name=x", "MRN:77"],
    "number": ["12345678"],
}


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in LOOKS.items() for text in texts])
def test_telling_text_is_found_where_text_is_allowed(rule: str, text: str) -> None:
    """A telling pattern in an allowed attribute is found, and the finding does not repeat it."""
    data = clean_file(change=lambda ds: setattr(ds, "ManufacturerModelName", text))
    if rule == "japanese":
        data = clean_file(change=lambda ds: setattr(ds, "SequenceName", text))
    found = inspect_file(data)
    assert rule in {finding.kind for finding in found}
    assert text not in repr(found)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("SoftwareVersions", "syngo CT VA48A 20160615"),
        ("SoftwareVersions", "R5.6.1"),
        ("ManufacturerModelName", "MR 750w 3.0T"),
        ("Manufacturer", "日本の会社"),
        ("SequenceName", "*tfl3d1_ns"),
        ("ConvolutionKernel", "FC04/2"),
        ("RescaleType", "HU"),
    ],
)
def test_technical_text_passes(keyword: str, text: str) -> None:
    """Names of products and techniques look like nobody."""
    assert inspect_file(clean_file(change=lambda ds: setattr(ds, keyword, text))) == ()


def test_placeholders_and_empty_values_pass() -> None:
    """What stands in for a removed value passes in any attribute."""

    def change(ds: Dataset) -> None:
        ds.StudyDescription, ds.RetrieveURL, ds.OperatorsName = "REMOVED", "urn:removed", ""
        ds.ImageComments, ds.BurnedInAnnotation = "", "NO"

    assert inspect_file(clean_file(change=change)) == ()


@pytest.mark.parametrize(
    ("tag", "vr", "value", "found"),
    [
        (0x00400250, b"UN", b"20170101", set[str]()),
        (0x00400250, b"UN", b"tomorrow", {"date"}),
        (0x00081115, b"UN", b"opaque", {"binary"}),
        (0x00400251, b"LO", b"Yamada", {"vr", "free-text"}),
        (0x00200030, b"DS", b"12O ", {"number"}),
        (0x00200030, b"DS", b"1\\\\", set[str]()),
        (0x00100000, b"UL", b"\4\0\0\0", {"group-length"}),
        (0x00189346, b"OB", b"", {"vr"}),
    ],
)
def test_raw_elements_are_judged(tag: int, vr: bytes, value: bytes, found: set[str]) -> None:
    """Elements that writing libraries repair are judged as they stand; unnamed ones (UN) by the dictionary's VR."""
    assert kinds(with_element(tag, vr, value)) == found


def test_group_lengths_are_found_in_implicit_vr() -> None:
    """A group length needs no VR in the file to be known."""
    data = clean_file(syntax=IMPLICIT)
    place = next(s.start for s in read_layout(data).spans if s.tag > 0x00100000)
    assert kinds(data[:place] + struct.pack("<HHII", 0x10, 0, 4, 4) + data[place:]) == {"group-length"}


def test_pseudonyms_pass_in_sequences() -> None:
    """The subject may be repeated in sequences that refer to the patient."""
    assert inspect_file(clean_file(change=inside(0x00100020, "LO", SUBJECT))) == ()
    assert kinds(clean_file(change=inside(0x00100020, "LO", "1234"))) == {"subject"}


def test_sign_and_padding_are_no_hidden_bits() -> None:
    """Sign extension and the declared padding value fill upper bits rightly; so do eight stored bits."""

    def signed(ds: Dataset) -> None:
        ds.PixelRepresentation, ds.PixelData = 1, b"\x00\xf8\x00\x07" * 128

    def padded(ds: Dataset) -> None:
        ds.add_new(0x00280120, "US", 0xF830)
        ds.PixelData = b"\x30\xf8\x01\x00" * 128

    def short(ds: Dataset) -> None:
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation, ds.PixelData = 8, 7, 1, b"\x01\x00\x81\xff" * 128

    def full(ds: Dataset) -> None:
        ds.BitsStored, ds.HighBit, ds.PixelData = 16, 15, b"\x01\xff" * 256

    for change in (signed, padded, short, full):
        assert inspect_file(clean_file(change=change)) == ()


def test_bytes_of_eight_bits_have_nothing_hidden() -> None:
    """Pixels of eight bits have no bits to spare."""

    def change(ds: Dataset) -> None:
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelData = 8, 8, 7, b"\xff" * 256

    assert inspect_file(clean_file(change=change)) == ()


def test_an_image_without_pixels_is_cut() -> None:
    """A file that ends before its pixel data is truncated; floating pixels are pixels."""
    assert kinds(clean_file(change=without("PixelData"))) == {"truncated"}

    def change(ds: Dataset) -> None:
        del ds.PixelData
        ds.add_new(0x7FE00008, "OF", b"\0" * 16)

    assert inspect_file(clean_file(change=change)) == ()
