"""A slide becomes one object per level: the same tiles, nothing of the label, none of the scanner's words."""

from __future__ import annotations

import random
from functools import cache
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image, TiffImagePlugin
from pydicom.encaps import generate_frames

from kaname.dicomize.header import Examination
from kaname.dicomize.slide import JPEG_BASELINE, WHOLE_SLIDE, slide
from kaname.errors import NotYet, Refused
from kaname.testing.data import test_data
from kaname.testing.hospital import invent_visit
from kaname.testing.personas import personas, site
from kaname.testing.slides import MadeSlide, Scan
from kaname.testing.slides import slide as make_slide

SIZE = 512
EXAMINATION = Examination("PN-1", accession="AN-1", study_date="2024-05-06", study_time="10:20:30")
SCANS = (Scan(size=SIZE), Scan("SVS", "YCbCr", SIZE), Scan("OME", "YCbCr", SIZE), Scan("OME", "RGB", SIZE))
DATA = test_data()


@cache
def made(scan: Scan) -> MadeSlide:
    """A slide of an invented patient."""
    rng = random.Random("slide test")  # noqa: S311 - invention, not secrecy
    return make_slide(invent_visit(rng, personas(3, 1)[0], site(3)), rng, scan)


def objects(data: bytes, examination: Examination = EXAMINATION) -> list[pydicom.Dataset]:
    """What a file becomes, as pydicom reads it."""
    return [pydicom.dcmread(BytesIO(part)) for part in slide(data, examination, WHOLE_SLIDE)]


