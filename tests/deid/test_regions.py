"""Ultrasound crosses blank outside its regions, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as Items

from kaname.deid import blank as blank_module
from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.deid.model import Deidentified
from kaname.errors import KanameError, NotYet, Refused
from kaname.inference import Box
from kaname.registries import load
from kaname.testing.objects import ct_slice, to_bytes

STILL, CLIP = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
JPEG, J2K, J2K_LOSSY = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 90, 91))
KEY = MasterKey(b"0123456789abcdef0123456789abcdef")
ROWS, COLUMNS, WINDOW = 24, 40, (4, 6, 31, 19)
PICTURE = np.random.default_rng(3).integers(1, 255, (ROWS, COLUMNS, 3), dtype="u1")
SMOOTH = np.stack([np.add.outer(np.arange(ROWS) * 3, np.arange(COLUMNS) * n) + 20 for n in (1, 2, 3)], -1).astype("u1")


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of what the text detector was shown; it sees writing where a picture begins with 7, 7, 7."""
    shown: list[tuple[int, ...]] = []

    def look(image: Any) -> tuple[Box, ...]:
        shown.append(image.shape)
        return (Box(0, 0, 9, 9, 0.9),) if (image.reshape(-1)[:3] == 7).all() else ()

    monkeypatch.setattr(blank_module, "find_text", look)
    return shown


