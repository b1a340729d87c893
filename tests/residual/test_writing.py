"""The second look at photographs, sections and slides: no writing, by its own reading of the file."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from kaname.inference import Box
from kaname.residual import inspect_file
from kaname.residual import movies as movies_module
from kaname.residual import writing as writing_module

from .clean_files import IMPLICIT, clean_file, code

ENDOSCOPIC, PHOTO, SECTIONS, SLIDE, DERMOSCOPIC = (
    f"1.2.840.10008.5.1.4.1.1.77.1.{tail}" for tail in ("1", "4", "5.4", "6", "7")
)
CLASSES = frozenset((ENDOSCOPIC, PHOTO, SECTIONS, SLIDE, DERMOSCOPIC))
JPEG, J2K, MP4 = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 90, 102))
GROUND = np.random.default_rng(6).integers(100, 200, (16, 16, 3), dtype="u1")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of what the text detector was shown; it sees a line where there is a 77, a letter where there is a 78."""
    seen: list[tuple[int, ...]] = []

    def look(image: Any, _: object) -> tuple[Box, ...]:
        seen.append(image.shape)
        line = (Box(0, 0, 9, 2, 0.9),) if (image == 77).any() else ()
        return (*line, Box(0, 0, 3, 2, 0.9)) if (image == 78).any() else line

    monkeypatch.setattr(writing_module, "find_text", look)
    monkeypatch.setattr(movies_module, "find_text", look)
    return seen


def stream(array: Any, **ways: Any) -> bytes:
    """One picture as a JPEG stream."""
    out = BytesIO()
    Image.fromarray(np.squeeze(array)).save(out, "JPEG", **ways)
    return out.getvalue()


def picture(
    array: Any = GROUND,
    *,
    frames: list[bytes] | None = None,
    syntax: str = "",
    change: Callable[[Dataset], object] | None = None,
    **values: Any,
) -> bytes:
    """An object as the crossing leaves it; with ``frames`` encapsulated."""
    shape = array.shape
    grey = shape[-1] == 1

    def make(ds: Dataset) -> None:
        ds.SOPClassUID, ds.Modality = ENDOSCOPIC, "ES"
        del ds.KVP, ds.ConvolutionKernel
        ds.DeidentificationMethodCodeSequence.append(code("113101", "Clean Pixel Data Option"))
        ds.BurnedInAnnotation, ds.ImageType = "NO", ["ORIGINAL", "PRIMARY"]
        ds.Rows, ds.Columns, ds.SamplesPerPixel = shape[-3], shape[-2], shape[-1]
        ds.PhotometricInterpretation = "MONOCHROME2" if grey else "YBR_FULL_422" if frames else "RGB"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        if not grey:
            ds.PlanarConfiguration = 0
        if len(shape) > 3:
            ds.NumberOfFrames = str(shape[0])
        ds.add_new(0x7FE00010, "OB" if frames else "OW", encapsulate(frames) if frames else array.tobytes())
        ds["PixelData"].is_undefined_length = bool(frames)
        for keyword, value in values.items():
            setattr(ds, keyword, value)
        if change is not None:
            change(ds)

    syntax = syntax or (JPEG if frames else "")
    return clean_file(change=make, syntax=syntax) if syntax else clean_file(change=make)


def found(data: bytes, classes: Collection[str] = CLASSES) -> set[tuple[str, str, str]]:
    """Findings as tuples."""
    return {(f.kind, f.attribute, f.detail) for f in inspect_file(data, (), classes)}


@pytest.mark.parametrize("sop_class", sorted(CLASSES - {SLIDE}))
def test_clean_pictures_pass(sop_class: str, shown: list[tuple[int, ...]]) -> None:
    """A picture without writing has no finding, native or as a JPEG, in colours or grey; all of it is looked at."""
    assert found(picture(SOPClassUID=sop_class)) == set()
    assert found(picture(SOPClassUID=sop_class, syntax=IMPLICIT)) == set()
    assert found(picture(frames=[stream(GROUND)], SOPClassUID=sop_class)) == set()
    grey = GROUND[..., :1]
    assert found(picture(grey, SOPClassUID=sop_class)) == set()
    assert found(picture(grey, frames=[stream(grey)], SOPClassUID=sop_class)) == set()
    assert shown == [(16, 16, 3)] * 3 + [(16, 16)] * 2


def test_colours_by_plane() -> None:
    """Colours that stand plane by plane are put together before they are looked at."""
    planes = np.ascontiguousarray(GROUND.transpose(2, 0, 1))
    assert found(picture(PixelData=planes.tobytes(), PlanarConfiguration=1)) == set()


