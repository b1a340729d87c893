"""Which parts of an ultrasound picture are image: Sequence of Ultrasound Regions (PS3.3 section C.8.5.5).

Everything around the regions was drawn by the device: banners with the patient's name among it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kaname.deid.survey import Survey
from kaname.dicom.scan import Element, items
from kaname.errors import NotYet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_REGIONS = b"\x18\x00\x11\x60"
_FORMAT, _TYPE = b"\x18\x00\x12\x60", b"\x18\x00\x14\x60"
_LEFT, _TOP, _RIGHT, _BOTTOM = (b"\x18\x00" + low + b"\x60" for low in (b"\x18", b"\x1a", b"\x1c", b"\x1e"))
_IMAGE_FORMATS = frozenset((1, 2, 3, 4))
"""2D, M-mode, spectral, waveform; not: none, graphics."""
_DRAWN_TYPES = frozenset((0x0E, 0x0F))
"""Grey bar and colour bar: scales with numbers at their side."""


class Region(NamedTuple):
    """A rectangle of image; right and bottom lie behind its last pixel."""

    left: int
    top: int
    right: int
    bottom: int


def image_regions(found: Survey, rows: int, columns: int) -> tuple[Region, ...]:
    """The rectangles of image of a picture.

    The Standard means the last pixel by a region's maxima. Some devices mean the one behind it: a maximum that is
    exactly the picture's width or height is read as its last column or row.

    Args:
        found: the object.
        rows: of the picture.
        columns: of the picture.

    Raises:
        NotYet: ``regions-missing`` where there is none, or one does not lie in the picture.
        Refused: ``malformed-dicom`` and what else :func:`kaname.dicom.scan.items` refuses.
    """
    sequence = found.index.get(_REGIONS)
    if sequence is None:
        raise NotYet("regions-missing")
    implicit = found.implicit or sequence[0][4:] == b"UN"
    regions: list[Region] = []
    for item in items(found.body, sequence, implicit=implicit, depth=1):
        values = {element[0][:4]: _number(found, element) for element in item}
        if values.get(_FORMAT) not in _IMAGE_FORMATS or values.get(_TYPE) in _DRAWN_TYPES:
            continue
        left, top, right, bottom = (values.get(tag, -1) for tag in (_LEFT, _TOP, _RIGHT, _BOTTOM))
        region = Region(left, top, min(right + 1, columns), min(bottom + 1, rows))
        if not (0 <= left < region.right and 0 <= top < region.bottom and right <= columns and bottom <= rows):
            raise NotYet("regions-missing", sign="outside the picture")
        regions.append(region)
    if not regions:
        raise NotYet("regions-missing", sign="none of image")
    return tuple(regions)


def outside(regions: tuple[Region, ...], rows: int, columns: int) -> NDArray[np.bool_]:
    """Which pixels lie in no region.

    Raises:
        NotYet: ``regions-missing`` where there is none: who calls the whole picture image tells nothing apart.
    """
    import numpy as np

    mask = np.ones((rows, columns), bool)
    for region in regions:
        mask[region.top : region.bottom, region.left : region.right] = False
    if not mask.any():
        raise NotYet("regions-missing", sign="the whole picture")
    return mask


def _number(found: Survey, element: Element) -> int:
    """A US or UL value; -1 where it is none."""
    _, _, start, end = element
    return int.from_bytes(found.body[start:end], "little") if end - start in (2, 4) else -1
