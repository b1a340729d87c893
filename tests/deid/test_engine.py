from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from kaname.deid import identified as identified_module
from kaname.deid.engine import Engine
from kaname.deid.identified import Identified, open_identified
from kaname.deid.keys import MasterKey
from kaname.deid.model import Deidentified
from kaname.errors import KanameError, NotYet, Refused
from kaname.registries import load
from kaname.testing.objects import PIXELS, ct_slice, to_bytes

KEY = MasterKey(b"0123456789abcdef0123456789abcdef")


def engine(registry: str = "j-mid") -> Engine:
    """An engine with the key of these tests."""
    return Engine(load(registry), KEY.for_registry(registry), "gw-1")


def cross(folder: Path, data: bytes, registry: str = "j-mid") -> tuple[Deidentified, Dataset]:
    """What came out, as object and as data set."""
    made = engine(registry).cross(Identified(data), folder)
    return made, pydicom.dcmread(made.path)


def refusal(folder: Path, data: bytes, registry: str = "j-mid") -> KanameError:
    """Why it was refused or held; nothing may be left in the folder."""
    with pytest.raises((Refused, NotYet)) as caught:
        engine(registry).cross(Identified(data), folder)
    assert not [p for p in folder.rglob("*") if p.is_file()]
    return caught.value


def item(**attributes: Any) -> Dataset:
    """A sequence item."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize("implicit", [False, True])
def test_a_slice(tmp_path: Path, implicit: bool) -> None:  # noqa: FBT001
    """A CT slice keeps its pixels and geometry and names a subject, in both encodings."""
    made, ds = cross(tmp_path, to_bytes(ct_slice(), implicit=implicit))
    assert ds.PixelData == PIXELS
    assert (ds.Rows, ds.KVP, ds.PatientSex, ds.PatientAge, ds.Manufacturer) == (8, 120, "M", "073Y", "ACME")
    assert ds.PatientID == str(ds.PatientName) == made.subject
    assert (ds.PatientBirthDate, ds.StudyID, str(ds.ReferringPhysicianName)) == ("", "", "")
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert ds.StudyTime == "101530.25"
    assert ds.StudyDate != "20240501"
    assert ds.AccessionNumber != "A-1001"
    assert (
        made.path == tmp_path / made.subject / ds.StudyInstanceUID / ds.SeriesInstanceUID / f"{ds.SOPInstanceUID}.dcm"
    )


def test_markers(tmp_path: Path) -> None:
    """The markers of PS3.15 E.1.1 claim exactly what was done, and nothing about pixels."""
    _, ds = cross(tmp_path, to_bytes(ct_slice(BurnedInAnnotation="NO", RecognizableVisualFeatures="NO")))
    assert ds.PatientIdentityRemoved == "YES"
    assert ds.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = [c.CodeValue for c in ds.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113108"]
    assert "BurnedInAnnotation" not in ds
    assert "RecognizableVisualFeatures" not in ds
    assert "PS3.15 2026c" in ds.DeidentificationMethod


def test_file_meta(tmp_path: Path) -> None:
    """Preamble and File Meta Information are made anew: nothing of the sender's is left there."""
    data = bytearray(to_bytes(ct_slice()))
    data[:20] = b"II*\0 Yamada Taro    "
    made, ds = cross(tmp_path, bytes(data))
    assert made.path.read_bytes()[:128] == b"\0" * 128
    assert [e.tag.element for e in ds.file_meta] == [0x00, 0x01, 0x02, 0x03, 0x10, 0x12, 0x13]
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID


def test_absent_patient(tmp_path: Path) -> None:
    """A record without a patient's name and number still names a subject: that of its study."""
    made, ds = cross(tmp_path, to_bytes(ct_slice(PatientName=None, PatientID=None)))
    assert ds.PatientID == str(ds.PatientName) == made.subject
    _, other = cross(tmp_path, to_bytes(ct_slice(PatientName=None, PatientID="", StudyInstanceUID="1.9")))
    assert other.PatientID != ds.PatientID


def test_depths(tmp_path: Path) -> None:
    """At every depth identity goes, UIDs are mapped alike and numbers stay, whatever the length encoding."""
    inner = item(PatientID="00012345", StudyDate="20240501", ReferencedSOPInstanceUID="1.2.3.4.5.1", KVP="100")
    outer = item(DerivationDescription="Yamada", SourceImageSequence=Sequence([inner]))
    outer.SourceImageSequence[0].is_undefined_length_sequence_item = True
    ds = ct_slice(ReferencedImageSequence=Sequence([outer]))
    ds["ReferencedImageSequence"].is_undefined_length = True
    made, out = cross(tmp_path, to_bytes(ds))
    kept = out.ReferencedImageSequence[0].SourceImageSequence[0]
    assert "DerivationDescription" not in out.ReferencedImageSequence[0]
    assert kept.PatientID == made.subject
    assert kept.StudyDate == out.StudyDate
    assert kept.ReferencedSOPInstanceUID == out.SOPInstanceUID
    assert kept.KVP == 100


