"""A slide as its scanner exported it: the levels of the pyramid, the scale, the colours. Label and macro are not read.

Aperio's SVS writes one directory after the other and says in words which are label and macro. OME-TIFF hangs the
smaller levels below the first directory; other directories are other pictures. Generic pyramids (libvips, ImageJ) mark
the smaller levels as reduced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from kaname.dicomize import icc
from kaname.dicomize.directories import Buffer, Directory, directories, is_tiff
from kaname.dicomize.tiles import DEFLATE, DEFLATE_OLD, JPEG, NONE, Looks
from kaname.errors import NotYet, Refused

_SUBFILE, _COLUMNS, _ROWS, _BITS, _COMPRESSION, _PHOTOMETRIC, _WORDS = 254, 256, 257, 258, 259, 262, 270
_SAMPLES, _X, _Y, _PLANAR, _UNIT, _PREDICTOR = 277, 282, 283, 284, 296, 317
_TILE_COLUMNS, _TILE_ROWS, _OFFSETS, _SIZES, _TABLES, _ICC, _HAMAMATSU = 322, 323, 324, 325, 347, 34675, 65420
_MOST_WORDS, _MOST_TABLES, _LONGEST_EDGE = 1 << 20, 1 << 12, 1 << 12
"""All tables that a baseline stream can name take less than 3 KiB (T.81, sections B.2.4.1 and B.2.4.2)."""
_MOST_LEVELS, _MOST_TILES, _MOST_TIMES = 32, 1 << 21, 8
"""Levels may point at the same bytes: without a bound a small file becomes one of any size. Scanners write a dozen
levels and less than a million tiles; with tables in front of each, the tiles are some times what the file takes."""
_NOT_TISSUE = re.compile(rb"\b(label|macro|overview|thumbnail|barcode)\b", re.IGNORECASE)
_MPP = re.compile(rb"\bMPP\s*=\s*(\d{1,2}\.\d{1,8})\b")
_POWER = re.compile(rb"\bAppMag\s*=\s*(\d{1,3}(?:\.\d{1,3})?)\b|\bNominalMagnification=\"(\d{1,3}(?:\.\d{1,3})?)\"")
_OME_SIZE = re.compile(rb'<Pixels\b[^>]*?\bPhysicalSizeX="(\d{1,4}(?:\.\d{1,12})?)"')
_OME_UNIT = re.compile(rb'<Pixels\b[^>]*?\bPhysicalSizeXUnit="([^"]{1,4})"')
_MICROMETRES = {b"\xc2\xb5m": 1.0, b"\xce\xbcm": 1.0, b"\xb5m": 1.0, b"nm": 0.001, b"mm": 1000.0}
_UM_OF_UNIT = {2: 25_400.0, 3: 10_000.0}
"""Tag ResolutionUnit: inch, centimetre."""
_SMALLEST_UM, _LARGEST_UM = 0.02, 100.0
"""Outside of these a resolution is no microscope's but a printer's (72 dots per inch are 353 µm)."""
_YCBCR = 6


@dataclass(frozen=True, slots=True, repr=False)
class Level:
    """One level of the pyramid."""

    columns: int
    rows: int
    looks: Looks
    places: tuple[tuple[int, int], ...]
    """Offset and length of each tile, row by row."""

    @property
    def plain_bytes(self) -> int:
        """Of all tiles as plain pixels."""
        return self.looks.tile_bytes * len(self.places)

    @property
    def frame_bytes(self) -> int:
        """Of all tiles as they are stored, each with its tables."""
        return sum(length for _, length in self.places) + len(self.looks.tables) * len(self.places)


@dataclass(frozen=True, slots=True, repr=False)
class Pyramid:
    """The tissue of a slide."""

    levels: tuple[Level, ...]
    """The largest first."""
    um_per_pixel: float | None
    """Of the largest level; ``None`` where the file does not say it."""
    power: float | None
    """Magnification of the objective; ``None`` where the file does not say it."""
    icc_profile: bytes
    """Numbers alone (:mod:`kaname.dicomize.icc`)."""


def pyramid(data: Buffer) -> Pyramid:
    """Finds the levels of a slide; no pixel is decoded.

    Raises:
        Refused: ``slide-broken``.
        NotYet: ``slide-compression``; ``vendor-format`` for a scanner's own file that only looks like a TIFF.
    """
    chain = list(directories(data)) if is_tiff(data) else []
    if not chain:
        raise Refused("slide-broken")
    first = chain[0]
    if _HAMAMATSU in first:
        raise NotYet("vendor-format")
    found = (first, *_smaller(chain))
    if len(found) > _MOST_LEVELS or sum(directory.count(_OFFSETS) for directory in found) > _MOST_TILES:
        raise Refused("slide-broken", levels=len(found))
    levels = tuple(_level(directory, number) for number, directory in enumerate(found))
    if sum(level.frame_bytes for level in levels) > _MOST_TIMES * len(data):
        raise Refused("slide-broken", levels=len(levels))
    if any(a.columns <= b.columns or a.rows <= b.rows for a, b in pairwise(levels)):
        raise Refused("slide-broken", levels=len(levels))
    words = first.raw(_WORDS, _MOST_WORDS)
    profile = icc.cleaned(first.raw(_ICC, icc.MOST_BYTES))
    return Pyramid(levels, _um_per_pixel(first, words), _power(words), profile or icc.srgb())


def _smaller(chain: list[Directory]) -> Iterator[Directory]:
    """The smaller levels, the larger first.

    A picture that calls itself reduced and has another shape than the slide is a pyramid that does not fit together;
    one that does not call itself so is another picture.
    """
    first, *others = chain
    below = [directory for directory in first.below() if _OFFSETS in directory]
    if below:
        found = below
    else:
        tiled = [o for o in others if _OFFSETS in o and not _NOT_TISSUE.search(_title(o))]
        found = [o for o in tiled if o.first(_SUBFILE, 0) == 1 or _same_shape(first, o)]
    if not all(_same_shape(first, directory) for directory in found):
        raise Refused("slide-broken", levels=len(found) + 1)
    yield from sorted(found, key=lambda directory: -directory.first(_COLUMNS, 0))


def _title(directory: Directory) -> bytes:
    """What a directory's words begin with: behind the first bar Aperio lists settings, a barcode among them."""
    return directory.raw(_WORDS, _MOST_WORDS).partition(b"|")[0]


