"""A slide behind the crossing is still a slide, and its specimen has lost its numbers."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.dicomize.header import Examination
from kaname.dicomize.slide import WHOLE_SLIDE, slide
from kaname.errors import NotYet
from kaname.registries import load
from kaname.residual import inspect_file
from kaname.testing.hospital import invent_visit
from kaname.testing.personas import personas, site
from kaname.testing.slides import Scan
from kaname.testing.slides import slide as make_slide

REGISTRY = load("jp-aid")
EXAMINATION = Examination(
    "PN-8065093", "ISSUER7", "山﨑 一郎", "1950-01-02", "M", "AN-543769573", "2024-05-06", "10:20:30"
)


def middle_level(*, written_on: bool) -> bytes:
    """The one of three levels that is a single whole tile."""
    rng = random.Random("slide crossing")  # noqa: S311 - invention, not secrecy
    made = make_slide(invent_visit(rng, personas(3, 1)[0], site(3)), rng, Scan(size=1024, written_on=written_on))
    return list(slide(made.data, EXAMINATION, WHOLE_SLIDE))[1]


def engine() -> Engine:
    """A gateway's engine for the registry."""
    return Engine(REGISTRY, MasterKey(b"k" * 32).for_registry(REGISTRY.id), "facility-1")


def test_a_crossed_slide_is_whole_and_names_nobody(tmp_path: Path) -> None:
    """Tiles, scale, optics and colours stay; container and specimen are renamed; the second look finds nothing."""
    before = middle_level(written_on=False)
    crossed = engine().cross(Identified(before), tmp_path).path.read_bytes()
    old, new = (pydicom.dcmread(BytesIO(data)) for data in (before, crossed))
    assert new.PixelData == old.PixelData
    for keyword in (
        "ImageType", "TotalPixelMatrixColumns", "TotalPixelMatrixRows", "DimensionOrganizationType",
        "ImagedVolumeWidth", "ImageOrientationSlide", "PositionReferenceIndicator", "SharedFunctionalGroupsSequence",
        "OpticalPathSequence", "SpecimenLabelInImage", "VolumetricProperties", "FocusMethod",
        "LossyImageCompressionRatio", "TotalPixelMatrixOriginSequence", "NumberOfOpticalPaths",
        "AcquisitionContextSequence",
    ):  # fmt: skip
        assert new[keyword].value == old[keyword].value, keyword
    specimen = new.SpecimenDescriptionSequence[0]
    assert specimen.SpecimenUID != old.SpecimenDescriptionSequence[0].SpecimenUID
    assert new.FrameOfReferenceUID != old.FrameOfReferenceUID
    for said in ("AN-543769573", "PN-8065093", "ISSUER7", "一郎", "山﨑", "20240506"):
        assert said.encode() not in crossed
    assert new.ContainerIdentifier
    assert specimen.SpecimenIdentifier
    assert inspect_file(crossed, (), tuple(REGISTRY.pixels.writing)) == ()


def test_a_name_over_the_tissue_is_held(tmp_path: Path) -> None:
    """What a pen wrote on the glass is found; nothing leaves."""
    with pytest.raises(NotYet, match="text-in-pixels"):
        engine().cross(Identified(middle_level(written_on=True)), tmp_path)
    assert list(tmp_path.rglob("*.dcm")) == []


def test_a_picture_of_the_label_is_held(tmp_path: Path) -> None:
    """A scanner that sends its label as DICOM is stopped by Image Type alone."""
    ds = pydicom.dcmread(BytesIO(middle_level(written_on=False)))
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]
    out = BytesIO()
    ds.save_as(out)
    with pytest.raises(NotYet, match="pixels-may-identify"):
        engine().cross(Identified(out.getvalue()), tmp_path)
