"""A slide's tiles as frames: JPEG streams completed and otherwise untouched, everything else as plain pixels.

A JPEG stream (ITU-T T.81) in a TIFF shares its tables with its neighbours and leaves out how it holds its colours. A
frame has to stand alone: the tables go in front, a marker says the colours, the coded picture stays byte for byte.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from kaname.dicomize.directories import Buffer
from kaname.errors import NotYet, Refused

JPEG, NONE, DEFLATE, DEFLATE_OLD = 7, 1, 8, 32946
"""Values of the tag Compression that are read."""
_SOI, _EOI, _START, _SIZE, _BASELINE = b"\xff\xd8", b"\xff\xd9", 0xDA, 0xC0, frozenset((0xC0,))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a frame: the coding processes of T.81, table B.1."""
_TABLES = frozenset((0xDB, 0xC4, 0xDD))
"""Quantisation, Huffman, restart interval."""
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
_PREDICT = 2
_RGB, _GREY = 2, 1


@dataclass(frozen=True, slots=True)
class Looks:
    """What the tiles of one level have in common."""

    level: int
    edge_columns: int
    edge_rows: int
    samples: int
    compression: int
    photometric: int
    """Tag PhotometricInterpretation: 1 grey, 2 RGB, 6 YCbCr."""
    predictor: int
    tables: bytes
    """Tag JPEGTables: an abbreviated stream, or nothing."""

    @property
    def tile_bytes(self) -> int:
        """Of the plain pixels of a tile of 8 bits."""
        return self.edge_columns * self.edge_rows * self.samples

    @property
    def photometric_interpretation(self) -> str:
        """As DICOM says it."""
        if self.samples == 1:
            return "MONOCHROME2"
        return "YBR_FULL_422" if self.compression == JPEG and self.photometric != _RGB else "RGB"


def jpeg_frame(data: Buffer, offset: int, length: int, looks: Looks) -> bytes:
    """The tile as a JPEG stream that stands alone. No comment and no application segment of it survives.

    Raises:
        Refused: ``slide-broken`` when it is no whole JPEG stream of this size.
        NotYet: ``slide-compression`` when it is no baseline stream of one scan.
    """
    stream = bytes(data[offset : offset + length])
    segments, scan = _segments(stream, looks)
    shared, _ = _segments(looks.tables, looks) if looks.tables else ([], 0)
    frames = [(marker, segment) for marker, segment in segments if marker in _FRAMES]
    if len(frames) != 1 or not scan:
        raise Refused("slide-broken", level=looks.level)
    marker, size = frames[0]
    if marker not in _BASELINE:
        raise NotYet("slide-compression", level=looks.level, marker=marker)
    stated = int.from_bytes(size[5:7], "big"), int.from_bytes(size[7:9], "big"), size[9]
    if size[4] != 8 or stated != (looks.edge_rows, looks.edge_columns, looks.samples):  # noqa: PLR2004 - bits
        raise Refused("slide-broken", level=looks.level)
    end = _AFTER_SCAN.search(stream, _behind(stream, scan))
    if end is None:
        raise Refused("slide-broken", level=looks.level)
    if end.group() != _EOI:
        raise NotYet("slide-compression", level=looks.level)
    kept = [segment for marker, segment in (*shared, *segments) if marker in _TABLES or marker in _FRAMES]
    return b"".join((_SOI, _colours(looks), *kept, stream[scan : end.end()]))


def plain_frame(data: Buffer, offset: int, length: int, looks: Looks) -> bytes:
    """The tile as plain pixels of 8 bits, colour by pixel.

    Raises:
        Refused: ``slide-broken`` when it does not hold as many pixels as it should.
    """
    raw = bytes(data[offset : offset + length])
    if looks.compression != NONE:
        try:
            raw = zlib.decompressobj().decompress(raw, looks.tile_bytes + 1)
        except zlib.error as error:
            raise Refused("slide-broken", level=looks.level) from error
    if len(raw) != looks.tile_bytes:
        raise Refused("slide-broken", level=looks.level)
    return _summed(raw, looks) if looks.predictor == _PREDICT else raw


def _summed(raw: bytes, looks: Looks) -> bytes:
    """Undoes horizontal differencing (TIFF 6.0, section 14)."""
    import numpy as np

    shape = (looks.edge_rows, looks.edge_columns, looks.samples)
    return np.cumsum(np.frombuffer(raw, np.uint8).reshape(shape), axis=1, dtype=np.uint8).tobytes()


def _colours(looks: Looks) -> bytes:
    """Adobe's marker: nothing else tells RGB from YCbCr in a JPEG stream."""
    if looks.samples == 1:
        return b""
    return _ADOBE + (b"\0" if looks.photometric == _RGB else b"\1")


def _segments(stream: bytes, looks: Looks) -> tuple[list[tuple[int, bytes]], int]:
    """The marker segments before the scan, and where the scan's own segment begins; 0 where there is none."""
    if stream[:2] != _SOI:
        raise Refused("slide-broken", level=looks.level)
    found: list[tuple[int, bytes]] = []
    position = 2
    while position + 4 <= len(stream):
        marker = stream[position + 1]
        if stream[position] != 0xFF:  # noqa: PLR2004
            raise Refused("slide-broken", level=looks.level)
        if marker == _START:
            return found, position
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            position += 1
            continue
        end = _behind(stream, position)
        if end > len(stream):
            raise Refused("slide-broken", level=looks.level)
        found.append((marker, stream[position:end]))
        position = end
    return found, 0


def _behind(stream: bytes, position: int) -> int:
    return position + 2 + max(2, int.from_bytes(stream[position + 2 : position + 4], "big"))