def test_unknown_and_private(tmp_path: Path) -> None:
    """Private, unknown and repeating-group elements and group lengths are removed, UN sequences are opened."""
    ds = ct_slice()
    ds.add_new(0x00080000, "UL", 10)
    ds.add_new(0x00091001, "LO", "Yamada")
    ds.add_new(0x00189999, "LO", "Yamada")
    ds.add_new(0x60000022, "LO", "Yamada")
    deep = Sequence([item(KVP="80"), item()])
    inner = to_bytes(
        item(StudyInstanceUID="1.2.3", PatientComments="Yamada", KVP="90", SourceImageSequence=deep), implicit=True
    )
    body = inner[inner.index(b"DICM") + 4 :]
    body = body[12 + int.from_bytes(body[8:12], "little") :]
    value = b"\xfe\xff\x00\xe0" + len(body).to_bytes(4, "little") + body
    unknown = b"\x08\x00\x40\x11UN\0\0" + len(value).to_bytes(4, "little") + value
    private = b"\x09\x00\x01\x10LO"
    made, out = cross(tmp_path, to_bytes(ds).replace(private, unknown + private))
    assert b"Yamada" not in made.path.read_bytes()
    assert not any(e.tag.is_private for e in out)
    assert made.actions["remove"] >= 4
    opened = pydicom.dcmread(made.path).ReferencedImageSequence[0]
    assert (opened.KVP, opened.SourceImageSequence[0].KVP, len(opened.SourceImageSequence[1])) == (90, 80, 0)
    assert b"UN\0\0" not in made.path.read_bytes()


def test_values_in_un(tmp_path: Path) -> None:
    """An attribute that came as UN leaves in its own VR, judged by its own grammar."""
    data = to_bytes(ct_slice())
    for old, new, kept in ((b"120 ", b"120 ", 120), (b"120 ", b"Taro", None)):
        plain = b"\x18\x00\x60\x00DS\x04\x00" + old
        hidden = b"\x18\x00\x60\x00UN\0\0\x04\0\0\0" + new
        assert plain in data
        _, out = cross(tmp_path / str(kept), data.replace(plain, hidden))
        assert ("DS", kept) == (out["KVP"].VR, out.KVP)
    model = b"\x08\x00\x70\x00LO\x04\x00ACME"
    assert model in data
    hidden = b"\x08\x00\x70\x00UN\0\0\x04\0\0\0ACME"
    _, out = cross(tmp_path / "model", data.replace(model, hidden))
    assert (out["Manufacturer"].VR, out.Manufacturer) == ("LO", "ACME")


def test_codes(tmp_path: Path) -> None:
    """Terms of public code systems stay; a local scheme's may say anything and are replaced."""
    public = item(CodeValue="T-D4000", CodingSchemeDesignator="SRT", CodeMeaning="Abdomen")
    local = item(CodeValue="YAMADA", CodingSchemeDesignator="99LOCAL", CodeMeaning="Yamada Taro")
    bare = item(CodeValue="YAMADA", CodeMeaning="Yamada Taro")
    _, out = cross(tmp_path, to_bytes(ct_slice(AnatomicRegionSequence=Sequence([public, local, bare]))))
    kept, gone, none = out.AnatomicRegionSequence
    assert (kept.CodeValue, kept.CodeMeaning) == ("T-D4000", "Abdomen")
    assert (gone.CodeValue, gone.CodingSchemeDesignator, gone.CodeMeaning) == ("REMOVED",) * 3
    assert none.CodeMeaning == "REMOVED"


def test_grammar(tmp_path: Path) -> None:
    """A code, number, date or age that is none is emptied and counted."""
    ds = ct_slice()
    data = to_bytes(ds).replace(b"120 ", b"Yama").replace(b"073Y", b"YAMA").replace(b"20240501", b"20240431")
    made, out = cross(tmp_path, data)
    assert (out.KVP, out.PatientAge, out.StudyDate) == (None, "", "")
    assert made.actions["empty"] >= 1


def test_own_identity_in_kept_text(tmp_path: Path) -> None:
    """A kept text or code that repeats the record's own identity is emptied; other kept text stays."""
    made, out = cross(
        tmp_path,
        to_bytes(ct_slice(ManufacturerModelName="CT of Yamada", BodyPartExamined="CHEST", ScanOptions="00012345")),
    )
    assert out.ManufacturerModelName == ""
    assert out.BodyPartExamined == "CHEST"
    assert out.Manufacturer == "ACME"
    assert b"Yamada" not in made.path.read_bytes()


