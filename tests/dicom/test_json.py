from __future__ import annotations

import json
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from kaname.dicom.json import instance_json
from kaname.dicom.part10 import read_meta
from kaname.errors import KanameError, Refused
from kaname.ledger.canonical import canonical
from kaname.settings import test_data_from_environment as data_folder
from kaname.testing.objects import ct_slice, to_bytes


def item(**attributes: object) -> Dataset:
    """An item of a sequence."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def test_a_slice(tmp_path: Path) -> None:
    """A slice reads the same from a file and from its bytes: values by VR, pixels by URI, tags ascending."""
    data = to_bytes(ct_slice(SpecificCharacterSet="ISO_IR 192", PatientName="Yamada^Taro=山田^太郎=やまだ^たろう"))
    path = tmp_path / "slice"
    path.write_bytes(data)
    found = instance_json(data)
    assert found == instance_json(path)
    assert list(found) == sorted(found)
    assert found["00080016"] == {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]}
    assert found["00280010"] == {"vr": "US", "Value": [8]}
    assert found["00180060"] == {"vr": "DS", "Value": [120.0]}
    assert found["00100010"]["Value"] == [
        {"Alphabetic": "Yamada^Taro", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
    ]
    assert found["7FE00010"] == {"vr": "OW", "BulkDataURI": "bulkdata/7FE00010"}
    assert not [tag for tag in found if tag.startswith("0002")]


def test_bulk_data() -> None:
    """Binary values of 1 KiB and more are named by where they stand, smaller ones are inline."""
    icon = item(Rows=1, PixelData=b"\0" * 64)
    icon["PixelData"].VR = "OB"
    ds = ct_slice(
        IconImageSequence=[Dataset(), icon], ICCProfile=bytes(1024), RedPaletteColorLookupTableData=bytes(1022)
    )
    found = instance_json(to_bytes(ds))
    assert found["00282000"] == {"vr": "OB", "BulkDataURI": "bulkdata/00282000"}
    assert "InlineBinary" in found["00281201"]
    empty, second = found["00880200"]["Value"]
    assert empty == {}
    assert second["7FE00010"]["BulkDataURI"] == "bulkdata/00880200/2/7FE00010"


def test_no_value() -> None:
    """An attribute without a value is there with its VR alone."""
    assert instance_json(to_bytes(ct_slice(StudyID="")))["00200010"] == {"vr": "SH"}


def test_numbers_that_json_lacks() -> None:
    """NaN and the infinities are strings, so that the JSON is JSON."""
    ds = ct_slice(FrameReferenceTime=None)
    ds.add_new(0x00189186, "FD", [1.5, float("nan"), float("inf"), float("-inf")])
    found = instance_json(to_bytes(ds))["00189186"]["Value"]
    assert found == [1.5, "NaN", "Infinity", "-Infinity"]


def test_group_lengths() -> None:
    """Group lengths are left out at every depth."""
    inner = item(CodeValue="1")
    inner.add_new(0x00080000, "UL", 12)
    ds = ct_slice(ProcedureCodeSequence=[inner])
    ds.add_new(0x00080000, "UL", 12)
    found = instance_json(to_bytes(ds))
    assert "00080000" not in found
    assert list(found["00081032"]["Value"][0]) == ["00080100"]


def test_refused() -> None:
    """What is no DICOM file, or carries a value that is none, is refused with its reason."""
    for data, code in ((b"", "empty-file"), (b"x" * 200, "not-dicom")):
        with pytest.raises(Refused) as refused:
            instance_json(data)
        assert refused.value.code == code
    broken = to_bytes(ct_slice()).replace(b"120 ", b"abc ")
    with pytest.raises(Refused) as refused:
        instance_json(broken)
    assert refused.value.code == "malformed-dicom"
    assert "abc" not in str(refused.value)


def test_no_quoting(caplog: pytest.LogCaptureFixture) -> None:
    """Values that are not what their VR says are quoted in no warning and no log."""
    odd = to_bytes(ct_slice()).replace(b"20240501", b"2024-5-1").replace(b"12 ", b"1A ")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        instance_json(odd)
        with pytest.raises(Refused):
            instance_json(odd.replace(b"120 ", b"abc "))
    assert not caplog.records


def test_deflated() -> None:
    """A deflated file is read; one whose compressed part is damaged is refused."""
    data = Path(str(get_testdata_file("image_dfl.dcm", download=False))).read_bytes()
    assert instance_json(data)["00280010"]["Value"] == [512]
    with pytest.raises(Refused) as refused:
        instance_json(data[: read_meta(data).end] + b"\xff" * 400)
    assert refused.value.code == "malformed-dicom"
    assert isinstance(refused.value.__cause__, zlib.error)


SLICE = to_bytes(ct_slice(ProcedureCodeSequence=[item(CodeValue="1", CodeMeaning="CT")], FrameReferenceTime="1.5"))


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=len(SLICE) - 1), st.integers(min_value=0, max_value=255))
def test_any_byte(place: int, value: int) -> None:
    """Whatever byte is changed, what comes out is pure JSON or a refusal."""
    data = SLICE[:place] + bytes([value]) + SLICE[place + 1 :]
    try:
        found = instance_json(data)
    except KanameError:
        return
    assert json.loads(canonical(found)) == found


def test_public_collection() -> None:
    """Every file of the public collection becomes pure JSON or is refused."""
    folder = data_folder() / "dicom"
    if not folder.is_dir():
        pytest.skip("the public DICOM collection is not here: set KANAME_TEST_DATA")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size < 300_000]
    read = 0
    for path in paths[::3]:
        try:
            found = instance_json(path)
        except Refused:
            continue
        assert json.loads(canonical(found)) == found, path.name
        read += 1
    assert read > 30
