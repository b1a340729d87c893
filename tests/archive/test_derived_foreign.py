"""Derived objects that other people's programs make."""

from __future__ import annotations

from collections.abc import Generator
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian

from kaname.archive.derived import store
from kaname.archive.flow import shelve
from kaname.archive.retrieve import frame, instances, stream
from kaname.errors import Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import REGISTRY, Facility, make_hub, series

pytestmark = pytest.mark.filterwarnings("ignore:The string")
NODULE = Code("27925004", "SCT", "Nodule")
GEOMETRY: dict[str, Any] = {
    "FrameOfReferenceUID": "1.2.9",
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "ImagePositionPatient": [0, 0, 0],
    "PixelSpacing": [1, 1],
    "SliceThickness": 1,
}


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Node]:
    """A hub with one slice that has a place in space."""
    node = make_hub(tmp_path / "hub")
    facility = Facility(tmp_path / "facility").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1,), **GEOMETRY))).digest)
    yield node
    node.index.dispose()


def image(hub: Node, tmp_path: Path) -> Dataset:
    """The slice as a reader gets it."""
    (located,) = instances(hub, [REGISTRY], Facility(tmp_path).identity.uid("1.2.1"))
    return pydicom.dcmread(BytesIO(b"".join(stream(hub, located))))


def written(ds: Dataset, path: Path) -> Path:
    """A file of the data set."""
    ds.save_as(path, enforce_file_format=True)
    return path


def segmentation(source: Dataset, **options: Any) -> Dataset:
    """A mask of the middle of a slice."""
    mask = np.zeros((1, 8, 8), np.uint8)
    mask[0, 2:6, 2:6] = 1
    program = highdicom.AlgorithmIdentificationSequence("marker", Code("123109", "DCM", "Artificial Intelligence"), "1")
    segment = highdicom.seg.SegmentDescription(1, "Nodule", NODULE, NODULE, "AUTOMATIC", program)
    uids = {"series_instance_uid": highdicom.UID(), "sop_instance_uid": highdicom.UID()}
    return highdicom.seg.Segmentation(
        [source],
        mask,
        "BINARY",
        [segment],
        series_number=9,
        instance_number=1,
        manufacturer="Kaname",
        manufacturer_model_name="marker",
        software_versions="1",
        device_serial_number="1",
        **(uids | options),
    )


def test_a_segmentation_is_stored_and_its_frame_is_one_read(hub: Node, tmp_path: Path) -> None:
    """What highdicom makes of a slice of ours comes in; its mask comes out as it went in."""
    ds = segmentation(image(hub, tmp_path))
    (stored,) = store(hub, [written(ds, tmp_path / "seg.dcm")], registry=REGISTRY, actor="reader")
    found = instances(hub, [REGISTRY], stored.study_instance_uid, stored.series_instance_uid)
    (located,) = found
    assert frame(hub, located, 1) == ds.PixelData[:8]


def test_a_segmentation_of_another_image_is_not_stored(hub: Node, tmp_path: Path) -> None:
    """A mask on something that is not here has no place."""
    source = image(hub, tmp_path)
    source.SOPInstanceUID = highdicom.UID()
    with pytest.raises(Refused, match="derived-reference"):
        store(hub, [written(segmentation(source), tmp_path / "seg.dcm")], registry=REGISTRY, actor="reader")


def test_an_identity_that_came_along_is_not_stored(hub: Node, tmp_path: Path) -> None:
    """Whoever makes objects of the original images is told, and nothing is kept."""
    source = image(hub, tmp_path)
    source.PatientBirthDate, source.PatientName = "19501231", "Yamada^Taro"
    with pytest.raises(Refused, match="derived-may-identify") as refused:
        store(hub, [written(segmentation(source), tmp_path / "seg.dcm")], registry=REGISTRY, actor="reader")
    assert "Yamada" not in str(refused.value)


def item(**attributes: Any) -> Dataset:
    """A data set of these attributes."""
    ds = Dataset()
    for name, value in attributes.items():
        setattr(ds, name, Sequence(value) if name.endswith("Sequence") else value)
    return ds


def test_a_structure_set_names_its_study_and_is_stored(hub: Node, tmp_path: Path) -> None:
    """Contours refer to a study, a series and an image in a way of their own."""
    source = image(hub, tmp_path)
    slice_item = item(ReferencedSOPClassUID=source.SOPClassUID, ReferencedSOPInstanceUID=source.SOPInstanceUID)
    around = item(SeriesInstanceUID=source.SeriesInstanceUID, ContourImageSequence=[slice_item])
    study = item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=source.StudyInstanceUID,
        RTReferencedSeriesSequence=[around],
    )
    place = item(FrameOfReferenceUID=source.FrameOfReferenceUID, RTReferencedStudySequence=[study])
    ds = item(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3",
        SOPInstanceUID="2.25.5",
        Modality="RTSTRUCT",
        PatientID=source.PatientID,
        PatientName=source.PatientName,
        StudyInstanceUID=source.StudyInstanceUID,
        SeriesInstanceUID="2.25.4",
        StructureSetLabel="Nodules",
        ReferencedFrameOfReferenceSequence=[place],
    )
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = UID(ds.SOPClassUID), UID("2.25.5")
    (stored,) = store(hub, [written(ds, tmp_path / "rt.dcm")], registry=REGISTRY, actor="reader")
    assert stored.new
    study.ReferencedSOPInstanceUID, ds.SOPInstanceUID = "2.25.6", "2.25.7"
    ds.file_meta.MediaStorageSOPInstanceUID = UID("2.25.7")
    with pytest.raises(Refused, match="derived-reference"):
        store(hub, [written(ds, tmp_path / "rt.dcm")], registry=REGISTRY, actor="reader")
