"""The second look at ultrasound: blank outside the regions, no writing inside, by its own reading of the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from kaname.inference import Box
from kaname.residual import inspect_file
from kaname.residual import regions as regions_module

from .clean_files import IMPLICIT, RLE, clean_file, code

STILL, CLIP = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
CLASSES = frozenset((STILL, CLIP))
WINDOW = (2, 3, 9, 12)


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of what the text detector was shown; it sees writing where there is a 77."""
    seen: list[tuple[int, ...]] = []

    def look(image: Any, _: object) -> tuple[Box, ...]:
        seen.append(image.shape)
        return (Box(0, 0, 1, 1, 0.9),) if (image == 77).any() else ()

    monkeypatch.setattr(regions_module, "find_text", look)
    return seen


def item(left: int, top: int, right: int, bottom: int, form: int = 1, kind: int = 1) -> Dataset:
    """One region."""
    ds = Dataset()
    ds.RegionSpatialFormat, ds.RegionDataType, ds.RegionFlags = form, kind, 2
    ds.RegionLocationMinX0, ds.RegionLocationMinY0 = left, top
    ds.RegionLocationMaxX1, ds.RegionLocationMaxY1 = right, bottom
    return ds


def pixels(frames: int = 1, *, samples: int = 3, black: int = 0) -> np.ndarray:
    """Frames of 16 x 16 pixels that are black outside the window and change inside."""
    array = np.full((frames, 16, 16, samples), black, np.uint8)
    left, top, right, bottom = WINDOW
    for n, frame in enumerate(array):
        frame[top : bottom + 1, left : right + 1] = 100 + n
    return array


def ultrasound(change: Callable[[Dataset], object] | None = None, syntax: str = "", **values: Any) -> bytes:
    """A still or clip as the crossing leaves it."""
    array = values.pop("array", pixels())

    def make(ds: Dataset) -> None:
        ds.SOPClassUID, ds.Modality = (STILL if len(array) == 1 else CLIP), "US"
        del ds.KVP, ds.ConvolutionKernel
        ds.DeidentificationMethodCodeSequence.append(code("113101", "Clean Pixel Data Option"))
        ds.BurnedInAnnotation, ds.SequenceOfUltrasoundRegions = "NO", Sequence([item(*WINDOW)])
        ds.PhotometricInterpretation, ds.SamplesPerPixel, ds.PlanarConfiguration = "RGB", 3, 0
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        if len(array) > 1:
            ds.NumberOfFrames = str(len(array))
        for keyword, value in values.items():
            setattr(ds, keyword, value)
        ds.add_new(0x7FE00010, "OW", array.tobytes())
        if change is not None:
            change(ds)

    return clean_file(change=make, syntax=syntax) if syntax else clean_file(change=make)


def found(data: bytes) -> set[tuple[str, str, str]]:
    """Findings as tuples."""
    return {(f.kind, f.attribute, f.detail) for f in inspect_file(data, CLASSES)}


@pytest.mark.parametrize("syntax", ["", IMPLICIT])
def test_clean_pictures_pass(syntax: str, shown: list[tuple[int, ...]]) -> None:
    """A still and a clip that are blank outside their region have no finding; only the region is looked at."""
    assert found(ultrasound(syntax=syntax)) == set()
    assert shown == [(10, 8, 3)]
    assert found(ultrasound(array=pixels(5), syntax=syntax)) == set()
    assert len(shown) == 3


def test_greys_pass(shown: list[tuple[int, ...]]) -> None:
    """Grey pictures pass too, those whose black is 255 included."""
    grey: dict[str, Any] = {"SamplesPerPixel": 1, "PlanarConfiguration": None}
    assert found(ultrasound(array=pixels(samples=1), PhotometricInterpretation="MONOCHROME2", **grey)) == set()
    light = pixels(samples=1, black=255)
    assert found(ultrasound(array=light, PhotometricInterpretation="MONOCHROME1", **grey)) == set()
    assert shown == [(10, 8), (10, 8)]


