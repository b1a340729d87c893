"""A slide as levels of tiles: which instance is which level, which frame is which tile (PS3.3 section C.8.12.4).

Slides are TILED_FULL: the frames of an instance are its tiles, row by row, and nothing is left out; of several focal
planes or optical paths the first is shown. Any tile is one ranged read.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from kaname.archive import retrieve
from kaname.archive import series as of_series
from kaname.archive.describe import number, text
from kaname.archive.model import Located
from kaname.archive.pictures import picture
from kaname.database import reading
from kaname.errors import Refused
from kaname.node import Node

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_SOP_INSTANCE, _IMAGE_TYPE, _FRAMES, _ROWS, _COLUMNS = "00080018", "00080008", "00280008", "00280010", "00280011"
_MATRIX_COLUMNS, _MATRIX_ROWS, _ORGANIZATION, _CONCATENATION = "00480006", "00480007", "00209311", "00209161"
_PATHS, _PLANES, _SHARED, _MEASURES, _SPACING = "00480302", "00480303", "52009229", "00289110", "00280030"
_VOLUME, _KIND = "VOLUME", 2


@dataclass(frozen=True, slots=True)
class SlideLevel:
    """One level of a slide: one instance."""

    sop_instance_uid: str
    rows: int
    """Of the total pixel matrix, pixels."""
    columns: int
    tile_rows: int
    tile_columns: int
    frames: int
    """Tiles, times focal planes, times optical paths."""
    optical_paths: int
    focal_planes: int

    @property
    def across(self) -> int:
        """Tiles of one row."""
        return -(-self.columns // self.tile_columns)

    @property
    def down(self) -> int:
        """Rows of tiles."""
        return -(-self.rows // self.tile_rows)


@dataclass(frozen=True, slots=True)
class Slide:
    """A slide: one series."""

    series_instance_uid: str
    levels: tuple[SlideLevel, ...]
    """The largest first."""
    um_per_pixel: float | None
    """Of the largest level; ``None`` where the slide does not say it."""


def slide(node: Node, registries: Collection[str], series_instance_uid: str) -> Slide:
    """The levels of a slide.

    Raises:
        Refused: ``not-found`` where the series is not here, not of these registries, or holds no slide;
            ``slide-sparse`` where frames are not simply the tiles of each level; ``object-missing``,
            ``object-damaged`` when an index cannot be read.
    """
    levels = _levels(node, registries, series_instance_uid)
    shown = tuple(level for level, _ in levels)
    return Slide(series_instance_uid, shown, _um_per_pixel(levels[0][1].member.metadata))


def tile(
    node: Node, registries: Collection[str], series_instance_uid: str, level: int, column: int, row: int
) -> tuple[bytes, str]:
    """A tile as a picture, with its media type: a JPEG stream as it is stored.

    Args:
        node: whose archive.
        registries: what the caller may see.
        series_instance_uid: the slide.
        level: place in :attr:`Slide.levels`: 0 is the largest.
        column: of the tile, from 0.
        row: of the tile, from 0.

    Raises:
        Refused: what :func:`slide` raises; ``not-found`` for a level that is none; ``frame-out-of-range``;
            ``pixels-undecodable``.
        NotYet: ``storage-unreachable``.
    """
    levels = _levels(node, registries, series_instance_uid)
    if not 0 <= level < len(levels):
        raise Refused("not-found")
    grid, located = levels[level]
    if not (0 <= column < grid.across and 0 <= row < grid.down):
        raise Refused("frame-out-of-range", frame=row * grid.across + column + 1, frames=grid.frames)
    return picture(node, located, row * grid.across + column + 1)


def _levels(node: Node, registries: Collection[str], series_instance_uid: str) -> list[tuple[SlideLevel, Located]]:
    """The instances of a slide that show tissue, each with what it says of its tiles, the largest first."""
    study = retrieve.study_of(node, registries, series_instance_uid)
    with reading(node.index) as connection:
        members = list(of_series.members_of(node.store, connection, study, series_instance_uid))
    tissue = [found for found in members if found.member.sop_class_uid == WHOLE_SLIDE and _shows_tissue(found)]
    if not tissue:
        raise Refused("not-found")
    levels = [(_level(found.member.metadata), found) for found in tissue]
    levels.sort(key=lambda pair: (-pair[0].columns, -pair[0].rows, pair[0].sop_instance_uid))
    if len({level.columns for level, _ in levels}) != len(levels):
        raise Refused("slide-sparse", levels=len(levels))
    return levels


def _shows_tissue(found: Located) -> bool:
    kinds = found.member.metadata.get(_IMAGE_TYPE, {}).get("Value", [])
    return len(kinds) > _KIND and kinds[_KIND] == _VOLUME


def _level(metadata: dict[str, Any]) -> SlideLevel:
    def whole(tag: str, absent: int = 0) -> int:
        return number(metadata, tag) or absent

    level = SlideLevel(
        sop_instance_uid=text(metadata, _SOP_INSTANCE),
        rows=whole(_MATRIX_ROWS),
        columns=whole(_MATRIX_COLUMNS),
        tile_rows=whole(_ROWS),
        tile_columns=whole(_COLUMNS),
        frames=whole(_FRAMES, 1),
        optical_paths=whole(_PATHS, 1),
        focal_planes=whole(_PLANES, 1),
    )
    full = text(metadata, _ORGANIZATION) == "TILED_FULL" and _CONCATENATION not in metadata
    sized = min(level.rows, level.columns, level.tile_rows, level.tile_columns) > 0
    if not full or not sized or level.across * level.down * level.optical_paths * level.focal_planes != level.frames:
        raise Refused("slide-sparse", frames=level.frames)
    return level


def _um_per_pixel(metadata: dict[str, Any]) -> float | None:
    """The spacing of columns, by the functional groups that all frames share."""
    shared: list[dict[str, Any]] = metadata.get(_SHARED, {}).get("Value", [])
    for group in shared[:1]:
        for measures in group.get(_MEASURES, {}).get("Value", [])[:1]:
            spacing = measures.get(_SPACING, {}).get("Value", [])
            if len(spacing) == 2 and isinstance(spacing[1], int | float) and spacing[1] > 0:  # noqa: PLR2004 - rows, columns
                return round(spacing[1] * 1000, 6)
    return None


__all__ = ["WHOLE_SLIDE", "Slide", "SlideLevel", "slide", "tile"]
