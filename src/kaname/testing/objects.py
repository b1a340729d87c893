"""Small DICOM objects made on the spot: one CT slice, with whatever a test wants in it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"
PIXELS = bytes(range(64)) * 2


def ct_slice(**attributes: Any) -> Dataset:
    """An 8×8 CT slice of 16 bits; ``attributes`` by keyword are set on top, ``None`` takes one away."""
    ds = Dataset()
    values: dict[str, Any] = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CT_CLASS,
        "SOPInstanceUID": "1.2.3.4.5.1",
        "StudyDate": "20240501",
        "StudyTime": "101530.25",
        "AccessionNumber": "A-1001",
        "Modality": "CT",
        "Manufacturer": "ACME",
        "ReferringPhysicianName": "Kimura^Ichiro",
        "PatientName": "Yamada^Taro",
        "PatientID": "00012345",
        "PatientBirthDate": "19501231",
        "PatientSex": "M",
        "PatientAge": "073Y",
        "KVP": "120",
        "StudyInstanceUID": "1.2.3.4.5",
        "SeriesInstanceUID": "1.2.3.4.5.6",
        "StudyID": "S1",
        "SeriesNumber": "1",
        "InstanceNumber": "1",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 8,
        "Columns": 8,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": PIXELS,
    }
    for keyword, value in {**values, **attributes}.items():
        if value is not None:
            setattr(ds, keyword, value)
    if "PixelData" in ds:
        ds["PixelData"].VR = "OW"
    return ds


def to_bytes(ds: Dataset, *, implicit: bool = False, transfer_syntax_uid: str = "") -> bytes:
    """The data set as a Part 10 file.

    ``transfer_syntax_uid`` is written into the file meta information when the data set is encoded for it already.
    """
    ds.file_meta = FileMetaDataset()
    plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid or plain)
    ds.file_meta.MediaStorageSOPClassUID = UID(str(ds.get("SOPClassUID", CT_CLASS)))
    ds.file_meta.MediaStorageSOPInstanceUID = UID(str(ds.get("SOPInstanceUID", "1.2.3")))
    out = BytesIO()
    ds.save_as(out, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    return out.getvalue()
