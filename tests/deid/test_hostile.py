from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from kaname.deid import rewrite
from kaname.deid.engine import Engine, write_once
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.deid.values import is_age, is_code, is_decimal, is_integer, is_numeric, is_time
from kaname.dicom.charset import decode
from kaname.errors import KanameError, NotYet, Refused
from kaname.registries import load
from kaname.testing.objects import PIXELS, ct_slice, to_bytes

KEY = MasterKey(b"0123456789abcdef0123456789abcdef")
ROWS = b"\x28\x00\x10\x00US\x02\x00\x08\x00"
KVP = b"\x18\x00\x60\x00DS\x04\x00120 "


def engine() -> Engine:
    """An engine with the key of these tests."""
    return Engine(load("basic"), KEY.for_registry("basic"), "gw-1")


def cross(folder: Path, data: bytes) -> Dataset:
    """What came out."""
    return pydicom.dcmread(engine().cross(Identified(data), folder).path)


def refusal(folder: Path, data: bytes) -> KanameError:
    """Why it was refused or held; nothing at all may be left in the folder."""
    with pytest.raises((Refused, NotYet)) as caught:
        engine().cross(Identified(data), folder)
    assert not folder.exists() or not list(folder.rglob("*"))
    return caught.value


def un(tag: bytes, value: bytes) -> bytes:
    """An element of VR UN."""
    return tag + b"UN\0\0" + len(value).to_bytes(4, "little") + value


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (is_decimal, b"1.5\\-2e3 \\ +.5\\\\7.", (b"03-1234-5678", b"1 2", b"2024-05-01", b"e", b"1.2.3")),
        (is_integer, b"-12 \\ 7\\\0", (b"090-1234-5678", b"1 2", b"1234567890123", b"+-")),
        (is_time, b"101530.250000\\10\\1015\\23:59:60.5\\", (b"20240501", b"03.1234", b"101530.1234567", b"256060")),
        (is_code, b"T1 5\\A_12345 B", (b"A 2024 05 01", b"12_34_56", b"090 1234 5678")),
        (is_age, b"089Y", (b"095Y", b"89Y ")),
    ],
)
def test_grammars(check: Any, good: bytes, bad: tuple[bytes, ...]) -> None:
    """A telephone number or a date has the characters of numbers, times and codes, and not their grammar."""
    assert check(good)
    assert not any(check(value) for value in bad)


def test_numbers_that_are_writing() -> None:
    """Binary numbers are whole, no more than the attribute takes; where there is no end, no letters."""
    assert is_numeric(b"\x41\x42" * 2, b"US", 2)
    assert not is_numeric(b"\x41\x42" * 3, b"US", 2)
    assert not is_numeric(b"abc", b"US", 0)
    assert is_numeric(bytes((0, 65, 66, 250)) * 20, b"US", 0)
    assert not is_numeric(b"\0\0Sato^Hanako 1950", b"US", 0)


@pytest.mark.parametrize(
    ("old", "new", "keyword"),
    [
        (ROWS, b"\x28\x00\x10\x00US\x0c\x00Sato^Hanako ", "Rows"),
        (ROWS, un(b"\x28\x00\x10\x00", b"Sato^Hanako "), "Rows"),
        (ROWS, b"\x28\x00\x09\x00AT\x14\x00Sato^Hanako 19501231" + ROWS, "FrameIncrementPointer"),
        (KVP, KVP + b"\x18\x00\x10\x11DS\x0c\x0003-1234-5678", "DistanceSourceToDetector"),
        (KVP, b"\x18\x00\x60\x00DS\x06\x0012\\123", "KVP"),
    ],
)  # fmt: skip
def test_writing_in_numbers(tmp_path: Path, old: bytes, new: bytes, keyword: str) -> None:
    """A name in a number, whatever the VR trick, leaves as an empty value."""
    data = to_bytes(ct_slice(SamplesPerPixel=None))
    assert old in data
    data = data.replace(old, new)
    if keyword == "Rows":  # without its size an image cannot be longer than its frames
        data = data[: data.index(b"\xe0\x7f\x10\x00")]
    out = cross(tmp_path, data)
    assert out[keyword].is_empty


