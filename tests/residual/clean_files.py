"""Small files as the crossing leaves them, made with pydicom alone."""

from __future__ import annotations

import io
from collections.abc import Callable

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

CLASSES = {
    "ct": "1.2.840.10008.5.1.4.1.1.2",
    "enhanced-ct": "1.2.840.10008.5.1.4.1.1.2.1",
    "legacy-ct": "1.2.840.10008.5.1.4.1.1.2.2",
    "mr": "1.2.840.10008.5.1.4.1.1.4",
    "enhanced-mr": "1.2.840.10008.5.1.4.1.1.4.1",
    "legacy-mr": "1.2.840.10008.5.1.4.1.1.4.4",
    "pet": "1.2.840.10008.5.1.4.1.1.128",
    "legacy-pet": "1.2.840.10008.5.1.4.1.1.128.1",
    "enhanced-pet": "1.2.840.10008.5.1.4.1.1.130",
}
SUBJECT = "K7QXAM2BZRT5UIHN"
PIXELS = bytes(range(256)) * 2
IMPLICIT = "1.2.840.10008.1.2"
RLE = "1.2.840.10008.1.2.5"

Change = Callable[[Dataset], object]


def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    """One item of a code sequence."""
    ds = Dataset()
    ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = value, scheme, meaning
    return ds


def clean_dataset(kind: str = "ct") -> Dataset:
    """A de-identified image of 16 x 16 pixels of 16 bits (12 stored); the enhanced kinds have two frames of 16 x 8."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID, ds.SOPInstanceUID = CLASSES[kind], "2.25.313"
    ds.StudyDate, ds.ContentDate, ds.AcquisitionDateTime = "20170311", "20170311", "20170311101112.50+0900"
    ds.StudyTime, ds.AccessionNumber, ds.Modality = "101530.000000", "ABCDEFGH234567AB", "CT"
    ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions = "SIEMENS", "SOMATOM Force", ["VB13", "R5.6.1"]
    ds.ReferringPhysicianName = ""
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = SUBJECT, SUBJECT, "", "M"
    ds.PatientAge, ds.PatientSize, ds.PatientWeight = "090Y", "1.72", "71.5"
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "KANAME 0.1.0; basic/1; PS3.15 2026c"
    ds.DeidentificationMethodCodeSequence = Sequence([code("113100", "Basic Application Confidentiality Profile")])
    ds.BodyPartExamined, ds.KVP, ds.ConvolutionKernel = "CHEST", "120", ["Br40d", "3"]
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "2.25.311", "2.25.312", "2.25.3"
    ds.SeriesNumber, ds.InstanceNumber = "4", "17"
    ds.ImagePositionPatient = ["-120.5", "-1.2e2", "33.25"]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 16, 12, 11, 0
    ds.LongitudinalTemporalInformationModified = "MODIFIED"
    ds.add_new(0x7FE00010, "OW", bytes(b if n % 2 == 0 else b & 0x0F for n, b in enumerate(PIXELS)))
    if "-" in kind:
        _add_frames(ds)
    return ds


def _add_frames(ds: Dataset) -> None:
    ds.NumberOfFrames, ds.Rows = "2", 8
    shared, measures, kind = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = ["0.488281", "0.488281"], "1.25"
    shared.PixelMeasuresSequence = Sequence([measures])
    kind.FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    shared.CTImageFrameTypeSequence = Sequence([kind])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    frames: list[Dataset] = []
    for number in (1, 2):
        frame, content = Dataset(), Dataset()
        content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", number, [1, number]
        content.FrameReferenceDateTime, content.FrameAcquisitionDuration = "20170311101112", 0.25
        frame.FrameContentSequence = Sequence([content])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)


def to_bytes(ds: Dataset, syntax: str = ExplicitVRLittleEndian, *, preamble: bytes = b"\0" * 128) -> bytes:
    """The data set as a Part 10 file with the file meta information that the crossing writes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID, meta.ImplementationVersionName = "2.25.9", "KANAME 0.1.0"
    ds.file_meta, ds.preamble = meta, preamble
    file = io.BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def clean_file(kind: str = "ct", change: Change | None = None, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A file that has to pass, after one change to its data set if given."""
    ds = clean_dataset(kind)
    if syntax == RLE:
        ds.PixelData = encapsulate([b"\0" * 64 + ds.PixelData[:100], b"\1" * 100])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    if change is not None:
        change(ds)
    return to_bytes(ds, syntax)