def test_writing_is_found() -> None:
    """Writing is found in a still, and on any one of few or of many sections."""
    still = GROUND.copy()
    still[3, 3] = 77
    assert found(picture(still)) == {("text-in-pixels", "PixelData", "")}
    for number, at in ((3, 1), (40, 0), (40, 22), (41, 40)):
        sections = np.full((number, 16, 16, 1), 90, np.uint8)
        sections[at, 5, 5] = 77
        assert found(picture(sections, SOPClassUID=SECTIONS)) == {("text-in-pixels", "PixelData", "")}


def test_large_pictures_are_looked_at_twice(shown: list[tuple[int, ...]]) -> None:
    """A picture larger than the settings' size is looked at reduced as well."""
    large = np.full((40, 1200, 1), 90, np.uint8)
    assert found(picture(large)) == set()
    assert shown == [(40, 1200), (30, 900)]
    large[20, 600] = 77
    assert found(picture(large)) == {("text-in-pixels", "PixelData", "")}
    large[:, ::2], large[:, 1::2] = 70, 84  # from afar it is 77
    assert found(picture(large)) == {("text-in-pixels", "PixelData", "")}
    assert shown[2:] == [(40, 1200), (40, 1200), (30, 900)]


def test_many_sections_are_looked_at_in_groups(shown: list[tuple[int, ...]]) -> None:
    """Of many sections the brightest and the darkest of neighbours are looked at."""
    assert found(picture(np.full((8, 16, 16, 1), 90, np.uint8), SOPClassUID=SECTIONS)) == set()
    assert len(shown) == 8
    assert found(picture(np.full((40, 16, 16, 1), 90, np.uint8), SOPClassUID=SECTIONS)) == set()
    assert len(shown) == 8 + 16


def test_other_registries() -> None:
    """Where the registry takes no such class, the class itself is a finding; no registry can add one unread here."""
    assert ("sop-class", "SOPClassUID", "") in found(picture(), ())
    unread = "1.2.840.10008.5.1.4.1.1.77.1.2"
    assert ("sop-class", "SOPClassUID", "") in found(picture(SOPClassUID=unread), {unread})
    assert ("transfer-syntax", "TransferSyntaxUID", "") in found(picture(frames=[b"12"], syntax=MP4), ())


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"BurnedInAnnotation": ""}, ("marker", "BurnedInAnnotation", "")),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, ("encoding", "PixelData", "shape")),
        ({"PhotometricInterpretation": "YBR_FULL"}, ("encoding", "PixelData", "shape")),
        ({"SamplesPerPixel": 1}, ("encoding", "PixelData", "shape")),
        ({"BitsStored": 7}, ("encoding", "PixelData", "shape")),
        ({"PixelRepresentation": 1}, ("encoding", "PixelData", "shape")),
        ({"NumberOfFrames": "2000000"}, ("encoding", "PixelData", "shape")),
        ({"Rows": 60000, "Columns": 60000}, ("encoding", "PixelData", "shape")),
        ({"NumberOfFrames": "2"}, ("encoding", "PixelData", "stream")),
        ({"Rows": 12}, ("encoding", "PixelData", "stream")),
        ({"Rows": None}, ("encoding", "PixelData", "unreadable")),
    ],
)
def test_headers_that_do_not_fit(values: dict[str, Any], finding: tuple[str, str, str]) -> None:
    """A header that is not that of a picture looked through is a finding."""
    assert finding in found(picture(**values))


@pytest.mark.parametrize(
    ("frames", "detail"),
    [
        ([stream(GROUND, comment="seen")], "stream"),
        ([stream(GROUND, exif=b"Exif\0\0MM")], "stream"),
        ([stream(GROUND) + b"seen"], "stream"),
        ([stream(GROUND)[:-20]], "stream"),
        ([stream(GROUND)[:200]], "stream"),
        ([b"seen" + stream(GROUND)], "stream"),
        ([stream(GROUND).replace(b"\xff\xdb", b"\xff\xef", 1)], "stream"),
        ([stream(GROUND).replace(b"\xff\xdb", b"\x00\xdb", 1)], "stream"),
        ([stream(GROUND[:8])], "unreadable"),
        ([stream(GROUND[..., 0])], "unreadable"),
    ],
)
def test_streams_that_are_no_plain_picture(frames: list[bytes], detail: str) -> None:
    """A stream with anything besides the picture of the header is a finding."""
    assert found(picture(frames=frames)) == {("encoding", "PixelData", detail)}


def test_a_stream_in_pieces() -> None:
    """One picture may lie in several fragments; of several pictures each is one."""
    whole = stream(GROUND, progressive=True, restart_marker_rows=1)
    assert found(picture(frames=[whole[:50], whole[50:]])) == set()
    two = np.stack((GROUND, GROUND))
    assert found(picture(two, frames=[whole, whole])) == set()
    assert found(picture(two, frames=[whole, whole[:50], whole[50:]])) == {("encoding", "PixelData", "stream")}


