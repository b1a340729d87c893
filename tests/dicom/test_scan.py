from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from kaname.dicom import scan
from kaname.dicom.part10 import IMPLICIT_LITTLE, read_meta
from kaname.errors import KanameError, NotYet, Refused
from kaname.testing.objects import PIXELS, ct_slice, to_bytes

REAL = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_RLE.dcm",
    "MR_small_padded.dcm",
    "examples_overlay.dcm",
    "rtdose.dcm",
    "priv_SQ.dcm",
    "liver_1frame.dcm",
    "reportsi.dcm",
    "nested_priv_SQ.dcm",
    "JPEG2000.dcm",
    "test-SR.dcm",
    "rtplan.dcm",
    "UN_sequence.dcm",
]


def file(name: str) -> bytes:
    """A real file that ships with pydicom."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def top(data: bytes) -> list[scan.Element]:
    """The top-level elements of a file."""
    meta = read_meta(data)
    return scan.elements(data, meta.end, len(data), implicit=meta.transfer_syntax_uid == IMPLICIT_LITTLE)


def tags(data: bytes, found: list[scan.Element], *, implicit: bool, depth: int = 0) -> list[int]:
    """All tags at every depth, in order."""
    out: list[int] = []
    for element in found:
        head, _, value, _ = element
        out.append(scan.tag_of(head))
        undefined = data[value - 4 : value] == b"\xff\xff\xff\xff" and head[:4] not in scan.PIXELS
        known = pydicom.datadict.dictionary_has_tag(scan.tag_of(head)) and implicit
        is_sequence = head[4:] == b"SQ" or undefined or (known and pydicom.datadict.dictionary_VR(out[-1]) == "SQ")
        if is_sequence:
            inside = implicit or head[4:] == b"UN"
            for item in scan.items(data, element, implicit=inside, depth=depth + 1):
                out += tags(data, item, implicit=inside, depth=depth + 1)
    return out


@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str) -> None:
    """The scan finds the same elements as pydicom, at every depth, in every encoding."""
    data = file(name)
    implicit = read_meta(data).transfer_syntax_uid == IMPLICIT_LITTLE
    expected = [int(e.tag) for e in pydicom.dcmread(get_testdata_file(name)).iterall()]
    assert tags(data, top(data), implicit=implicit) == expected


def test_pixels_are_located() -> None:
    """The place of the pixel data is found, native and encapsulated; an object without any has none."""
    data = to_bytes(ct_slice())
    found = scan.locate_pixels(data)
    assert found is not None
    assert (data[found.offset : found.offset + found.length], found.encapsulated, found.vr) == (PIXELS, False, "OW")
    encapsulated = scan.locate_pixels(file("MR_small_RLE.dcm"))
    assert encapsulated is not None
    assert encapsulated.encapsulated
    assert scan.locate_pixels(to_bytes(ct_slice(PixelData=None))) is None
    assert scan.locate_pixels(to_bytes(ct_slice(), implicit=True)).vr == "OW"


def test_rare_encodings_are_told() -> None:
    """Pixels of a big-endian file are not looked for here."""
    with pytest.raises(NotYet, match="unsupported-transfer-syntax"):
        scan.locate_pixels(file("MR_small_bigendian.dcm"))


def nest(levels: int, *, undefined: bool) -> bytes:
    """A slice with sequences in sequences."""
    ds = Dataset()
    ds.KVP = "1"
    for _ in range(levels):
        outer = Dataset()
        outer.SourceImageSequence = Sequence([ds])
        outer["SourceImageSequence"].is_undefined_length = undefined
        ds.is_undefined_length_sequence_item = undefined
        ds = outer
    return to_bytes(ct_slice(ReferencedImageSequence=Sequence([ds])))


@pytest.mark.parametrize("undefined", [False, True])
def test_depth(undefined: bool) -> None:  # noqa: FBT001
    """Nesting is followed to nine levels and refused behind."""
    data = nest(8, undefined=undefined)
    assert len(tags(data, top(data), implicit=False)) > 9
    deep = nest(9, undefined=undefined)
    with pytest.raises(Refused, match="nesting-too-deep"):
        tags(deep, top(deep), implicit=False)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_broken_files(data: st.DataObject) -> None:
    """Whatever byte is changed or cut, the scan answers with elements or a reason."""
    whole = bytearray(nest(2, undefined=data.draw(st.booleans())))
    place = data.draw(st.integers(132, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(132, len(whole)))])
    for broken in (bytes(whole), cut):
        try:
            found = top(broken)
            tags(broken, found, implicit=False)
        except KanameError as error:
            assert error.code  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b"\0", "trailing-bytes"),
        (b"\0" * 8, "trailing-bytes"),
        (b"\xe0\x7f\x11\x00ZZ\0\0", "malformed-dicom"),
        (b"\xfe\xff\x0d\xe0\0\0\0\0", "malformed-dicom"),
        (b"\xe1\x7f\x11\x00OB\0\0\xff\xff\xff\xff", "malformed-dicom"),
        (b"\xe1\x7f\x11\x00OB\0\0", "truncated"),
        (b"\xe1\x7f\x11\x00LO\x08\0ab", "truncated"),
        (b"\xe1\x7f\x11\x00SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0", "truncated"),
        (b"\xe1\x7f\x11\x00SQ\0\0\xff\xff\xff\xff\xfe\xff\x0d\xe0\0\0\0\0", "malformed-dicom"),
        (b"\xe1\x7f\x11\x00SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff", "truncated"),
    ],
)
def test_tails(tail: bytes, code: str) -> None:
    """Each way of ending wrongly has its own reason."""
    with pytest.raises(Refused) as caught:
        top(to_bytes(ct_slice(PixelData=None)) + tail)
    assert caught.value.code == code


def test_cut_fragments() -> None:
    """Encapsulated pixel data without its delimiter, or with something else inside, is refused."""
    data = file("MR_small_RLE.dcm")
    with pytest.raises(Refused, match="truncated"):
        top(data[:-8])
    place = data.rindex(b"\xfe\xff\x00\xe0")
    with pytest.raises(Refused, match="malformed-dicom"):
        top(data[:place] + b"\x08\x00\x08\x00" + data[place + 4 :])


def test_broken_items() -> None:
    """A sequence whose items are none, or longer than itself, is refused."""
    data = nest(1, undefined=False)
    element = next(e for e in top(data) if e[0][4:] == b"SQ")
    broken = data[: element[2]] + b"\x08\x00\x08\x00" + data[element[2] + 4 :]
    with pytest.raises(Refused, match="malformed-dicom"):
        scan.items(broken, element, implicit=False, depth=1)
    longer = data[: element[2] + 4] + b"\xff\xff\x00\x00" + data[element[2] + 8 :]
    with pytest.raises(Refused, match="truncated"):
        scan.items(longer, element, implicit=False, depth=1)
    with pytest.raises(Refused, match="nesting-too-deep"):
        scan.items(data, element, implicit=False, depth=10)


def test_implicit_ends() -> None:
    """An implicit data set that ends in the middle of a header is refused."""
    with pytest.raises(Refused, match="trailing-bytes"):
        top(to_bytes(ct_slice(), implicit=True) + b"\0\0")
    with pytest.raises(Refused, match="malformed-dicom"):
        scan.elements(to_bytes(ct_slice()), 400, 401 + 7, implicit=False)


def test_reserved_bytes() -> None:
    """The two bytes that the Standard reserves before a long length are no place for anything."""
    data = to_bytes(ct_slice())
    assert refuses(data.replace(b"\xe0\x7f\x10\x00OW\0\0", b"\xe0\x7f\x10\x00OWSa")) == "malformed-dicom"


def test_floods(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set of more elements than any dictionary has is refused before it fills the memory."""
    monkeypatch.setattr(scan, "MAX_ELEMENTS", 8)
    assert refuses(to_bytes(ct_slice())) == "malformed-dicom"


def refuses(data: bytes) -> str:
    """Why the top level is refused."""
    with pytest.raises(Refused) as caught:
        top(data)
    return caught.value.code
