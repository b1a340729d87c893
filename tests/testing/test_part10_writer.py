from __future__ import annotations

from io import BytesIO

import pydicom
import pytest

from kaname.testing.write import CHARSETS, CT_IMAGE_STORAGE, UTF_8, Charset, Header, part10, tag_of


def _sample(name: str) -> Header:
    header, inner = Header(), Header()
    header.put_all({"SOPClassUID": CT_IMAGE_STORAGE, "SOPInstanceUID": "2.25.7", "PatientName": name})
    header.put_all({"Rows": 12, "CTDIvol": 1.5, "WindowCenter": (40, -600), "SliceThickness": 2.5})
    inner.put("CodeMeaning", "inside")
    header.put_items("ProcedureCodeSequence", inner, inner)
    header.put(0x00291010, b"\1\2\3", "OB")
    return header


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
def test_pydicom_reads_what_is_written(implicit: bool, undefined: bool) -> None:  # noqa: FBT001
    """A foreign reader finds every value again, whatever the encoding."""
    ds = pydicom.dcmread(BytesIO(part10(_sample("A^B=山田^太郎"), implicit=implicit, undefined=undefined)))
    assert ds.file_meta.MediaStorageSOPInstanceUID == "2.25.7"
    assert ds.PatientName.ideographic == "山田^太郎"
    assert (ds.Rows, ds.CTDIvol, list(ds.WindowCenter), ds.SliceThickness) == (12, 1.5, [40, -600], 2.5)
    assert [item.CodeMeaning for item in ds.ProcedureCodeSequence] == ["inside", "inside"]
    assert bytes(ds[0x00291010].value) == b"\1\2\3\0"


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        (CHARSETS[0], "YAMADA^TARO=山田^太郎=やまだ^たろう"),
        (CHARSETS[1], "TAKAHASHI^KO=髙橋^子=たかはし^こ"),
        (CHARSETS[2], "AZUMA^MI==ｱｽﾞﾏ^ﾐｽﾞﾎ"),
        (CHARSETS[3], "SMITH^JOHN"),
    ],
)
def test_a_declared_charset_is_read_back(charset: Charset, name: str) -> None:
    """Text written in a declared character set is the same text for a foreign reader."""
    assert pydicom.dcmread(BytesIO(part10(_sample(name), charset))).PatientName == name


def test_undeclared_text_is_bytes_of_shift_jis() -> None:
    """The character set against the Standard declares nothing and writes CP932."""
    data = part10(_sample("A^B=表^能"), CHARSETS[4])
    assert "表^能".encode("cp932") in data
    assert "SpecificCharacterSet" not in pydicom.dcmread(BytesIO(data))


def test_charsets_say_what_they_can_hold() -> None:
    """Each character set knows which characters it cannot write."""
    assert [charset.fits("髙") for charset in CHARSETS] == [False, True, False, False, True]
    assert [charset.fits("ｱ1") for charset in CHARSETS] == [False, True, True, False, True]


def test_preamble_and_meta_can_be_anything() -> None:
    """What a test wants in the preamble and in group 0002 stands there."""
    data = part10(_sample("A^B"), UTF_8, preamble=b"MZ", meta={0x16: ("AE", b"ROOM1")})
    assert data.startswith(b"MZ\0")
    assert pydicom.dcmread(BytesIO(data)).file_meta.SourceApplicationEntityTitle == "ROOM1"


def test_an_unknown_keyword_is_an_error() -> None:
    """A keyword that the Standard does not have is a mistake of the test's author."""
    with pytest.raises(KeyError):
        tag_of("NoSuchAttribute")
