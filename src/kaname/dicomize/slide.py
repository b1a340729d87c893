"""A whole slide becomes VL Whole Slide Microscopy Image objects, one per level (PS3.3 section A.32.8).

The tissue alone travels: label and macro, which show the patient's name, are not read, and of the scanner's words only
the scale and the magnification are taken, as numbers. Tiles keep their JPEG streams. All levels of a file are one
series. The largest level comes first, with Instance Number 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kaname.dicom.part10 import EXPLICIT_LITTLE
from kaname.dicomize.directories import Buffer
from kaname.dicomize.header import Examination, acquired, header, uid
from kaname.dicomize.pyramid import Level, Pyramid, pyramid
from kaname.dicomize.tiles import JPEG, jpeg_frame, plain_frame
from kaname.dicomize.write import encapsulated, native, part10
from kaname.errors import Refused

if TYPE_CHECKING:
    from pydicom import Dataset

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
_SECTION_MM = 0.004
"""Thickness of a section, which the class demands and no scanner tells: paraffin sections are cut at 3 to 5 µm."""
_MOST_PLAIN_BYTES = 1 << 30
"""Of all levels that are no JPEG: a deflated one may claim a thousand times its size."""
_UNKNOWN = "UNKNOWN"
"""Where the class demands a value that the examination does not have. Scanners' own words are not asked."""
_RATIO_DIGITS = 2


def slide(data: Buffer, examination: Examination, sop_class_uid: str) -> Iterator[bytes]:
    """The Part 10 files of a slide, the largest level first: all of them, or none and a reason.

    Every tile is walked through before the first object is given. One level is in memory at a time, beside ``data``.

    Args:
        data: the whole file: SVS, OME-TIFF or another tiled TIFF. A memory map will do.
        examination: whose and when.
        sop_class_uid: VL Whole Slide Microscopy Image Storage.

    Raises:
        Refused: ``slide-broken``; ``too-large``; ``source-not-accepted`` when another class is asked for.
        NotYet: ``slide-compression``, ``vendor-format``, ``examination-invalid``.
    """
    if sop_class_uid != WHOLE_SLIDE:
        raise Refused("source-not-accepted", kind="slide")
    found = pyramid(data)
    plain_bytes = sum(level.plain_bytes for level in found.levels if level.looks.compression != JPEG)
    if plain_bytes > _MOST_PLAIN_BYTES:
        raise Refused("too-large", bytes=plain_bytes)
    for level in found.levels:
        for _ in _frames(data, level):
            pass
    content = hashlib.sha256(data).hexdigest()
    for number, level in enumerate(found.levels, 1):
        yield _instance(data, examination, content, found, level, number)


def _instance(data: Buffer, examination: Examination, content: str, found: Pyramid, level: Level, number: int) -> bytes:
    made = header(examination, WHOLE_SLIDE, content, number, series=content, part=str(number))
    _series(made, examination, content)
    _matrix(made, found, level)
    _pixels(made, level)
    _optics(made, found)
    frames = list(_frames(data, level))
    if level.looks.compression != JPEG:
        made.LossyImageCompression = "00"
        return part10(made, EXPLICIT_LITTLE, native(b"".join(frames)))
    made.LossyImageCompression = "01"
    made.LossyImageCompressionRatio = round(level.plain_bytes / sum(map(len, frames)), _RATIO_DIGITS)
    made.LossyImageCompressionMethod = "ISO_10918_1"
    return part10(made, JPEG_BASELINE, encapsulated(frames))


def _frames(data: Buffer, level: Level) -> Iterator[bytes]:
    """The tiles of a level as frames."""
    frame = jpeg_frame if level.looks.compression == JPEG else plain_frame
    return (frame(data, offset, length, level.looks) for offset, length in level.places)