def test_a_sequence_in_a_number(tmp_path: Path) -> None:
    """Items below an attribute of numbers, possible where VRs are implicit, do not leave."""
    data = to_bytes(ct_slice(PixelData=None), implicit=True)
    rows = b"\x28\x00\x10\x00\x02\0\0\0\x08\0"
    items = b"\xfe\xff\0\xe0\x14\0\0\0\x10\0\x10\0\x0c\0\0\0Sato^Hanako " + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert rows in data
    out = cross(tmp_path, data.replace(rows, rows[:4] + b"\xff\xff\xff\xff" + items))
    assert out["Rows"].is_empty


def test_unregistered_uids() -> None:
    """Only what the Standard registers stays: other numbers below its root may be anybody's."""
    good = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.6.1.1403", "1.2.840.10008.1.4.1.1")
    bad = ("1.2.840.10008.12345678", "1.2.840.10008.5.1.4.1.1.2.20240501", "1.2.840.10008.6.1.19501231")
    keys = KEY.for_registry("basic")
    assert [keys.uid(u) for u in good] == list(good)
    assert all(keys.uid(u).startswith("2.25.") for u in bad)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"BurnedInAnnotation": "YES_"}, "pixels-may-identify"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": None}, "pixels-may-identify"),
        ({"SamplesPerPixel": [1, 1, 1]}, "pixels-may-identify"),
        ({"PixelData": PIXELS + b"Sato^Hanako "}, "pixels-may-identify"),
        ({"NumberOfFrames": "1" * 4}, ""),
        ({"NumberOfFrames": "9" * 400}, ""),
        ({"Rows": None}, "pixels-may-identify"),
    ],
)
def test_pixels_in_doubt(tmp_path: Path, attributes: dict[str, Any], reason: str) -> None:
    """What the header does not plainly say to be one grey picture and nothing behind it is held."""
    data = to_bytes(ct_slice(**attributes))
    if reason:
        assert refusal(tmp_path, data).code == reason
    else:
        cross(tmp_path, data)


def test_overlay_position_of_a_strange_length(tmp_path: Path) -> None:
    """A bit position that is no number holds the object like one that is."""
    ds = ct_slice()
    ds.add_new(0x60020102, "US", [12, 0, 0])
    assert refusal(tmp_path, to_bytes(ds)).code == "overlay-in-pixels"


def jpeg(*segments: bytes, tail: bytes = b"") -> bytes:
    """What a JPEG stream looks like from outside."""
    return b"\xff\xd8" + b"".join(segments) + b"\xff\xda\0\x02abc\xff\0\xff\xd9" + tail


def segment(marker: bytes, content: bytes) -> bytes:
    """A marker segment."""
    return marker + (len(content) + 2).to_bytes(2, "big") + content


