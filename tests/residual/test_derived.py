"""The look at derived objects: what libraries write passes, every planted word is found, no finding tells it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from kaname.residual.derived import inspect_derived

from .clean_files import Change, clean_dataset, code

CLASSES = {
    "sr": "1.2.840.10008.5.1.4.1.1.88.33",
    "seg": "1.2.840.10008.5.1.4.1.1.66.4",
    "pr": "1.2.840.10008.5.1.4.1.1.11.1",
    "rtstruct": "1.2.840.10008.5.1.4.1.1.481.3",
    "ann": "1.2.840.10008.5.1.4.1.1.91.1",
}
SECRET = "山田太郎"


def item(**attributes: object) -> Dataset:
    """A data set of these attributes."""
    ds = Dataset()
    for name, value in attributes.items():
        setattr(ds, name, value)
    return ds


def spoken(text: str) -> Dataset:
    """A text item of a report."""
    name = Sequence([code("121106", "Comment")])
    return item(RelationshipType="CONTAINS", ValueType="TEXT", ConceptNameCodeSequence=name, TextValue=text)


def derived(kind: str) -> Dataset:
    """A sound object of a kind, with what is its own."""
    image = clean_dataset()
    ds = Dataset()
    for keyword in ("SpecificCharacterSet", "StudyDate", "StudyTime", "AccessionNumber", "PatientName", "PatientID"):
        ds[keyword] = image[keyword]
    ds.SOPClassUID, ds.SOPInstanceUID = CLASSES[kind], "2.25.99"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.PatientBirthDate = "2.25.311", "2.25.98", ""
    ds.Manufacturer, ds.SoftwareVersions, ds.SeriesDescription = "Kaname", "0.1.0", "AI prediction"
    reference = item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
    around = item(SeriesInstanceUID="2.25.312", ReferencedSOPSequence=Sequence([reference]))
    ds.ReferencedSeriesSequence = Sequence([around])
    match kind:
        case "sr":
            ds.Modality, ds.ValueType = "SR", "CONTAINER"
            ds.ContentSequence = Sequence([spoken("nodule in the left upper lobe")])
        case "seg":
            ds.Modality, ds.Rows, ds.Columns, ds.BitsAllocated, ds.SamplesPerPixel = "SEG", 8, 8, 1, 1
            ds.NumberOfFrames, ds.SegmentSequence = 2, Sequence([item(SegmentLabel="Nodule", SegmentNumber=1)])
            ds.add_new(0x7FE00010, "OB", bytes(16))
        case "pr":
            ds.Modality, ds.ContentLabel = "PR", "ROI"
            text = Sequence([item(UnformattedTextValue="12 mm")])
            ds.GraphicAnnotationSequence = Sequence([item(GraphicLayer="LAYER", TextObjectSequence=text)])
        case "rtstruct":
            ds.Modality, ds.StructureSetLabel = "RTSTRUCT", "Nodules"
            contour = item(ContourData=["1.5", "-2", "3e1"], NumberOfContourPoints="1")
            ds.ROIContourSequence = Sequence([item(ContourSequence=Sequence([contour]))])
            ds.StructureSetROISequence = Sequence([item(ROIName="Nodule 1", ROINumber="1")])
        case _:
            ds.Modality = "ANN"
            group = item(AnnotationGroupLabel="Mitosis")
            group.PointCoordinatesData = np.zeros(4, "<f4").tobytes()
            ds.AnnotationGroupSequence = Sequence([group])
    return ds


def written(ds: Dataset, *, implicit: bool = False) -> bytes:
    """The Part 10 file of a data set."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = UID(ds.SOPClassUID)
    ds.file_meta.MediaStorageSOPInstanceUID = UID(ds.SOPInstanceUID)
    out = io.BytesIO()
    pydicom.dcmwrite(out, ds, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("implicit", [False, True])
def test_sound_objects_pass(kind: str, implicit: bool) -> None:  # noqa: FBT001
    """One object of each kind, in both syntaxes, has no finding."""
    assert inspect_derived(written(derived(kind), implicit=implicit)) == ()


@pytest.mark.filterwarnings("ignore:The string")
def test_what_a_library_writes_passes() -> None:
    """A segmentation as highdicom makes it of a de-identified image, with its own dates and its own name."""
    image = clean_dataset()
    image.ImageOrientationPatient, image.PixelSpacing, image.SliceThickness = [1, 0, 0, 0, 1, 0], [1, 1], 1
    image.StudyID = ""
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    mask = np.zeros((1, 16, 16), np.uint8)
    mask[0, 2:5, 2:5] = 1
    nodule = Code("27925004", "SCT", "Nodule")
    algorithm = highdicom.AlgorithmIdentificationSequence(
        "nodule", Code("123109", "DCM", "Artificial Intelligence"), "1"
    )
    description = highdicom.seg.SegmentDescription(1, "Nodule", nodule, nodule, "AUTOMATIC", algorithm)
    ds = highdicom.seg.Segmentation(
        [image], mask, "BINARY", [description], highdicom.UID(), 9, highdicom.UID(), 1, "Kaname", "Kaname", "1", "1"
    )
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    assert inspect_derived(out.getvalue()) == ()


def say(text: str) -> Change:
    """Adds a text item to a report."""
    return lambda ds: ds.ContentSequence.append(spoken(text))


def put(tag: int, vr: str, value: object) -> Change:
    """Adds an element on the top level."""
    return lambda ds: ds.add_new(tag, vr, value)


def observer(name: str) -> Change:
    """Adds the name of an observer to a report."""
    return lambda ds: ds.ContentSequence.append(item(ValueType="PNAME", PersonName=name))


FAULTS: dict[str, tuple[str, Change, str]] = {
    "a name": ("sr", say(SECRET), "charset"),
    "a name in letters": ("sr", say("Yamada^Taro"), "person-name"),
    "an honorific": ("sr", say("seen by Dr. Sato"), "honorific"),
    "a phone number": ("sr", say("call 03-1234-5678"), "phone"),
    "a day": ("sr", say("compare 2024-05-01"), "date"),
    "a number of a chart": ("sr", say("see 00012345"), "number"),
    "a label of a name": ("sr", say("name: T"), "label"),
    "a postal code": ("sr", say("110-0001"), "postal"),
    "an address": ("sr", say("taro@example.org"), "e-mail"),
    "much": ("sr", say("x " * 40), "long-text"),
    "a control character": ("sr", say("a\x1b$Bb"), "control-character"),
    "nearly a digest": ("sr", say("sha256=" + "1" * 65), "number"),
    "an observer": ("sr", observer("Sato^Jiro"), "person"),
    "an observer in kanji": ("sr", observer(SECRET), "person"),
    "a physician": ("sr", put(0x00080090, "PN", "Sato^Jiro"), "person"),
    "who wrote it": ("seg", put(0x00700084, "PN", "Sato"), "person"),
    "a verifying observer": (
        "sr",
        lambda ds: setattr(ds, "VerifyingObserverSequence", Sequence([item(VerifyingObserverName="Sato")])),
        "person",
    ),
    "a hospital": ("sr", put(0x00080080, "LO", "General Hospital"), "free-text"),
    "a comment": ("seg", put(0x00204000, "LT", "x"), "free-text"),
    "a birth date": ("sr", put(0x00100030, "DA", "19501231"), "date"),
    "another name": ("sr", put(0x00100010, "PN", "Yamada"), "subject"),
    "no pseudonym": ("sr", lambda ds: (setattr(ds, "PatientID", "1"), delattr(ds, "PatientName")), "subject"),
    "an identity": ("sr", put(0x00120062, "CS", "NO"), "marker"),
    "a private element": ("sr", put(0x00091001, "LO", "x"), "private-element"),
    "an overlay": ("pr", put(0x60003000, "OW", b"xy"), "overlay"),
    "a foreign UID": ("sr", put(0x0020000E, "UI", "1.2.392.200036.9123.100.1"), "uid"),
    "a document": ("sr", put(0x00420011, "OB", b"%PDF"), "binary"),
    "a profile": ("seg", put(0x00282000, "OB", b"made by Sato"), "binary"),
    "pixels in a report": ("sr", put(0x7FE00010, "OW", b"xy"), "pixels"),
    "pixels behind the pixels": ("seg", put(0x7FE00010, "OB", bytes(18)), "pixel-length"),
    "an image": ("sr", put(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"), "sop-class"),
    "another character set": ("sr", put(0x00080005, "CS", "ISO_IR 100"), "charset"),
    "a segment's label": ("seg", lambda ds: setattr(ds.SegmentSequence[0], "SegmentLabel", SECRET), "charset"),
    "a structure's name": ("rtstruct", lambda ds: setattr(ds, "StructureSetLabel", "Yamada^T"), "person-name"),
    "a meaning": ("ann", put(0x0040A043, "SQ", [code("1", f"{SECRET}様")]), "honorific"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_found(fault: str) -> None:
    """Each fault has a finding of its kind, which tells no value."""
    kind, change, found = FAULTS[fault]
    ds = derived(kind)
    change(ds)
    findings = inspect_derived(written(ds))
    assert found in {finding.kind for finding in findings}
    for secret in (SECRET, "Sato", "Yamada", "00012345", "Hospital"):
        assert secret not in repr(findings)


def test_japanese_codes_need_their_character_set() -> None:
    """The meaning of a code may be Japanese, if the object says how it is written."""
    ds = derived("sr")
    ds.ContentSequence[0].ConceptNameCodeSequence[0].CodeMeaning = "結節"
    assert inspect_derived(written(ds)) == ()
    data = written(ds).replace(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192", b"")
    assert "charset" in {finding.kind for finding in inspect_derived(data)}


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda data: data[:-3], "truncated"),
        (lambda data: data + b"\0" * 9, "malformed"),
        (lambda data: data[:200], "truncated"),
        (lambda _: b"", "malformed"),
        (lambda data: b"\1" + data[1:], "preamble"),
        (lambda data: data.replace(b"PYDICOM", b"TAROPAC"), "file-meta"),
    ],
)
def test_a_spoilt_file_is_a_finding(spoil: Callable[[bytes], bytes], kind: str) -> None:
    """What cannot be read, or was written by nobody known, does not pass."""
    assert kind in {finding.kind for finding in inspect_derived(spoil(written(derived("sr"))))}


def test_a_compressed_mask_passes() -> None:
    """The length of compressed pixels is told by no header."""
    ds = derived("seg")
    ds.PixelData = encapsulate([bytes(64)])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = RLELossless
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    assert inspect_derived(out.getvalue()) == ()


def test_the_classes_are_those_that_the_archive_takes() -> None:
    """Two tables, read apart from each other, name the same classes."""
    from kaname.dicom.objects.classes import DERIVED
    from kaname.residual.derived import _tables

    assert set(DERIVED) == _tables().sop_classes
    assert {uid for uid, kind in DERIVED.items() if kind == "segmentation"} == _tables().with_pixels


def test_a_map_of_a_file_passes(tmp_path: Path) -> None:
    """A file may be given as a memory map."""
    import mmap

    path = tmp_path / "report.dcm"
    path.write_bytes(written(derived("sr")))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert inspect_derived(data) == ()
