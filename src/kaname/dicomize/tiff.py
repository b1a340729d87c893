"""What each page of a TIFF is: its size, its samples, whether it is part of a pyramid. Nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from kaname.dicomize.directories import Buffer, Directory, directories

_SUBFILE, _COLUMNS, _ROWS, _BITS, _DESCRIPTION, _SAMPLES, _TILE, _CHILDREN = 254, 256, 257, 258, 270, 277, 322, 330
_HAMAMATSU, _RAW = 65420, (33421, 50706)
"""A scanner's own tag; the tags of colour filters and of DNG: the raw data of a camera."""
_SCANNERS = (b"Aperio", b"Leica")


@dataclass(frozen=True, slots=True)
class Page:
    """One picture of a TIFF."""

    rows: int
    columns: int
    bits: int
    """Of each sample."""
    samples: int
    tiled: bool
    reduced: bool
    """It says that it is a smaller version of another."""
    pyramid: bool
    """Smaller versions hang below it, or a scanner's mark is on it."""
    raw: bool
    """Raw data of a camera."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """What the pages of one volume share."""
        return self.rows, self.columns, self.bits, self.samples


def pages(data: Buffer) -> tuple[Page, ...]:
    """The pages of the main chain, in their order, as far as the file reaches."""
    return tuple(_page(directory) for directory in directories(data))


def _page(directory: Directory) -> Page:
    scanner = directory.raw(_DESCRIPTION, len(_SCANNERS[0])).startswith(_SCANNERS) or _HAMAMATSU in directory
    return Page(
        rows=directory.first(_ROWS, 0),
        columns=directory.first(_COLUMNS, 0),
        bits=directory.first(_BITS, 1),
        samples=directory.first(_SAMPLES, 1),
        tiled=_TILE in directory,
        reduced=bool(directory.first(_SUBFILE, 0) & 1),
        pyramid=_CHILDREN in directory or scanner,
        raw=any(tag in directory for tag in _RAW),
    )