def matrix(ds: pydicom.Dataset) -> np.ndarray:
    """The total pixel matrix, put together from its tiles."""
    frames = int(ds.NumberOfFrames)
    if ds.file_meta.TransferSyntaxUID == JPEG_BASELINE:
        parts = generate_frames(ds.PixelData, number_of_frames=frames)
        tiles = [np.asarray(Image.open(BytesIO(part)).convert("RGB")) for part in parts]
    else:
        tiles = list(ds.pixel_array.reshape(frames, ds.Rows, ds.Columns, 3))
    across = -(-ds.TotalPixelMatrixColumns // ds.Columns)
    lines = [np.concatenate(tiles[n : n + across], axis=1) for n in range(0, frames, across)]
    return np.concatenate(lines)[: ds.TotalPixelMatrixRows, : ds.TotalPixelMatrixColumns]


@pytest.mark.parametrize("scan", SCANS)
def test_every_level_shows_the_pixels_that_libtiff_sees(scan: Scan) -> None:
    """The largest level of each shape and colour is, pixel for pixel, what another reader makes of the file."""
    found = objects(made(scan).data)
    assert [ds.TotalPixelMatrixColumns for ds in found] == [SIZE, SIZE // 4, SIZE // 16]
    with Image.open(BytesIO(made(scan).data)) as image:
        assert np.array_equal(matrix(found[0]), np.asarray(image.convert("RGB")))
        if scan.shape == "SVS":
            image.seek(2)  # behind the thumbnail
            assert np.array_equal(matrix(found[1]), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("scan", SCANS)
def test_the_coded_picture_of_a_tile_stays_byte_for_byte(scan: Scan) -> None:
    """What lies behind the header of each frame's stream stands in the scanner's file just so."""
    for ds in objects(made(scan).data):
        for frame in generate_frames(ds.PixelData, number_of_frames=int(ds.NumberOfFrames)):
            coded = frame[frame.index(b"\xff\xda") :].rstrip(b"\0")
            assert len(coded) > 20
            assert coded in made(scan).data


@pytest.mark.parametrize("scan", SCANS)
def test_nothing_that_names_the_patient_comes_along(scan: Scan) -> None:
    """Of a file full of names, numbers and days not one is in the objects: label, macro and words stay behind."""
    file = made(scan)
    assert len(file.planted) > 3
    for part in slide(file.data, EXAMINATION, WHOLE_SLIDE):
        assert [text for text in file.planted if text.encode() in part] == []
        assert b"Aperio" not in part


def test_the_levels_are_one_series_of_the_examinations_study() -> None:
    """Study by the accession number, series by the file, instances by level; no two share a UID."""
    found = objects(made(SCANS[0]).data)
    other = objects(made(SCANS[1]).data)
    assert {ds.StudyInstanceUID for ds in found + other} == {EXAMINATION.study_instance_uid}
    assert len({ds.SeriesInstanceUID for ds in found}) == 1
    assert found[0].SeriesInstanceUID != other[0].SeriesInstanceUID
    assert len({ds.SOPInstanceUID for ds in found + other}) == len(found + other)
    assert [ds.InstanceNumber for ds in found] == [1, 2, 3]
    assert len({ds.FrameOfReferenceUID for ds in found}) == 1


def test_the_same_file_becomes_the_same_bytes() -> None:
    """Nothing is drawn by lot, and no clock is read."""
    data = made(SCANS[0]).data
    assert list(slide(data, EXAMINATION, WHOLE_SLIDE)) == list(slide(data, EXAMINATION, WHOLE_SLIDE))


def test_the_objects_say_what_their_class_demands() -> None:
    """Tiled without gaps, scale, optics, specimen: what a reader of slides asks for first (PS3.3 section C.8.12)."""
    largest, *smaller = objects(made(SCANS[0]).data)
    assert largest.file_meta.TransferSyntaxUID == JPEG_BASELINE
    assert largest.DimensionOrganizationType == "TILED_FULL"
    assert list(largest.ImageType) == ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    assert {tuple(ds.ImageType) for ds in smaller} == {("DERIVED", "PRIMARY", "VOLUME", "RESAMPLED")}
    spacing = [
        float(ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[0])
        for ds in (largest, *smaller)
    ]
    assert spacing == pytest.approx([0.000499, 0.001996, 0.007984])
    assert largest.ImagedVolumeWidth == pytest.approx(SIZE * 0.000499)
    assert largest.OpticalPathSequence[0].ObjectiveLensPower == 20
    assert largest.OpticalPathSequence[0].ICCProfile[36:40] == b"acsp"
    assert largest.LossyImageCompression == "01"
    assert (largest.SpecimenLabelInImage, largest.Modality, largest.PhotometricInterpretation) == ("NO", "SM", "RGB")
    assert largest.ContainerIdentifier == "AN-1"
    assert objects(made(SCANS[1]).data)[0].PhotometricInterpretation == "YBR_FULL_422"


def test_another_class_is_not_made_of_a_slide() -> None:
    """A registry that wants slides as photographs gets none."""
    with pytest.raises(Refused, match="source-not-accepted"):
        list(slide(made(SCANS[0]).data, EXAMINATION, "1.2.840.10008.5.1.4.1.1.77.1.4"))


@pytest.mark.skipif(DATA is None, reason="no public test data on this machine (KANAME_TEST_DATA)")
@pytest.mark.parametrize(
    ("name", "sizes", "spacing"),
    [
        ("CMU-1-Small-Region.svs", [(2967, 2220)], 0.000499),
        ("openslide-fixture_small.svs", [(16, 16)], 0.000499),
        ("openslide-fixture_boxes.tiff", [(250, 300), (125, 150), (62, 75), (31, 37)], None),
    ],
)
def test_real_slides_keep_their_pixels(name: str, sizes: list[tuple[int, int]], spacing: float | None) -> None:
    """Aperio's own file, and a generic pyramid with deflated tiles whose resolution is a printer's."""
    assert DATA is not None
    data = (DATA / "wsi" / name).read_bytes()
    found = objects(data)
    assert [(ds.TotalPixelMatrixRows, ds.TotalPixelMatrixColumns) for ds in found] == sizes
    shared = found[0].SharedFunctionalGroupsSequence[0]
    measured = [float(m.PixelSpacing[0]) for m in shared.get("PixelMeasuresSequence", [])]
    assert measured == pytest.approx([spacing] if spacing else [])
    with Image.open(BytesIO(data)) as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        assert np.array_equal(matrix(found[0]), np.asarray(image.convert("RGB")))


@pytest.mark.skipif(DATA is None, reason="no public test data on this machine (KANAME_TEST_DATA)")
def test_a_real_file_of_an_unknown_compression_waits() -> None:
    """Nobody can open it, so it is kept."""
    assert DATA is not None
    with pytest.raises(NotYet, match="slide-compression"):
        objects((DATA / "wsi" / "openslide-fixture_unopenable.tiff").read_bytes())
