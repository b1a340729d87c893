"""From encoded bytes to samples, within bounds: every size is read before anything is decoded."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from kaname.errors import NotYet, Refused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Samples = NDArray[np.uint8] | NDArray[np.uint16]

FRAME_LIMIT_BYTES = 1 << 28
"""Of one decoded picture: the limit of :mod:`kaname.dicom.codec`."""
ORIENTATION = 0x0112
UPRIGHT = 1
_FORMATS = ("JPEG", "PNG", "TIFF")
_GREY, _DEEP = frozenset(("1", "L", "LA", "La")), frozenset(("I;16", "I;16L", "I;16B"))
_COLOUR = frozenset(("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "CMYK", "YCbCr", "LAB"))
_BROKEN = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, struct.error),
    *(SyntaxError, TypeError, ValueError, Warning),
)
"""What Pillow raises over files that are not what they should be."""


@contextmanager
def opened(data: bytes, broken: str) -> Generator[Image.Image]:
    """A picture file, not decoded yet; whatever Pillow raises over it is ``Refused(broken)``.

    Raises:
        Refused: ``broken``; ``too-large`` when it claims more than 256 MiB of samples.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is stricter
            with Image.open(BytesIO(data), formats=_FORMATS) as image:
                hold_if_large(*image.size, 2 if image.mode in _DEEP else len(image.getbands()))
                yield image
    except Image.DecompressionBombError as error:
        raise Refused("too-large", limit_bytes=FRAME_LIMIT_BYTES) from error
    except _BROKEN as error:
        raise Refused(broken) from error


def hold_if_large(columns: int, rows: int, bytes_per_pixel: int) -> None:
    """Returns when a picture of that size may be decoded.

    Raises:
        Refused: ``too-large``.
    """
    if columns * rows * max(3, bytes_per_pixel) > FRAME_LIMIT_BYTES:
        raise Refused("too-large", limit_bytes=FRAME_LIMIT_BYTES)


def samples(image: Image.Image) -> Samples:
    """The picture as shown: turned as it asks, without transparency.

    Returns:
        (rows, columns) of 8 or 16 bits for grey, (rows, columns, 3) of 8 bits for colours as RGB.

    Raises:
        NotYet: ``photo-depth`` for other depths: real numbers, 32 bits.
    """
    import numpy as np

    image.load()  # a TIFF is turned, and says so no more, as soon as it is decoded
    if image.mode in _DEEP:
        deep: NDArray[Any] = np.asarray(_turned(image))
        return deep.astype("<u2")
    if image.mode not in _GREY | _COLOUR:
        raise NotYet("photo-depth")
    flat: NDArray[np.uint8] = np.asarray(_turned(image).convert("L" if image.mode in _GREY else "RGB"))
    return flat


def orientation(image: Image.Image) -> int:
    """How the camera was held (EXIF 0112): 1 to 8; 1 where nothing readable says so."""
    try:
        said = image.getexif().get(ORIENTATION, UPRIGHT)
    except _BROKEN:
        return UPRIGHT
    return said if isinstance(said, int) and UPRIGHT <= said <= 8 else UPRIGHT  # noqa: PLR2004 - eight ways


def _turned(image: Image.Image) -> Image.Image:
    from PIL import Image

    ways = (
        None,
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
    )
    way = ways[orientation(image) - 1]
    return image if way is None else image.transpose(way)
