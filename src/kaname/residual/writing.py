"""Photographs, sections, slides and videos: a second look for writing anywhere in the picture.

Own code and own settings: the header is read by pydicom, streams are walked here, pictures decoded by Pillow.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pydicom

from kaname.inference import Sight, find_text
from kaname.residual.jpeg import is_plain
from kaname.residual.layout import Buffer, Layout, Span
from kaname.residual.model import Finding
from kaname.residual.movies import inspect_movie, is_line, shows_writing
from kaname.residual.regions import UNREADABLE, cleaned_marks
from kaname.residual.tables import INSPECT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_PIXEL_DATA: Final = 0x7FE00010
_JPEG = "1.2.840.10008.1.2.4.50"
_EIGHT, _MOST_FRAMES, _MOST_BYTES = 8, 1_000_000, 1 << 28
_GREY, _NATIVE, _ENCODED = ("MONOCHROME1", "MONOCHROME2"), ("RGB",), ("RGB", "YBR_FULL", "YBR_FULL_422")
_ITEM, _HEAD = b"\xfe\xff\x00\xe0", 8


class _Shape(NamedTuple):
    frames: int
    rows: int
    columns: int
    samples: int
    by_plane: bool


def inspect_writing(data: Buffer, layout: Layout) -> Iterator[Finding]:
    """Findings about the picture of an object whose whole picture is image.

    Args:
        data: the whole file.
        layout: its elements.

    Raises:
        NotYet: ``detector-missing``, ``video-decoder-missing``.
    """
    from PIL import Image

    pixels = layout.pixels
    if pixels is None or pixels.tag != _PIXEL_DATA or layout.syntax not in INSPECT.writing.transfer_syntaxes:
        yield Finding("encoding", "PixelData")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            ds: Any = pydicom.dcmread(BytesIO(data[: pixels.start]))  # pyright: ignore[reportUnknownMemberType] - pydicom's own
            yield from cleaned_marks(ds)
            encoded = _parts(data, pixels)
            if layout.syntax in INSPECT.writing.videos:
                yield from inspect_movie(b"".join(encoded), int(ds.Rows), int(ds.Columns))
            else:
                yield from _pictures(ds, encoded, jpeg=layout.syntax == _JPEG)
    except (*UNREADABLE, Image.DecompressionBombError, SyntaxError):
        yield Finding("encoding", "PixelData", "unreadable")


def _parts(data: Buffer, pixels: Span) -> list[bytes]:
    """The value of native pixel data; of encapsulated ones each fragment."""
    if data[pixels.value - 4 : pixels.value] != b"\xff\xff\xff\xff":
        return [data[pixels.value : pixels.end]]
    found: list[bytes] = []
    position = pixels.value
    while data[position : position + 4] == _ITEM:
        start = position + _HEAD
        position = start + int.from_bytes(data[position + 4 : start], "little")
        found.append(data[start:position])
    return found[1:]  # the first is a table of offsets


def _pictures(ds: Any, encoded: list[bytes], *, jpeg: bool) -> Iterator[Finding]:  # noqa: ANN401 - pydicom's data set
    shape = _shape(ds, _ENCODED if jpeg else _NATIVE)
    if shape is None:
        yield Finding("encoding", "PixelData", "shape")
        return
    size = shape.rows * shape.columns * shape.samples
    if not jpeg:
        whole = encoded[0]
        encoded = [whole[n * size : (n + 1) * size] for n in range(shape.frames)]
        odd = len(whole) not in (size * shape.frames, size * shape.frames + 1)
    else:
        encoded = [b"".join(encoded)] if shape.frames == 1 else encoded
        odd = len(encoded) != shape.frames or not all(is_plain(frame) for frame in encoded)
    if odd:
        yield Finding("encoding", "PixelData", "stream")
    elif ds.SOPClassUID == INSPECT.writing.slide:
        yield from _slide(ds, encoded, shape, jpeg=jpeg)
    elif shows_writing(_groups(encoded, shape, jpeg=jpeg)):
        yield Finding("text-in-pixels", "PixelData")


def _shape(ds: Any, colours: Sequence[str]) -> _Shape | None:  # noqa: ANN401
    """``None`` where the pixels are of a kind that is not looked at here."""
    samples = 1 if ds.PhotometricInterpretation in _GREY else 3 if ds.PhotometricInterpretation in colours else 0
    frames = int(ds.get("NumberOfFrames") or 1)
    shape = _Shape(frames, int(ds.Rows), int(ds.Columns), samples, bool(ds.get("PlanarConfiguration")))
    as_expected = (
        samples
        and ds.SamplesPerPixel == samples
        and (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (_EIGHT, _EIGHT, _EIGHT - 1)
        and not ds.get("PixelRepresentation")
        and 0 < frames <= _MOST_FRAMES
        and 0 < shape.rows * shape.columns * samples <= _MOST_BYTES
    )
    return shape if as_expected else None


def _groups(encoded: list[bytes], shape: _Shape, *, jpeg: bool) -> Iterator[Picture]:
    """Each frame, or of many the brightest and the darkest of neighbours."""
    import numpy as np

    together = ceil(len(encoded) / INSPECT.writing.frames)
    for first in range(0, len(encoded), together):
        frames = [_decoded(frame, shape, 1, jpeg=jpeg) for frame in encoded[first : first + together]]
        yield from frames if together == 1 else (np.maximum.reduce(frames), np.minimum.reduce(frames))


def _decoded(frame: bytes, shape: _Shape, step: int, *, jpeg: bool) -> Picture:
    """One frame, (rows, columns) or (rows, columns, 3), reduced by ``step``.

    Raises:
        ValueError: the stream holds another picture than the header says.
    """
    import numpy as np
    from PIL import Image

    size, mode = (shape.columns, shape.rows), "L" if shape.samples == 1 else "RGB"
    if jpeg:
        image = Image.open(BytesIO(frame), formats=("JPEG",))
        if image.size != size or len(image.getbands()) != shape.samples:
            raise ValueError(image.size)
        image.draft(mode, (max(1, shape.columns // step), max(1, shape.rows // step)))
        image = image.convert(mode)
    elif shape.by_plane and shape.samples > 1:
        planes = np.frombuffer(frame, np.uint8).reshape(shape.samples, shape.rows, shape.columns)
        image = Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0)))
    else:
        image = Image.frombytes(mode, size, frame)
    if step > 1:
        image = image.resize((ceil(shape.columns / step), ceil(shape.rows / step)), Image.Resampling.BOX)
    return np.asarray(image)


def _slide(ds: Any, encoded: list[bytes], shape: _Shape, *, jpeg: bool) -> Iterator[Finding]:  # noqa: ANN401
    """One level: its tiles put together, row by row, in sizes that the detector takes in at once."""
    import numpy as np

    kinds = [ds.ImageType] if isinstance(ds.ImageType, str) else ds.ImageType
    if ds.get("SpecimenLabelInImage") != "NO" or not INSPECT.writing.not_specimen.isdisjoint(kinds):
        yield Finding("slide-label", "SpecimenLabelInImage")
    across = ceil(int(ds.TotalPixelMatrixColumns) / shape.columns)
    down = ceil(int(ds.TotalPixelMatrixRows) / shape.rows)
    if ds.get("DimensionOrganizationType", "TILED_FULL") != "TILED_FULL" or across * down != shape.frames:
        yield Finding("encoding", "PixelData", "tiles")
        return
    longest = max(across * shape.columns, down * shape.rows)
    step = ceil(longest / INSPECT.writing.slide_side)
    tiles = [_decoded(tile, shape, step, jpeg=jpeg) for tile in encoded]
    lines = [np.concatenate(tiles[n * across : (n + 1) * across], axis=1) for n in range(down)]
    sight = Sight(*INSPECT.writing.slide_sight)
    whole = np.concatenate(lines, axis=0)
    right, bottom = ceil(ds.TotalPixelMatrixColumns / step), ceil(ds.TotalPixelMatrixRows / step)
    margins = whole[:, right:], whole[bottom:, :right]  # tiles are whole, slides end inside them
    found = (box for sheet in (*_from_afar(whole[:bottom, :right]), *margins) for box in find_text(sheet, sight))
    if any(is_line(*box[:4]) for box in found):
        yield Finding("text-in-pixels", "PixelData")


def _from_afar(sheet: Picture) -> Iterator[Picture]:
    """The sheet, then as from three times as far away, and so on: large letters are told from there alone."""
    import numpy as np
    from PIL import Image

    yield sheet
    rows, columns = sheet.shape[:2]
    while min(rows, columns) > INSPECT.writing.slide_least:
        rows, columns = ceil(rows / 3), ceil(columns / 3)
        yield np.asarray(Image.fromarray(np.ascontiguousarray(sheet)).resize((columns, rows), Image.Resampling.BOX))
