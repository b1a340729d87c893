"""Sections of an eye, page by page of a TIFF, become one Ophthalmic Tomography image."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from kaname.dicomize import modules, picture
from kaname.dicomize.header import Examination, header
from kaname.dicomize.tiff import pages
from kaname.dicomize.write import native, part10
from kaname.errors import Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECTIONS = "1.2.840.10008.5.1.4.1.1.77.1.5.4"
VOLUME_LIMIT_BYTES = 1 << 30
_COLOURS = 3


def volume(data: bytes, examination: Examination, sop_class_uid: str, number: int) -> bytes:
    """The Part 10 file of a TIFF of equal pages: grey, 8 or 16 bits, a frame for each page in the order of the file.

    Raises:
        Refused: ``volume-broken``, also for colours; ``too-large``; ``source-not-accepted`` where no volume has that
            class.
        NotYet: ``examination-invalid``, ``photo-depth``.
    """
    if sop_class_uid != SECTIONS:
        raise Refused("source-not-accepted", sop_class_uid=sop_class_uid)
    found = [number for number, page in enumerate(pages(data)) if not page.reduced]
    first = pages(data)[found[0]]
    width = max(1, first.bits // 8)
    if first.rows * first.columns * first.samples * width * len(found) > VOLUME_LIMIT_BYTES:
        raise Refused("too-large", limit_bytes=VOLUME_LIMIT_BYTES)
    made = header(examination, sop_class_uid, hashlib.sha256(data).hexdigest(), number)
    modules.ophthalmic_sections(made, examination, len(found))
    frames: list[bytes] = []
    array: NDArray[Any] | None = None
    with picture.opened(data, "volume-broken") as image:
        for position in found:
            image.seek(position)
            picture.hold_if_large(*image.size, width * first.samples)
            section = _grey(picture.samples(image))
            if array is not None and (section.shape, section.dtype) != (array.shape, array.dtype):
                raise Refused("volume-broken", sign="sizes")
            array = section
            frames.append(section.tobytes())
    assert array is not None
    rows, columns = array.shape
    modules.image_pixel(made, rows, columns, "MONOCHROME2", 8 * array.dtype.itemsize)
    modules.lossy(made)
    return part10(made, pixel_data=native(b"".join(frames)))


def _grey(array: NDArray[Any]) -> NDArray[Any]:
    """Grey that was stored as three equal colours is grey."""
    if array.ndim < _COLOURS:
        return array
    grey = array[:, :, 0]
    if not ((array[:, :, 1] == grey).all() and (array[:, :, 2] == grey).all()):
        raise Refused("volume-broken", sign="colours")
    return grey
