"""Slides: each level is looked at as one picture, and held where it shows writing or the glass beside the specimen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.encaps import generate_frames

from kaname.deid import writing as writing_module
from kaname.inference import Box
from kaname.testing.objects import to_bytes

from .pictures import J2K, JPEG, SLIDE, cross, encoded, held, jpeg, picture

TILE = 16
SPECIMEN = {
    "Modality": "SM", "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "SpecimenLabelInImage": "NO",
    "DimensionOrganizationType": "TILED_FULL",
}  # fmt: skip


def level(across: int, down: int, samples: int = 3) -> Any:
    """Tiles of a level, (tiles, rows, columns, samples), each of its own shade, row by row."""
    shades = np.arange(across * down, dtype="u1") + 80
    return np.broadcast_to(shades[:, None, None, None], (across * down, TILE, TILE, samples)).copy()


def size(across: int, down: int, **changes: Any) -> dict[str, Any]:
    """What the header says of such a level, whose last column and row of tiles are not full."""
    matrix = {"TotalPixelMatrixColumns": across * TILE - 3, "TotalPixelMatrixRows": down * TILE - 5}
    return {**SPECIMEN, **matrix, **changes}


@pytest.fixture(autouse=True)
def sheets(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the text detector was shown; it sees a line of writing in 200, a letter in 90."""
    shown: list[Any] = []

    def look(image: Any, _: object) -> tuple[Box, ...]:
        shown.append(image)
        lines = (Box(0, 0, 9, 4, 0.9), Box(0, 0, 4, 9, 0.9)) if (image == 200).any() else ()
        return (*lines, Box(0, 0, 9, 6, 0.9)) if (image == 90).any() else lines

    monkeypatch.setattr(writing_module, "find_text", look)
    return shown


def test_tiles_leave_as_they_came(tmp_path: Path, sheets: list[Any]) -> None:
    """A level without writing leaves byte for byte; each tile is looked at in its place, the last ones' filling too."""
    streams = [jpeg(tile) for tile in level(3, 2)]
    data = encoded(streams, JPEG, SLIDE, Rows=TILE, Columns=TILE, NumberOfFrames=6, **size(3, 2))
    made, ds = cross(tmp_path, data, "jp-aid")
    left = list(generate_frames(ds.PixelData, number_of_frames=6))
    assert [tile.rstrip(b"\0") for tile in left] == [tile.rstrip(b"\0") for tile in streams]
    assert made.actions["detector_frames"] == 3
    sheet, right, bottom = sheets
    assert sheet.shape == (2 * TILE - 5, 3 * TILE - 3, 3)
    assert (right.shape, bottom.shape) == ((2 * TILE, 3, 3), (5, 3 * TILE - 3, 3))
    assert np.array_equal(sheet[::TILE, ::TILE, 0], [[80, 81, 82], [83, 84, 85]])


@pytest.mark.parametrize("samples", [1, 3])
def test_large_levels_are_reduced(
    tmp_path: Path, sheets: list[Any], monkeypatch: pytest.MonkeyPatch, samples: int
) -> None:
    """A level of many tiles is looked at in a size that the detector takes in at once."""
    monkeypatch.setattr(writing_module, "_LONGEST", 25)
    monkeypatch.setattr(writing_module, "_SHORTEST", 12)
    cross(tmp_path, to_bytes(picture(level(6, 3, samples), SLIDE, **size(6, 3))), "jp-aid")
    sheet, half, *_ = sheets
    more = () if samples == 1 else (3,)
    assert sheet.shape == (11, 24, *more)
    assert half.shape == (6, 12, *more)
    assert sheet.reshape(11, 24, -1)[0, :: TILE // 4, 0].tolist() == [80, 81, 82, 83, 84, 85]


def test_writing_on_a_slide(tmp_path: Path) -> None:
    """A slide with writing is held whole: in its other levels the same writing would stay."""
    tiles = level(2, 2)
    tiles[3] = 200
    error = held(tmp_path, to_bytes(picture(tiles, SLIDE, **size(2, 2))), "jp-aid")
    assert (error.code, error.facts) == ("text-in-pixels", {"pictures": 3, "places": 6})


def test_single_cells_are_no_writing(tmp_path: Path) -> None:
    """What is as high as it is long is a cell, and no name."""
    made, _ = cross(tmp_path, to_bytes(picture(level(4, 4), SLIDE, **size(4, 4))), "jp-aid")
    assert made.actions["detector_frames"] == 3


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]}, None),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "OVERVIEW", "NONE"]}, None),
        ({"SpecimenLabelInImage": "YES"}, "SpecimenLabelInImage"),
        ({"SpecimenLabelInImage": None}, "SpecimenLabelInImage"),
        ({"DimensionOrganizationType": "TILED_SPARSE"}, "DimensionOrganizationType"),
        ({"TotalPixelMatrixColumns": 99}, "DimensionOrganizationType"),
        ({"TotalPixelMatrixRows": None}, "DimensionOrganizationType"),
        ({"BitsStored": 7, "HighBit": 6}, "BitsStored"),
    ],
)
def test_slides_in_doubt(tmp_path: Path, changes: dict[str, Any], sign: str | None) -> None:
    """A picture of the glass, or one whose tiles have no sure place, is held."""
    error = held(tmp_path, to_bytes(picture(level(2, 2), SLIDE, **{**size(2, 2), **changes})), "jp-aid")
    assert error.code == "pixels-may-identify"
    assert error.facts["sign"] == sign or sign is None


def test_the_glass_by_its_image_type(tmp_path: Path) -> None:
    """What the header calls a label or an overview is held even where it says that no label is in it."""
    for word in ("LABEL", "OVERVIEW"):
        with_word = size(1, 1, ImageType=["DERIVED", "PRIMARY", word])
        assert held(tmp_path, to_bytes(picture(level(1, 1), SLIDE, **with_word)), "jp-aid").code


def test_other_encodings_of_tiles(tmp_path: Path) -> None:
    """Tiles that the second look does not read are held: to rewrite a slide would make it many times larger."""
    data = encoded([b"\xff\x4f" + bytes(50)], J2K, SLIDE, Rows=TILE, Columns=TILE, NumberOfFrames=1, **size(1, 1))
    error = held(tmp_path, data, "jp-aid")
    assert (error.code, error.facts["sign"]) == ("pixels-may-identify", "TransferSyntaxUID")