def test_encodings_that_are_not_read() -> None:
    """Encodings whose bytes are not walked here, and files without pixels, are findings."""
    assert ("encoding", "PixelData", "") in found(picture(frames=[b"\xff\x4f"], syntax=J2K))
    assert ("encoding", "PixelData", "") in found(picture(change=lambda ds: delattr(ds, "PixelData")))


def test_what_was_not_claimed() -> None:
    """Without the code of cleaned pixels, the claim is missing."""
    data = picture(change=lambda ds: ds.DeidentificationMethodCodeSequence.pop())
    assert found(data) == {("marker", "DeidentificationMethodCodeSequence", "pixels")}


def slide(across: int, down: int, *marked: int, value: int = 77, jpeg: bool = False, **values: Any) -> bytes:
    """A level of a slide; the marked tiles show writing."""
    tile = 16
    tiles = np.full((across * down, tile, tile, 3), 90, np.uint8)
    for number in marked:
        tiles[number] = value
    matrix = {"TotalPixelMatrixColumns": across * tile - 2, "TotalPixelMatrixRows": down * tile - 2}
    kind = {"SOPClassUID": SLIDE, "SpecimenLabelInImage": "NO", "DimensionOrganizationType": "TILED_FULL"}
    frames = [stream(shown) for shown in tiles] if jpeg else None
    return picture(tiles, frames=frames, **{**kind, **matrix, **values})


def test_slides(shown: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A level is looked at with its tiles in their places, a large one reduced; lines are writing, cells are none."""
    path = Dataset()
    path.OpticalPathIdentifier, path.ICCProfile = "1", PROFILE + b"\0" * (len(PROFILE) % 2)
    assert found(slide(3, 2, OpticalPathSequence=[path])) == set()
    assert found(slide(3, 2, 4)) == {("text-in-pixels", "PixelData", "")}
    assert found(slide(3, 2, 4, value=78)) == set()
    assert {*shown} == {(30, 46, 3), (32, 2, 3), (2, 46, 3)}
    monkeypatch.setattr(writing_module, "INSPECT", with_side(10, 4))
    assert found(slide(3, 2, 4)) == {("text-in-pixels", "PixelData", "")}
    assert shown[-1] == (6, 10, 3)
    assert found(slide(3, 2, 4, jpeg=True)) == {("text-in-pixels", "PixelData", "")}
    assert found(slide(3, 2, jpeg=True)) == set()


def with_side(pixels: int, least: int) -> Any:
    """The settings with another size of slides."""
    tables = writing_module.INSPECT
    return replace(tables, writing=replace(tables.writing, slide_side=pixels, slide_least=least))


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"SpecimenLabelInImage": "YES"}, ("slide-label", "SpecimenLabelInImage", "")),
        ({"SpecimenLabelInImage": None}, ("slide-label", "SpecimenLabelInImage", "")),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, ("slide-label", "SpecimenLabelInImage", "")),
        ({"ImageType": "LABEL"}, ("slide-label", "SpecimenLabelInImage", "")),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "OVERVIEW"]}, ("slide-label", "SpecimenLabelInImage", "")),
        ({"DimensionOrganizationType": "TILED_SPARSE"}, ("encoding", "PixelData", "tiles")),
        ({"TotalPixelMatrixColumns": 64}, ("encoding", "PixelData", "tiles")),
        ({"TotalPixelMatrixRows": None}, ("encoding", "PixelData", "unreadable")),
    ],
)
def test_slides_that_do_not_fit(values: dict[str, Any], finding: tuple[str, str, str]) -> None:
    """A picture of the glass, or one whose tiles have no sure place, is a finding."""
    assert finding in found(slide(2, 2, **values))


@pytest.mark.parametrize(
    "profile",
    [
        b"ICC profile!",
        PROFILE + b"Seen",
        PROFILE.replace(b"acsp", b"none"),
        PROFILE.replace(b"s\0R\0G\0B", b"1\0R\0G\0B")[:200] + b"tel. 03-3341-8111 " + PROFILE[218:],
    ],
)
def test_colour_profiles(profile: bytes) -> None:
    """A profile of colours passes; one that is none, or that tells a number, does not, nor in other classes."""
    assert found(picture(ICCProfile=PROFILE)) == set()
    kinds = {kind for kind, _, _ in found(picture(ICCProfile=profile))}
    assert kinds
    assert kinds <= {"binary", "phone", "number"}
    assert {kind for kind, _, _ in found(picture(ICCProfile=PROFILE, SOPClassUID=SECTIONS))} == {"binary"}


def test_texts_of_one_class() -> None:
    """What a slide may say, a photograph may not."""
    assert ("free-text", "OpticalPathIdentifier", "") in found(picture(OpticalPathIdentifier="1"))
    assert ("phone", "OpticalPathIdentifier", "pattern") in found(slide(1, 1, OpticalPathIdentifier="03-3341-8111"))
