"""A slide on the shelf is levels of tiles, and any tile is the stream that the scanner coded."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import generate_frames

from kaname.archive import slides
from kaname.archive.index import PACKS, SERIES, STUDIES
from kaname.archive.shelf import index_key
from kaname.archive.slides import Slide, tile
from kaname.database import writing
from kaname.dicomize.header import Examination
from kaname.dicomize.slide import WHOLE_SLIDE, slide
from kaname.errors import Refused
from kaname.node import Node
from kaname.pack import index_pack, pack_key, write_pack
from kaname.testing.deliveries import make_hub
from kaname.testing.hospital import invent_visit
from kaname.testing.personas import personas, site
from kaname.testing.slides import Scan
from kaname.testing.slides import slide as make_slide

REGISTRY, SIZE, TILE = "jp-aid", 768, 256
Change = Callable[[pydicom.Dataset], object]


def parts() -> list[bytes]:
    """The objects of a slide of three levels."""
    rng = random.Random("archive slides")  # noqa: S311 - invention, not secrecy
    made = make_slide(invent_visit(rng, personas(3, 1)[0], site(3)), rng, Scan(size=SIZE))
    return list(slide(made.data, Examination("PN-1", accession="AN-1"), WHOLE_SLIDE))


PARTS = parts()


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Node]:
    """A hub whose shelf is still empty."""
    node = make_hub(tmp_path / "hub")
    yield node
    node.index.dispose()


def put(node: Node, folder: Path, changes: dict[int, Change] | None = None) -> str:
    """Shelves the objects as the archive does, changed by their number first; returns the series."""
    paths: list[Path] = []
    for count, data in enumerate(PARTS):
        ds = pydicom.dcmread(BytesIO(data))
        (changes or {}).get(count, lambda _: None)(ds)
        paths.append(folder / f"{ds.SOPInstanceUID}.dcm")
        ds.save_as(paths[-1])
    pack = write_pack(paths, folder / "pack.tar")
    index = index_pack(pack.path)
    node.store.put(pack_key(pack.digest), pack.path)
    node.store.put(index_key(pack.digest), index.to_bytes())
    study, series = index.study_instance_uid, index.series_instance_uid
    texts = dict.fromkeys(("accession_number", "study_date", "study_time", "study_id", "study_description"), "")
    with writing(node.index) as connection:
        common = {"registry": REGISTRY, "subject": "A" * 16, "instances": len(paths), "study_instance_uid": study}
        connection.execute(STUDIES.insert().values(**common, **texts, series=1, document="{}"))
        words = {"modality": "SM", "series_description": "", "body_part_examined": "", "document": "{}"}
        connection.execute(SERIES.insert().values(**common, **words, series_instance_uid=series))
        connection.execute(
            PACKS.insert().values(
                digest=pack.digest, series_instance_uid=series, number=1, registry=REGISTRY, subject="A" * 16,
                size_bytes=pack.size_bytes, members=pack.members, instances=len(paths), index_digest="", parcel="p",
                shelved_at="",
            )
        )  # fmt: skip
    return series


def frames() -> Iterator[list[bytes]]:
    """The streams of each level."""
    for data in PARTS:
        ds = pydicom.dcmread(BytesIO(data))
        yield list(generate_frames(ds.PixelData, number_of_frames=int(ds.NumberOfFrames)))


def test_the_levels_stand_from_the_largest_to_the_smallest(hub: Node, tmp_path: Path) -> None:
    """Sizes of matrix and tiles, and the scale of the largest level."""
    series = put(hub, tmp_path)
    found = slides.slide(hub, [REGISTRY], series)
    assert isinstance(found, Slide)
    assert [(level.columns, level.rows, level.frames) for level in found.levels] == [
        (768, 768, 9),
        (192, 192, 1),
        (48, 48, 1),
    ]
    assert {(level.tile_columns, level.tile_rows, level.optical_paths) for level in found.levels} == {(256, 256, 1)}
    assert found.um_per_pixel == 0.499
    assert asdict(found)["series_instance_uid"] == series


def test_a_tile_is_the_stored_stream(hub: Node, tmp_path: Path) -> None:
    """Column and row lead to the frame of that place; the bytes are those of the object."""
    series = put(hub, tmp_path)
    for level, streams in enumerate(frames()):
        across = 3 if level == 0 else 1
        for number, stream in enumerate(streams):
            row, column = divmod(number, across)
            data, media_type = tile(hub, [REGISTRY], series, level, column, row)
            assert (data, media_type) == (stream, "image/jpeg")


def test_neighbouring_tiles_fit_together(hub: Node, tmp_path: Path) -> None:
    """The last column of a tile is like the first of the next one: columns and rows are not exchanged."""
    series = put(hub, tmp_path)

    def shown(column: int, row: int) -> np.ndarray:
        return np.asarray(Image.open(BytesIO(tile(hub, [REGISTRY], series, 0, column, row)[0])), np.int16)

    right = np.abs(shown(0, 0)[:, -1] - shown(1, 0)[:, 0]).mean()
    below = np.abs(shown(0, 0)[-1] - shown(0, 1)[0]).mean()
    across = np.abs(shown(0, 0)[:, -1] - shown(0, 1)[:, 0]).mean()
    assert max(right, below) < 20 < across


@pytest.mark.parametrize(
    ("place", "code"),
    [((3, 0, 0), "not-found"), ((-1, 0, 0), "not-found"), ((0, 3, 0), "frame-out-of-range"),
     ((0, 0, 3), "frame-out-of-range"), ((0, -1, 0), "frame-out-of-range"), ((1, 1, 0), "frame-out-of-range")],
)  # fmt: skip
def test_there_is_no_tile_beside_the_slide(hub: Node, tmp_path: Path, place: tuple[int, int, int], code: str) -> None:
    """Levels, columns and rows that are none are refused."""
    with pytest.raises(Refused, match=code):
        tile(hub, [REGISTRY], put(hub, tmp_path), *place)


def test_a_slide_is_shown_to_who_may_see_its_registry(hub: Node, tmp_path: Path) -> None:
    """For everybody else, and for a series that is none, there is nothing."""
    series = put(hub, tmp_path)
    for registries, uid in (([], series), (["j-mid"], series), ([REGISTRY], "1.2.3")):
        with pytest.raises(Refused, match="not-found"):
            slides.slide(hub, registries, uid)


def sparse(ds: pydicom.Dataset) -> None:
    """Tiles that may stand anywhere."""
    ds.DimensionOrganizationType = "TILED_SPARSE"


def planes(ds: pydicom.Dataset) -> None:
    """More focal planes than there are frames for."""
    ds.TotalPixelMatrixFocalPlanes = 2


def part_of_a_level(ds: pydicom.Dataset) -> None:
    """A level in several instances."""
    ds.ConcatenationUID = "2.25.1"


def same_size(ds: pydicom.Dataset) -> None:
    """As large as the level above, by its own words."""
    ds.TotalPixelMatrixColumns = ds.TotalPixelMatrixRows = 48


@pytest.mark.parametrize("change", [sparse, planes, part_of_a_level, same_size])
def test_a_slide_whose_frames_are_not_its_tiles_is_told_so(hub: Node, tmp_path: Path, change: Change) -> None:
    """Sparse tiles, planes without frames, parts of a level, two levels of one size."""
    series = put(hub, tmp_path, {1: change})
    with pytest.raises(Refused, match="slide-sparse"):
        slides.slide(hub, [REGISTRY], series)


def test_only_tissue_is_a_level(hub: Node, tmp_path: Path) -> None:
    """A picture of the whole glass in the same series is no level."""

    def overview(ds: pydicom.Dataset) -> None:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OVERVIEW", "NONE"]

    series = put(hub, tmp_path, {0: overview})
    assert [level.columns for level in slides.slide(hub, [REGISTRY], series).levels] == [192, 48]


def test_a_slide_without_a_scale_says_so(hub: Node, tmp_path: Path) -> None:
    """No size of a pixel is invented."""

    def unmeasured(ds: pydicom.Dataset) -> None:
        del ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence

    assert slides.slide(hub, [REGISTRY], put(hub, tmp_path, {0: unmeasured})).um_per_pixel is None


def test_a_series_of_something_else_is_no_slide(hub: Node, tmp_path: Path) -> None:
    """Photographs have no levels."""

    def photograph(ds: pydicom.Dataset) -> None:
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4"

    series = put(hub, tmp_path, dict.fromkeys(range(3), photograph))
    with pytest.raises(Refused, match="not-found"):
        slides.slide(hub, [REGISTRY], series)