def region(left: int, top: int, right: int, bottom: int, *, form: int = 1, kind: int = 1) -> Dataset:
    """An item of Sequence of Ultrasound Regions."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = form, kind, 2
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    return item


def still(pixels: Any = PICTURE, *, regions: Sequence[Dataset] | None = (region(*WINDOW),), **changes: Any) -> Dataset:
    """An ultrasound still of native colours."""
    values: dict[str, Any] = {
        "SOPClassUID": STILL, "Modality": "US", "KVP": None, "ImageType": ["ORIGINAL", "PRIMARY"], "Rows": ROWS,
        "Columns": COLUMNS, "SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0,
        "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "BurnedInAnnotation": "YES",
        "PixelData": pixels if isinstance(pixels, bytes) or pixels is None else pixels.tobytes(),
    }  # fmt: skip
    ds = ct_slice(**{**values, **changes})
    if regions is not None:
        ds.SequenceOfUltrasoundRegions = Items(regions)
    return ds


def cross(folder: Path, data: bytes) -> tuple[Deidentified, Dataset]:
    """What came out, as object and as data set."""
    made = Engine(load("jsum"), KEY.for_registry("jsum"), "gw-1").cross(Identified(data), folder)
    return made, pydicom.dcmread(made.path)


def held(folder: Path, data: bytes) -> KanameError:
    """Why it was held or refused; nothing stays in the folder."""
    with pytest.raises((Refused, NotYet)) as caught:
        cross(folder, data)
    assert not [p for p in folder.rglob("*") if p.is_file()]
    return caught.value


def inside(array: Any) -> Any:
    """The part of the window."""
    left, top, right, bottom = WINDOW
    return array[..., top : bottom + 1, left : right + 1, :]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_still(tmp_path: Path, seen: list[tuple[int, ...]], implicit: bool) -> None:  # noqa: FBT001
    """Outside the region every pixel is black, inside not one is changed, and the header says what was done."""
    made, ds = cross(tmp_path, to_bytes(still(), implicit=implicit))
    assert np.array_equal(inside(ds.pixel_array), inside(PICTURE))
    assert ds.pixel_array.astype(int).sum() == inside(PICTURE).astype(int).sum()
    assert ds.BurnedInAnnotation == "NO"
    assert "113101" in [c.CodeValue for c in ds.DeidentificationMethodCodeSequence]
    assert ds.file_meta.TransferSyntaxUID.is_implicit_VR is implicit
    assert "LossyImageCompression" not in ds
    assert len(ds.SequenceOfUltrasoundRegions) == 1
    assert (made.actions["blanked_frames"], made.actions["detector_frames"]) == (1, 1)
    assert seen == [(14, 28, 3)]


def test_a_clip(tmp_path: Path, seen: list[tuple[int, ...]]) -> None:
    """Every frame is blanked; of many the detector sees four: the brightest, the darkest, the first, the last."""
    frames = np.random.default_rng(4).integers(1, 255, (5, ROWS, COLUMNS, 3), dtype="u1")
    made, ds = cross(tmp_path, to_bytes(still(frames, SOPClassUID=CLIP, NumberOfFrames=5)))
    assert np.array_equal(inside(ds.pixel_array), inside(frames))
    assert ds.pixel_array.astype(int).sum() == inside(frames).astype(int).sum()
    assert (made.actions["blanked_frames"], made.actions["detector_frames"]) == (5, 4)
    assert len(seen) == 4


def test_odd_length(tmp_path: Path) -> None:
    """Pixel data of an odd number of bytes are padded to an even one."""
    grey = PICTURE[:21, :39, 0]
    values = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME1", "PlanarConfiguration": None}
    source = still(grey.tobytes() + b"\0", Rows=21, Columns=39, **values)
    _, ds = cross(tmp_path, to_bytes(source))
    assert len(ds.PixelData) == 21 * 39 + 1
    assert (ds.pixel_array[0] == 255).all()
    assert "PlanarConfiguration" not in ds


def compressed(kind: str, **ways: Any) -> bytes:
    """The picture as an encapsulated value."""
    out = BytesIO()
    Image.fromarray(SMOOTH).save(out, kind, **ways)
    return encapsulate([out.getvalue()])


@pytest.mark.parametrize(
    ("syntax", "photometric", "data", "said", "lossy"),
    [
        (JPEG, "YBR_FULL_422", compressed("JPEG"), None, "01"),
        (JPEG, "YBR_FULL", compressed("JPEG"), "00", "01"),
        (J2K_LOSSY, "YBR_ICT", compressed("JPEG2000", no_jp2=True, irreversible=True), None, "01"),
        (J2K, "YBR_RCT", compressed("JPEG2000", no_jp2=True, mct=1), None, None),
    ],
)
def test_compressed(
    tmp_path: Path, syntax: str, photometric: str, data: bytes, said: str | None, lossy: str | None
) -> None:
    """Compressed colours leave as native RGB; that they were once lossy stays said, or is said now."""
    values = {"PhotometricInterpretation": photometric, "LossyImageCompression": said}
    source = still(data, **values)
    source["PixelData"].VR, source["PixelData"].is_undefined_length = "OB", True
    _, ds = cross(tmp_path, to_bytes(source, transfer_syntax_uid=syntax))
    assert ds.PhotometricInterpretation == "RGB"
    assert not ds.file_meta.TransferSyntaxUID.is_compressed
    assert ds.get("LossyImageCompression") == lossy
    assert bool(ds.get("LossyImageCompressionMethod")) is bool(lossy)
    difference = np.abs(inside(ds.pixel_array).astype(int) - inside(SMOOTH))
    assert difference.mean() < (6 if lossy else 0.01)
    assert not ds.pixel_array[:5].any()


def test_lossy_as_the_sender_says(tmp_path: Path) -> None:
    """What the sender said of an earlier lossy compression stays as it is."""
    _, ds = cross(tmp_path, to_bytes(still(LossyImageCompression="01", LossyImageCompressionMethod="ISO_10918_1")))
    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    source = still(compressed("JPEG"), PhotometricInterpretation="YBR_FULL_422", LossyImageCompressionMethod="X")
    source["PixelData"].VR, source["PixelData"].is_undefined_length = "OB", True
    source.SOPInstanceUID = "1.2.3.4.5.9"
    _, ds = cross(tmp_path, to_bytes(source, transfer_syntax_uid=JPEG))
    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "X")


def test_text_inside(tmp_path: Path) -> None:
    """Writing on one frame alone, inside the region, holds the whole clip."""
    frames = np.full((4, ROWS, COLUMNS, 3), 9, "u1")
    frames[3, WINDOW[1], WINDOW[0]] = 7
    error = held(tmp_path, to_bytes(still(frames, SOPClassUID=CLIP, NumberOfFrames=4)))
    assert (error.code, error.facts) == ("text-in-pixels", {"pictures": 2, "places": 1})


@pytest.mark.parametrize(
    ("regions", "sign"),
    [
        (None, None),
        ((), "none of image"),
        ((region(*WINDOW, form=5), region(*WINDOW, form=0), region(*WINDOW, kind=0xF)), "none of image"),
        ((region(4, 6, 41, 19),), "outside the picture"),
        ((region(4, 6, 31, 25),), "outside the picture"),
        ((region(31, 6, 4, 19),), "outside the picture"),
        ((region(40, 6, 40, 19),), "outside the picture"),
        ((region(0, 0, 40, 24),), "the whole picture"),
        ((region(*WINDOW), region(4, 6, 1 << 31, 19)), "outside the picture"),
    ],
)
def test_regions_not_to_be_trusted(tmp_path: Path, regions: Sequence[Dataset] | None, sign: str | None) -> None:
    """Without regions of image, or with one that does not fit the picture, nothing leaves."""
    error = held(tmp_path, to_bytes(still(regions=regions)))
    assert (error.code, error.facts.get("sign")) == ("regions-missing", sign)


def test_a_region_without_its_corner(tmp_path: Path) -> None:
    """A corner that is absent, or no number, makes the region one that does not fit."""
    item = region(*WINDOW)
    del item.RegionLocationMinX0
    assert held(tmp_path, to_bytes(still(regions=(item,)))).code == "regions-missing"
    item.add_new(0x00186018, "FD", 4.0)
    assert held(tmp_path, to_bytes(still(regions=(item,)))).code == "regions-missing"


def test_two_regions_and_a_maximum_behind_the_last_pixel(tmp_path: Path) -> None:
    """Two regions stay, and one that ends where the picture ends is read as its last column and row."""
    _, ds = cross(tmp_path, to_bytes(still(regions=(region(0, 0, 3, 3), region(30, 10, 40, 24)))))
    kept = ds.pixel_array.any(axis=2)
    assert kept[:4, :4].all()
    assert kept[10:, 30:].all()
    assert kept.sum() == 16 + 14 * 10


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PixelData": None}, "pixels-may-identify"),
        ({"PhotometricInterpretation": "PALETTE COLOR", "SamplesPerPixel": 1}, "pixels-may-identify"),
        ({"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}, "pixels-may-identify"),
        ({"PixelRepresentation": 1}, "pixels-may-identify"),
        ({"SamplesPerPixel": 1}, "pixels-undecodable"),
        ({"Rows": None}, "pixels-undecodable"),
        ({"PixelData": b"\0" * 100}, "no-frames"),
        ({"NumberOfFrames": "0"}, "no-frames"),
        ({"NumberOfFrames": "1234567"}, "no-frames"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "pixels-may-identify"),
        ({"ConversionType": "WSD"}, "pixels-may-identify"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "sop-class-not-accepted"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6"}, "pixels-may-identify"),
    ],
)
def test_doubts(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    """Each doubtful or broken picture has its reason, and nothing of it leaves."""
    assert held(tmp_path, to_bytes(still(**changes))).code == code


def test_frames_counted_by_letters(tmp_path: Path) -> None:
    """A number of frames that is no number is no frame."""
    data = to_bytes(still(NumberOfFrames="12"))
    assert held(tmp_path, data.replace(b"IS\x02\x0012", b"IS\x02\x00ab")).code == "no-frames"


def test_more_than_a_file_can_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is longer than an element may be when it is unpacked is refused."""
    monkeypatch.setattr(blank_module, "_LONGEST", 100)
    assert held(tmp_path, to_bytes(still())).code == "too-large"


def test_same_again(tmp_path: Path) -> None:
    """The same object again gives the same bytes, and its own output is refused."""
    first, _ = cross(tmp_path, to_bytes(still()))
    second, _ = cross(tmp_path, to_bytes(still()))
    assert first.digest == second.digest
    with pytest.raises(Refused, match="already-deidentified"):
        cross(tmp_path, first.path.read_bytes())


def test_other_registries_take_none(tmp_path: Path) -> None:
    """A registry without regions holds the same object."""
    with pytest.raises(NotYet, match="pixels-may-identify"):
        Engine(load("j-mid"), KEY.for_registry("j-mid"), "gw-1").cross(Identified(to_bytes(still())), tmp_path)


def test_regions_are_accepted_classes() -> None:
    """Every class that a registry blanks is one that it takes in."""
    assert set(load("jsum").pixels.regions) == set(load("jsum").sop_classes)