def _series(made: Dataset, examination: Examination, content: str) -> None:
    """Frame of Reference, Enhanced General Equipment, Specimen, Multi-frame Functional Groups, Acquisition Context."""
    study, when = str(made.StudyInstanceUID), acquired(examination)
    made.FrameOfReferenceUID = uid("frame of reference", study, content)
    made.PositionReferenceIndicator = "SLIDE_CORNER"
    made.Manufacturer = made.Manufacturer or _UNKNOWN
    made.ManufacturerModelName = examination.model or _UNKNOWN
    made.DeviceSerialNumber = _UNKNOWN
    made.SoftwareVersions = _UNKNOWN
    made.ContentDate, made.ContentTime = made.StudyDate, made.StudyTime
    made.AcquisitionDateTime = when
    specimen = _item(
        SpecimenIdentifier=examination.accession or _UNKNOWN,
        IssuerOfTheSpecimenIdentifierSequence=[],
        SpecimenUID=uid("specimen", study, content),
        SpecimenPreparationSequence=[],
    )
    made.ContainerIdentifier = examination.accession or _UNKNOWN
    made.IssuerOfTheContainerIdentifierSequence = []
    made.ContainerTypeCodeSequence = [_code("433466003", "SCT", "Microscope slide")]
    made.SpecimenDescriptionSequence = [specimen]
    made.AcquisitionContextSequence = []


def _matrix(made: Dataset, found: Pyramid, level: Level) -> None:
    """What of the slide this level shows, in tiles of equal size that leave nothing out (TILED_FULL)."""
    kind = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    made.ImageType = kind if not level.looks.level else ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    made.TotalPixelMatrixColumns, made.TotalPixelMatrixRows = level.columns, level.rows
    made.TotalPixelMatrixFocalPlanes = 1
    made.TotalPixelMatrixOriginSequence = [_item(XOffsetInSlideCoordinateSystem=0, YOffsetInSlideCoordinateSystem=0)]
    made.ImageOrientationSlide = [0, 1, 0, 1, 0, 0]
    organization = uid("tiles", str(made.SOPInstanceUID))
    made.DimensionOrganizationType = "TILED_FULL"
    made.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=organization)]
    made.DimensionIndexSequence = [
        _item(DimensionOrganizationUID=organization, DimensionIndexPointer=tag, FunctionalGroupPointer=0x0048021A)
        for tag in (0x0048021F, 0x0048021E)  # row, then column, in the total pixel matrix
    ]
    shared = _item(WholeSlideMicroscopyImageFrameTypeSequence=[_item(FrameType=list(made.ImageType))])
    if found.um_per_pixel is not None:
        first = found.levels[0]
        wide_mm, high_mm = (edge * found.um_per_pixel / 1000 for edge in (first.columns, first.rows))
        spacing = [f"{high_mm / level.rows:.10g}"[:16], f"{wide_mm / level.columns:.10g}"[:16]]
        shared.PixelMeasuresSequence = [_item(SliceThickness=_SECTION_MM, PixelSpacing=spacing)]
        made.ImagedVolumeWidth, made.ImagedVolumeHeight = wide_mm, high_mm
        made.ImagedVolumeDepth = _SECTION_MM * 1000  # µm, where width and height are mm
    made.SharedFunctionalGroupsSequence = [shared]


def _pixels(made: Dataset, level: Level) -> None:
    looks = level.looks
    made.NumberOfFrames = len(level.places)
    made.Rows, made.Columns = looks.edge_rows, looks.edge_columns
    made.SamplesPerPixel = looks.samples
    made.PhotometricInterpretation = looks.photometric_interpretation
    if looks.samples > 1:
        made.PlanarConfiguration = 0
    else:
        made.PresentationLUTShape = "IDENTITY"
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    # Scanners write on label and macro, which stay behind. The crossing does not take our word for it and looks.
    made.BurnedInAnnotation = "NO"


def _optics(made: Dataset, found: Pyramid) -> None:
    made.VolumetricProperties = "VOLUME"
    made.SpecimenLabelInImage = "NO"
    made.FocusMethod = "AUTO"
    made.ExtendedDepthOfField = "NO"
    made.NumberOfOpticalPaths = 1
    path = _item(
        OpticalPathIdentifier="1",
        IlluminationTypeCodeSequence=[_code("111744", "DCM", "Brightfield illumination")],
        IlluminationColorCodeSequence=[_code("414298005", "SCT", "Full Spectrum")],
    )
    if made.SamplesPerPixel > 1:
        path.ICCProfile = found.icc_profile + b"\0" * (len(found.icc_profile) % 2)
    if found.power is not None:
        path.ObjectiveLensPower = f"{found.power:g}"
    made.OpticalPathSequence = [path]


def _item(**attributes: object) -> Dataset:
    from pydicom import Dataset

    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