def test_japanese_text(tmp_path: Path) -> None:
    """Kept Japanese text leaves in UTF-8, whatever it came in; a nested character set counts inside its item."""
    outer = ct_slice(SpecificCharacterSet=["", "ISO 2022 IR 87"], ManufacturerModelName="東芝")
    nested = item(SpecificCharacterSet="ISO_IR 192", ManufacturerModelName="日立")
    outer.SourceImageSequence = Sequence([nested])
    _, out = cross(tmp_path, to_bytes(outer))
    assert out.ManufacturerModelName == "東芝"
    assert out.SourceImageSequence[0].ManufacturerModelName == "日立"
    assert "SpecificCharacterSet" not in out.SourceImageSequence[0]


def test_multi_valued_uids_and_icons(tmp_path: Path) -> None:
    """UID lists are mapped one by one, empty ones stay empty, icons go."""
    ds = ct_slice(
        FrameOfReferenceUID="", IconImageSequence=Sequence([item(Rows=1, BitsAllocated=16, PixelData=b"\0\0")])
    )
    ds.SOPClassesInStudy = ["1.2.840.10008.5.1.4.1.1.2", "1.9.9"]
    ds.ReferencedImageSequence = Sequence([item(BitsAllocated=16, PixelRepresentation=0, PixelData=b"\0\0")])
    ds.ReferencedImageSequence[0]["PixelData"].VR = "OW"
    _, out = cross(tmp_path, to_bytes(ds))
    assert out.SOPClassesInStudy[0] == "1.2.840.10008.5.1.4.1.1.2"
    assert out.SOPClassesInStudy[1].startswith("2.25.")
    assert out.FrameOfReferenceUID == ""
    assert "IconImageSequence" not in out
    assert "PixelData" not in out.ReferencedImageSequence[0]


def test_behind_the_pixels(tmp_path: Path) -> None:
    """What stands behind the pixel data is judged as well."""
    ds = ct_slice()
    ds.add_new(0xFFFCFFFC, "OB", b"Yamada")
    made, out = cross(tmp_path, to_bytes(ds))
    assert 0xFFFCFFFC not in out
    assert made.path.read_bytes().endswith(PIXELS)


def test_same_again(tmp_path: Path) -> None:
    """The same input gives the same file and digest; other bytes under its UID are held and leave the first."""
    first, _ = cross(tmp_path, to_bytes(ct_slice()))
    again, _ = cross(tmp_path, to_bytes(ct_slice()))
    assert (first.digest, first.size_bytes) == (again.digest, again.size_bytes)
    with pytest.raises(NotYet, match="same-uid-other-bytes"):
        cross(tmp_path, to_bytes(ct_slice(KVP="80")))
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [first.path.name]


def test_twice(tmp_path: Path) -> None:
    """What already crossed is not treated again."""
    made, _ = cross(tmp_path / "a", to_bytes(ct_slice()))
    assert refusal(tmp_path / "b", made.path.read_bytes()).code == "already-deidentified"