def _same_shape(first: Directory, other: Directory) -> bool:
    """Whether one is the other made smaller: rounded at each halving, each edge may be off by a pixel or two."""
    columns, rows = max(1, first.first(_COLUMNS, 0)), first.first(_ROWS, 0)
    expected = other.first(_COLUMNS, 0) * rows / columns
    return abs(expected - other.first(_ROWS, 0)) <= 2 * max(1.0, rows / columns)


def _level(directory: Directory, number: int) -> Level:
    columns, rows = directory.first(_COLUMNS, 0), directory.first(_ROWS, 0)
    wide, high = directory.first(_TILE_COLUMNS, 0), directory.first(_TILE_ROWS, 0)
    samples, compression = directory.first(_SAMPLES, 1), directory.first(_COMPRESSION, NONE)
    if not (0 < wide <= _LONGEST_EDGE and 0 < high <= _LONGEST_EDGE and columns > 0 and rows > 0):
        raise Refused("slide-broken", level=number)
    if compression not in (JPEG, NONE, DEFLATE, DEFLATE_OLD):
        raise NotYet("slide-compression", level=number, compression=compression)
    photometric, predictor = directory.first(_PHOTOMETRIC, 0), directory.first(_PREDICTOR, 1)
    readable = (samples, photometric) in ((1, 1), (3, 2), (3, _YCBCR)) and predictor in (1, 2)
    plain_ycbcr = compression != JPEG and photometric == _YCBCR
    eight = set(directory.numbers(_BITS, samples + 1)) == {8}
    if not eight or directory.first(_PLANAR, 1) != 1 or not readable or plain_ycbcr:
        raise NotYet("slide-compression", level=number, samples=samples)
    tiles = -(-columns // wide) * -(-rows // high)
    counted = directory.count(_OFFSETS), directory.count(_SIZES)
    if counted != (tiles, tiles):
        raise Refused("slide-broken", level=number, tiles=tiles, found=min(counted))
    offsets, sizes = directory.numbers(_OFFSETS), directory.numbers(_SIZES)
    inside = all(
        size > 0 and offset + size <= len(directory.data) for offset, size in zip(offsets, sizes, strict=False)
    )
    if len(offsets) != tiles or len(sizes) != tiles or not inside:
        raise Refused("slide-broken", level=number, tiles=tiles, found=min(len(offsets), len(sizes)))
    tables = directory.raw(_TABLES, _MOST_TABLES) if compression == JPEG else b""
    looks = Looks(number, wide, high, samples, compression, photometric, predictor, tables)
    return Level(columns, rows, looks, tuple(zip(offsets, sizes, strict=True)))


def _um_per_pixel(first: Directory, words: bytes) -> float | None:
    if found := _MPP.search(words):
        return _believed(float(found[1]))
    if found := _OME_SIZE.search(words):
        unit = _OME_UNIT.search(words)
        return _believed(float(found[1]) * _MICROMETRES.get(unit[1] if unit else b"\xc2\xb5m", 0))
    across, down = first.ratio(_X), first.ratio(_Y)
    return _believed(_UM_OF_UNIT.get(first.first(_UNIT, 2), 0) / across) if across > 0 and across == down else None


def _believed(um: float) -> float | None:
    return um if _SMALLEST_UM <= um <= _LARGEST_UM else None


def _power(words: bytes) -> float | None:
    found = _POWER.search(words)
    power = float(found[1] or found[2]) if found else 0.0
    return power if power >= 1 else None