def test_other_registries() -> None:
    """Where the registry takes no such class, the class itself is a finding."""
    assert ("sop-class", "SOPClassUID") in {(f.kind, f.attribute) for f in inspect_file(ultrasound())}


def test_one_pixel_outside() -> None:
    """One pixel outside the region of one frame is found, wherever it stands."""
    for frame, row, column in ((0, 0, 0), (4, 15, 15), (2, 5, 10)):
        array = pixels(5)
        array[frame, row, column, 1] = 1
        assert found(ultrasound(array=array)) == {("outside-regions", "PixelData", f"frame {frame}")}


@pytest.mark.parametrize("frame", [0, 2, 4])
def test_writing_inside(frame: int) -> None:
    """Writing in the region is found, bright or dark, on any frame."""
    array = pixels(5)
    array[frame, 6, 6] = 77
    assert found(ultrasound(array=array)) == {("text-in-pixels", "PixelData", "")}


@pytest.mark.parametrize(
    "regions",
    [
        [], [item(*WINDOW, form=5)], [item(*WINDOW, kind=15)], [item(2, 3, 17, 12)], [item(9, 3, 2, 12)],
        [item(0, 0, 15, 15)], [item(*WINDOW), item(2, 3, 9, 400)],
    ],
)  # fmt: skip
def test_regions_that_do_not_fit(regions: list[Dataset]) -> None:
    """No region of image, one that leads out of the picture, or one that is the whole picture, is a finding."""
    name = "SequenceOfUltrasoundRegions"
    assert found(ultrasound(SequenceOfUltrasoundRegions=Sequence(regions))) == {("regions", name, "not in the picture")}


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"BurnedInAnnotation": ""}, ("marker", "BurnedInAnnotation", "")),
        ({"PhotometricInterpretation": "YBR_FULL"}, ("regions", "PixelData", "shape")),
        ({"PlanarConfiguration": 1}, ("regions", "PixelData", "shape")),
        ({"SamplesPerPixel": 1}, ("regions", "PixelData", "shape")),
        ({"HighBit": 6}, ("regions", "PixelData", "shape")),
        ({"PixelRepresentation": 1}, ("regions", "PixelData", "shape")),
        ({"NumberOfFrames": "2"}, ("regions", "PixelData", "shape")),
        ({"NumberOfFrames": "0"}, ("regions", "PixelData", "shape")),
        ({"Rows": 60000, "Columns": 60000}, ("regions", "PixelData", "shape")),
        ({"Rows": None}, ("regions", "SequenceOfUltrasoundRegions", "unreadable")),
    ],
)
def test_headers_that_do_not_fit(values: dict[str, Any], finding: tuple[str, str, str]) -> None:
    """A header that is no cleaned native picture of 8 bits is a finding."""
    assert finding in found(ultrasound(**values))


def test_what_was_not_claimed() -> None:
    """Without the code of cleaned pixels, the claim is missing."""
    data = ultrasound(lambda ds: ds.DeidentificationMethodCodeSequence.pop())
    assert found(data) == {("marker", "DeidentificationMethodCodeSequence", "pixels")}


def test_a_region_that_cannot_be_read() -> None:
    """A region without its corner cannot be judged."""
    region = item(*WINDOW)
    del region.RegionLocationMaxX1
    name = "SequenceOfUltrasoundRegions"
    assert found(ultrasound(SequenceOfUltrasoundRegions=Sequence([region]))) == {("regions", name, "unreadable")}


def test_compressed_pictures_do_not_pass() -> None:
    """Pictures whose pixels would have to be decoded, and files without pixels, were not cleaned by us."""

    def compress(ds: Dataset) -> None:
        ds.add_new(0x7FE00010, "OB", encapsulate([b"\0" * 80]))
        ds["PixelData"].is_undefined_length = True

    assert ("regions", "PixelData", "not native") in found(ultrasound(compress, syntax=RLE))
    assert ("regions", "PixelData", "not native") in found(ultrasound(lambda ds: ds.pop("PixelData")))
