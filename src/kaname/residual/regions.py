"""Pictures of devices that write beside the image: blank outside the declared regions, and without writing inside.

Own code and own settings throughout: the regions are read by pydicom, the pixels straight from the bytes, and the text
detector looks at another size and with other limits than the crossing did.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError

from kaname.inference import Sight, find_text
from kaname.residual.layout import IMPLICIT, Buffer, Layout
from kaname.residual.model import Finding
from kaname.residual.tables import INSPECT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EXPLICIT = "1.2.840.10008.1.2.1"
_PIXEL_DATA: Final = 0x7FE00010
_EIGHT, _MOST_FRAMES = 8, 100_000
_COLOURS: Final = {"MONOCHROME1": 1, "MONOCHROME2": 1, "RGB": 3}
_CLEANED = "113101"
UNREADABLE = (
    AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError, NotImplementedError, OSError,
    OverflowError, TypeError, ValueError,
)  # fmt: skip
"""What pydicom raises over values that are not what their VR says."""


def inspect_regions(data: Buffer, layout: Layout) -> Iterator[Finding]:
    """Findings about the picture of an object of such a class.

    Args:
        data: the whole file.
        layout: its elements.

    Raises:
        NotYet: ``detector-missing``.
    """
    pixels = layout.pixels
    if pixels is None or pixels.tag != _PIXEL_DATA or layout.syntax not in (IMPLICIT, _EXPLICIT):
        yield Finding("regions", "PixelData", "not native")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            ds: Any = pydicom.dcmread(BytesIO(data[: pixels.start]))  # pyright: ignore[reportUnknownMemberType] - pydicom's own
            yield from cleaned_marks(ds)
            samples, shape = _shape(ds)
            if samples == 0 or pixels.end - pixels.value not in (_product(shape), _product(shape) + 1):
                yield Finding("regions", "PixelData", "shape")
                return
            inside = _inside(ds, *shape[1:3])
    except UNREADABLE:
        yield Finding("regions", "SequenceOfUltrasoundRegions", "unreadable")
        return
    if inside is None:
        yield Finding("regions", "SequenceOfUltrasoundRegions", "not in the picture")
    else:
        black = 255 if ds.PhotometricInterpretation == "MONOCHROME1" else 0
        yield from _look(data, pixels.value, shape, inside, black)


def cleaned_marks(ds: Any) -> Iterator[Finding]:  # noqa: ANN401 - pydicom's data set
    """What PS3.15 section E.3.1 has a cleaned picture say of itself."""
    if ds.get("BurnedInAnnotation") != "NO":
        yield Finding("marker", "BurnedInAnnotation")
    if _CLEANED not in {item.get("CodeValue") for item in ds.get("DeidentificationMethodCodeSequence", ())}:
        yield Finding("marker", "DeidentificationMethodCodeSequence", "pixels")


def _shape(ds: Any) -> tuple[int, tuple[int, int, int, int]]:  # noqa: ANN401
    """Samples per pixel, 0 where they are of a kind not looked at here; frames, rows, columns and samples."""
    samples = _COLOURS.get(ds.PhotometricInterpretation, 0)
    frames = int(ds.get("NumberOfFrames", 1))
    as_expected = (
        ds.SamplesPerPixel == samples
        and (ds.BitsAllocated, ds.BitsStored, ds.HighBit) == (_EIGHT, _EIGHT, _EIGHT - 1)
        and not ds.get("PixelRepresentation")
        and not ds.get("PlanarConfiguration")
        and 0 < frames <= _MOST_FRAMES
    )
    return (samples if as_expected else 0), (frames, int(ds.Rows), int(ds.Columns), samples)


def _product(shape: tuple[int, int, int, int]) -> int:
    frames, rows, columns, samples = shape
    return frames * rows * columns * samples


def _inside(ds: Any, rows: int, columns: int) -> NDArray[np.bool_] | None:  # noqa: ANN401
    """Which pixels a region of image covers; ``None`` where a region leads out, or where none or all are covered."""
    import numpy as np

    inside = np.zeros((rows, columns), bool)
    for item in ds.get("SequenceOfUltrasoundRegions", ()):
        if item.RegionSpatialFormat not in INSPECT.region_formats or item.RegionDataType in INSPECT.drawn_types:
            continue
        x0, y0 = int(item.RegionLocationMinX0), int(item.RegionLocationMinY0)
        x1, y1 = int(item.RegionLocationMaxX1), int(item.RegionLocationMaxY1)
        if not (0 <= x0 <= x1 <= columns and 0 <= y0 <= y1 <= rows):
            return None
        inside[y0 : y1 + 1, x0 : x1 + 1] = True
    return inside if inside.any() and not inside.all() else None


def _look(
    data: Buffer, start: int, shape: tuple[int, int, int, int], inside: NDArray[np.bool_], black: int
) -> Iterator[Finding]:
    """Every frame outside; the brightest and the darkest over all frames inside."""
    import numpy as np

    frames, rows, columns, samples = shape
    size, outside = rows * columns * samples, ~inside
    bright = np.zeros((rows, columns, samples), np.uint8)
    dark = np.full_like(bright, 255)
    for n in range(frames):
        frame = np.frombuffer(data[start + n * size : start + (n + 1) * size], np.uint8).reshape(bright.shape)
        if (frame[outside] != black).any():
            yield Finding("outside-regions", "PixelData", f"frame {n}")
            return
        np.maximum(bright, frame, out=bright)
        np.minimum(dark, frame, out=dark)
    high, wide = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    sight = Sight(*INSPECT.sight)
    for shown in (bright,) if frames == 1 else (bright, dark):
        window = shown[high[0] : high[-1] + 1, wide[0] : wide[-1] + 1]
        if find_text(window if samples > 1 else window[..., 0], sight):
            yield Finding("text-in-pixels", "PixelData")
            return