SOT = b"\xff\x90\0\x0a\0\0" + (16).to_bytes(4, "big") + b"\0\x01" + b"\xff\x93ab"
JFIF = segment(b"\xff\xe0", b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")


@pytest.mark.parametrize(
    ("syntax", "stream", "leaves"),
    [
        (50, jpeg(JFIF, segment(b"\xff\xee", b"Adobe\0d\0\0\0\0\0"), tail=b"\0"), True),
        (50, jpeg(segment(b"\xff\xfe", "佐藤".encode("cp932"))), False),
        (70, jpeg(segment(b"\xff\xe1", b"Exif\0\0Sato")), False),
        (80, jpeg(tail=b"Sato"), False),
        (80, b"\xff\xd8ab", True),
        (90, b"\xff\x4f" + segment(b"\xff\x64", b"\0\x01Kakadu-2.2") + SOT + SOT + b"\xff\xd9", True),
        (90, b"\xff\x4f" + segment(b"\xff\x64", b"\0\x01Sato") + SOT, False),
        (91, b"\xff\x4f" + SOT + SOT[:12] + segment(b"\xff\x64", b"\0\x01Sato") + b"\xff\x93", False),
        (91, b"\xff\x4f" + SOT[:6] + b"\0\0\0\0" + SOT[10:], True),
        (91, b"\0\0\0\x0cjP  \r\n\x87\n", False),
        (91, b"rest", True),
        (999, jpeg(segment(b"\xff\xfe", b"Sato")), True),
    ],
)  # fmt: skip
def test_writing_in_streams(tmp_path: Path, syntax: int, stream: bytes, leaves: bool) -> None:  # noqa: FBT001
    """A comment, application data or a tail in a compressed stream holds the object unless it names known software."""
    uid = "1.2.840.10008.1.2.5" if syntax == 999 else f"1.2.840.10008.1.2.4.{syntax}"
    ds = ct_slice(PixelData=encapsulate([stream]))
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    data = to_bytes(ds, transfer_syntax_uid=uid)
    if leaves:
        cross(tmp_path, data)
    else:
        assert refusal(tmp_path, data).code == "pixels-may-identify"


def test_doubles_in_items(tmp_path: Path) -> None:
    """A second scheme in one code would lend the first one's trust to any text: doubles are refused at every depth."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "DCM", "x"
    data = to_bytes(ct_slice(ProcedureCodeSequence=Sequence([code]), AnatomicRegionSequence=Sequence([code])))
    assert engine().cross(Identified(data), tmp_path / "good")
    meaning = b"\x08\x00\x04\x01LO\x02\x00x "
    twice = data.replace(meaning, b"\x08\x00\x02\x01SH\x02\x00x ")
    assert refusal(tmp_path / "bad", twice).code == "malformed-dicom"


def test_values_too_long_for_their_vr(tmp_path: Path) -> None:
    """A value that came as UN and does not fit its own VR leaves empty; nothing overflows."""
    data = to_bytes(ct_slice())
    long = un(b"\x18\x00\x60\x00", b"120 " + b" " * 70000)
    assert cross(tmp_path, data.replace(KVP, long))["KVP"].is_empty


def test_a_flood_of_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many kinds of elements a batch brings, what is remembered of them stays small."""
    monkeypatch.setattr(rewrite, "_HEADS_REMEMBERED", 8)
    made = engine()
    plain = made.cross(Identified(to_bytes(ct_slice())), tmp_path / "a").path.read_bytes()
    assert len(made._plans[0]) <= 8
    assert engine().cross(Identified(to_bytes(ct_slice())), tmp_path / "b").path.read_bytes() == plain


def test_own_words_of_several_values(tmp_path: Path) -> None:
    """Each of several other patient numbers counts as the record's own, wherever it is repeated."""
    ds = ct_slice(OtherPatientIDs=["ZZ-7771", "ZZ-8882"], Manufacturer="ACME ZZ-8882")
    assert cross(tmp_path, to_bytes(ds)).Manufacturer == ""


def test_no_draft_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves neither a draft nor an empty folder behind."""

    def full(_descriptor: int, _data: memoryview) -> int:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="full"):
        write_once(tmp_path, tmp_path / "a" / "b", (b"x",))
    assert not list(tmp_path.iterdir())


def test_checked_before_it_is_there(tmp_path: Path) -> None:
    """The check sees the whole file while it has no name; one that it refuses leaves what stood there before alone."""
    target = tmp_path / "a" / "b"
    write_once(tmp_path, target, (b"x",))
    seen: list[bytes] = []

    def check(draft: Path) -> None:
        seen.append(draft.read_bytes())
        raise NotYet("identity-residual")

    with pytest.raises(NotYet, match="identity-residual"):
        write_once(tmp_path, target, (b"x",), check)
    assert seen == [b"x"]
    assert [p.name for p in tmp_path.rglob("*")] == ["a", "b"]


def test_codecs_of_this_machine() -> None:
    """A character set that only this machine knows is a misdeclaration like any other."""
    assert decode("é\\ud800".encode(), ("unicode_escape",)) == "é\\ud800"
