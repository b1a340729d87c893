"""TIFF files written directory by directory, as slide scanners write them: tiles or strips, a pyramid, shared tables.

Shares no code with what reads them: what one side misunderstands, the other shall not misunderstand in the same way.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Colour = Literal["YCbCr", "RGB"]
"""How a JPEG stream holds its colours; scanners also write RGB, without a marker that would say so."""

_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _LONG8 = 2, 3, 4, 5, 7, 16
_CODES = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _LONG8: "Q"}
_SIZES = {_ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _UNDEFINED: 1, _LONG8: 8}
_JPEG, _YCBCR, _RGB = 7, 6, 2
_QUALITY = 80
_SOI, _SOS, _ADOBE, _JFIF = b"\xff\xd8", 0xDA, 0xEE, 0xE0


@dataclass(frozen=True, slots=True)
class Directory:
    """One picture of a file."""

    columns: int
    rows: int
    tags: dict[int, tuple[int, bytes | tuple[int, ...]]]
    """Further tags: type, and bytes or numbers."""
    pieces: tuple[bytes, ...]
    """Tiles or strips, in their order."""
    tile: int = 0
    """Edge of a tile in pixels; 0 where the pieces are strips."""
    below: tuple[Directory, ...] = field(default=())
    """Directories that hang below this one (SubIFDs)."""


def text(value: str) -> tuple[int, bytes]:
    """A text as a tag's value."""
    return _ASCII, value.encode() + b"\0"


def tiled(
    picture: NDArray[np.uint8], tile: int, *, colour: Colour = "YCbCr", tags: dict[int, tuple[int, bytes]] | None = None
) -> Directory:
    """A picture in JPEG tiles that share their tables.

    Args:
        picture: (rows, columns, 3), RGB.
        tile: edge of a tile, pixels; the last ones are filled up with white.
        colour: how the streams hold their colours.
        tags: further tags.
    """
    import numpy as np

    rows, columns = picture.shape[:2]
    pieces: list[bytes] = []
    for top in range(0, rows, tile):
        for left in range(0, columns, tile):
            part = picture[top : top + tile, left : left + tile]
            whole = np.full((tile, tile, 3), 255, np.uint8)
            whole[: part.shape[0], : part.shape[1]] = part
            pieces.append(_jpeg(whole, 2, colour))
    return Directory(columns, rows, {**_looks(colour, picture), **(tags or {})}, tuple(pieces), tile)


def stripped(picture: NDArray[np.uint8], *, tags: dict[int, tuple[int, bytes]] | None = None) -> Directory:
    """A picture in one JPEG strip: what scanners write for label, macro and thumbnail."""
    rows, columns = picture.shape[:2]
    return Directory(columns, rows, {**_looks("YCbCr", picture), **(tags or {})}, (_jpeg(picture, 2, "YCbCr"),))


def written(directories: Sequence[Directory], *, big: bool = False) -> bytes:
    """The whole file, little endian; ``big`` gives BigTIFF."""
    out = BytesIO()
    out.write(b"II+\0\x08\0\0\0" + bytes(8) if big else b"II*\0" + bytes(4))
    link = 8 if big else 4
    for directory in directories:
        link = _write(out, directory, link, big=big)
    return out.getvalue()


def _write(out: BytesIO, directory: Directory, link: int, *, big: bool) -> int:
    """Writes pieces, values and the directory; returns where the offset of the next directory belongs."""
    below = [_below(out, child, big=big) for child in directory.below]
    offsets: list[int] = []
    for piece in directory.pieces:
        offsets.append(out.tell())
        out.write(piece + b"\0" * (len(piece) % 2))
    long = _LONG8 if big else _LONG
    place, size = ((322, 324), 325) if directory.tile else ((278, 273), 279)
    tags: dict[int, tuple[int, bytes | tuple[int, ...]]] = {
        256: (_LONG, (directory.columns,)),
        257: (_LONG, (directory.rows,)),
        place[0]: (_LONG, (directory.tile or directory.rows,)),
        place[1]: (long, tuple(offsets)),
        size: (_LONG, tuple(len(piece) for piece in directory.pieces)),
        **directory.tags,
    }
    if directory.tile:
        tags[323] = (_LONG, (directory.tile,))
    if below:
        tags[330] = (long, tuple(below))
    values = [(tag, *_value(kind, value)) for tag, (kind, value) in sorted(tags.items())]
    word, room = ("Q", 8) if big else ("I", 4)
    entries: list[bytes] = []
    for tag, kind, count, raw in values:
        if len(raw) <= room:
            entries.append(struct.pack(f"<HH{word}", tag, kind, count) + raw.ljust(room, b"\0"))
            continue
        out.write(b"\0" * (out.tell() % 2))
        entries.append(struct.pack(f"<HH{word}{word}", tag, kind, count, out.tell()))
        out.write(raw)
    out.write(b"\0" * (out.tell() % 2))
    start = out.tell()
    out.write(struct.pack("<Q" if big else "<H", len(entries)) + b"".join(entries))
    after = out.tell()
    out.write(bytes(room))
    out.seek(link)
    out.write(struct.pack(f"<{word}", start))
    out.seek(0, 2)
    return after


def _below(out: BytesIO, directory: Directory, *, big: bool) -> int:
    """Writes a directory that no chain leads to; returns where it begins."""
    room = 8 if big else 4
    out.write(b"\0" * (out.tell() % 2))
    link = out.tell()
    out.write(bytes(room))
    _write(out, directory, link, big=big)
    return int.from_bytes(out.getvalue()[link : link + room], "little")


def _value(kind: int, value: bytes | tuple[int, ...]) -> tuple[int, int, bytes]:
    raw = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{_CODES[kind]}", *value)
    return kind, len(raw) // _SIZES[kind], raw


def _looks(colour: Colour, picture: NDArray[np.uint8]) -> dict[int, tuple[int, bytes | tuple[int, ...]]]:
    return {
        258: (_SHORT, (8, 8, 8)),
        259: (_SHORT, (_JPEG,)),
        262: (_SHORT, (_YCBCR if colour == "YCbCr" else _RGB,)),
        277: (_SHORT, (picture.shape[2],)),
        284: (_SHORT, (1,)),
        347: (_UNDEFINED, _jpeg(picture[:8, :8], 1, colour)),
        530: (_SHORT, (2, 2) if colour == "YCbCr" else (1, 1)),
    }


def _jpeg(picture: NDArray[np.uint8], part: int, colour: Colour) -> bytes:
    """Tables alone (1) or a stream without them (2), as TIFF shares them; no marker says how colours are held."""
    from PIL import Image

    out = BytesIO()
    sampling = "4:2:0" if colour == "YCbCr" else "4:4:4"
    rgb = colour == "RGB"
    image = Image.fromarray(picture)
    image.save(out, "JPEG", quality=_QUALITY, subsampling=sampling, streamtype=part, keep_rgb=rgb)
    return _unmarked(out.getvalue())


def _unmarked(stream: bytes) -> bytes:
    """The stream without its JFIF and Adobe segments."""
    out, position = [_SOI], len(_SOI)
    while stream[position + 1] != _SOS and position + 4 <= len(stream):
        end = position + 2 + int.from_bytes(stream[position + 2 : position + 4], "big")
        if stream[position + 1] not in (_JFIF, _ADOBE):
            out.append(stream[position:end])
        position = end
        if stream[position + 1] == 0xD9:  # noqa: PLR2004 - End Of Image: tables alone
            break
    return b"".join([*out, stream[position:]])


__all__ = ["Colour", "Directory", "stripped", "text", "tiled", "written"]