def test_another_registry_is_another_subject(tmp_path: Path) -> None:
    """Two registries cannot be joined by subject, UID or date."""
    a, one = cross(tmp_path / "a", to_bytes(ct_slice()), "j-mid")
    b, two = cross(tmp_path / "b", to_bytes(ct_slice()), "basic")
    assert a.subject != b.subject
    assert one.StudyInstanceUID != two.StudyInstanceUID
    assert one.StudyDate != two.StudyDate
    assert a.attestation.registry == "j-mid"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"BurnedInAnnotation": "YES"}, "pixels-may-identify"),
        ({"ConversionType": "WSD"}, "pixels-may-identify"),
        ({"SamplesPerPixel": 3}, "pixels-may-identify"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "pixels-may-identify"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "pixels-may-identify"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "PixelData": None}, "document-may-identify"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.128"}, "sop-class-not-accepted"),
        ({"SOPClassUID": "1.2.3.4"}, "unknown-sop-class"),
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, "dicomdir"),
        ({"SeriesInstanceUID": None}, "missing-uid"),
        ({"SeriesInstanceUID": ""}, "missing-uid"),
    ],
)
def test_doubts(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    """What raises a doubt is held or refused by its own reason and leaves nothing."""
    assert refusal(tmp_path, to_bytes(ct_slice(**changes))).code == code


def test_invalid_uid(tmp_path: Path) -> None:
    """A malformed UID is refused."""
    assert refusal(tmp_path, to_bytes(ct_slice()).replace(b"1.2.3.4.5.6\0", b"1.2.3.4..5.6")).code == "invalid-uid"


def test_overlay_bits(tmp_path: Path) -> None:
    """An overlay inside the pixels' upper bits is held; one beside the pixels is removed."""
    inside, beside = ct_slice(), ct_slice()
    inside.add_new(0x60000102, "US", 15)
    beside.add_new(0x60000102, "US", 0)
    assert refusal(tmp_path, to_bytes(inside)).code == "overlay-in-pixels"
    _, out = cross(tmp_path, to_bytes(beside))
    assert 0x60000102 not in out


def test_undecodable(tmp_path: Path) -> None:
    """A record whose name is in no character set is held: what cannot be read cannot be searched for."""
    data = to_bytes(ct_slice()).replace(b"Yamada^Taro ", b"\xff\xfe\x81 \xff\xff\xff\xff\xff\xff\xff\xff")
    assert refusal(tmp_path, data).code == "undecodable-text"


def test_order(tmp_path: Path) -> None:
    """Elements that stand twice or out of order are malformed."""
    data = to_bytes(ct_slice())
    rows, columns = b"\x28\x00\x10\x00US\x02\x00\x08\x00", b"\x28\x00\x11\x00US\x02\x00\x08\x00"
    assert refusal(tmp_path, data.replace(rows + columns, columns + rows)).code == "malformed-dicom"
    assert refusal(tmp_path, data.replace(columns, rows)).code == "malformed-dicom"


def test_two_pixel_data(tmp_path: Path) -> None:
    """Two kinds of pixel data in one object are malformed."""
    ds = ct_slice()
    ds.add_new(0x7FE00008, "OF", b"\0\0\0\0")
    assert refusal(tmp_path, to_bytes(ds)).code == "malformed-dicom"


def test_comment_in_a_compressed_stream(tmp_path: Path) -> None:
    """A compressed stream that names the patient in a comment is held; one that does not is copied."""
    jpeg = "1.2.840.10008.1.2.4.50"
    for comment, held in ((b"Yamada", True), (b"nobody", False)):
        ds = ct_slice()
        ds.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x06\0\0\0" + comment
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
        data = to_bytes(ds, transfer_syntax_uid=jpeg)
        if held:
            assert refusal(tmp_path, data).code == "pixels-may-identify"
        else:
            assert comment in cross(tmp_path, data)[0].path.read_bytes()


def test_transfer_syntaxes(tmp_path: Path) -> None:
    """An unknown syntax, or one whose pixels lie elsewhere, is held."""
    for uid in ("1.2.3.4.5", "1.2.840.10008.1.2.4.94"):
        data = to_bytes(ct_slice(PixelData=None), transfer_syntax_uid=uid)
        assert refusal(tmp_path, data).code == "unsupported-transfer-syntax"


def test_no_pixels_at_all(tmp_path: Path) -> None:
    """A CT object without pixel data crosses with its header."""
    made, ds = cross(tmp_path, to_bytes(ct_slice(PixelData=None)))
    assert "PixelData" not in ds
    assert made.size_bytes == made.path.stat().st_size


def test_only_the_crossing_makes_deidentified(tmp_path: Path) -> None:
    """Nobody else can make a Deidentified by hand."""
    made, _ = cross(tmp_path, to_bytes(ct_slice()))
    with pytest.raises(TypeError):
        Deidentified(made.key, made.subject, "j-mid", made.path, made.digest, 1, made.attestation, object())


def test_identified_prints_nothing(tmp_path: Path) -> None:
    """Identified values and surveys print nothing of what they hold; files open mapped, empty ones are refused."""
    from kaname.deid.survey import survey

    data = to_bytes(ct_slice())
    assert "Yamada" not in repr(Identified(data)) + repr(survey(Identified(data)))
    (tmp_path / "a").write_bytes(data)
    with open_identified(tmp_path / "a") as identified:
        assert identified.buffer == data
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identified_module, "READ_WHOLE_BYTES", 10)
        with open_identified(tmp_path / "a") as identified:
            assert isinstance(identified.buffer, mmap.mmap)
            assert engine().cross(identified, tmp_path / "out").size_bytes
    (tmp_path / "b").touch()
    with pytest.raises(Refused, match="empty-file"), open_identified(tmp_path / "b"):
        pass
    with pytest.raises(NotYet, match="unreadable-file"), open_identified(tmp_path / "none"):
        pass


def test_a_write_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes only a few bytes at a time still gets the whole file."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:100])))
    made, ds = cross(tmp_path, to_bytes(ct_slice()))
    assert ds.PixelData == PIXELS
    assert made.size_bytes == made.path.stat().st_size


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_broken_bytes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever byte is changed or cut, the crossing ends in an object, a refusal or a hold, never in a crash."""
    whole = bytearray(to_bytes(ct_slice(ReferencedImageSequence=Sequence([item(KVP="1")]))))
    cut = data.draw(st.integers(0, len(whole)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("broken")
    for broken in (bytes(whole), bytes(whole[:cut])):
        try:
            engine().cross(Identified(broken), folder)
        except KanameError as error:
            assert error.code  # noqa: PT017 - either outcome is right
