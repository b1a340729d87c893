"""A photograph becomes an image of visible light: its JPEG bitstream as it is, or its samples without loss."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kaname.dicom.part10 import EXPLICIT_LITTLE
from kaname.dicomize import jpeg, modules, picture
from kaname.dicomize.directories import directories, is_tiff
from kaname.dicomize.header import Examination, header
from kaname.dicomize.tiff import pages
from kaname.dicomize.write import encapsulated, native, part10
from kaname.errors import NotYet, Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
OPHTHALMIC = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
CLASSES = frozenset(("1.2.840.10008.5.1.4.1.1.77.1.1", "1.2.840.10008.5.1.4.1.1.77.1.4", OPHTHALMIC, DERMOSCOPIC))
"""What a photograph may become: all of 8 bits."""
JPEG_METHOD = "ISO_10918_1"
_JPEG_MAGIC, _THREE = b"\xff\xd8\xff", 3
_COMPRESSION, _JPEG_IN_TIFF = 259, (6, 7)


@dataclass(frozen=True, slots=True)
class _Encoded:
    """The picture as it will stand in the file."""

    transfer_syntax_uid: str
    pixel_data: tuple[bytes, ...]
    rows: int
    columns: int
    photometric: str
    method: str
    """Lossy Image Compression Method of the source; empty where nothing was lost."""


def photo(data: bytes, examination: Examination, sop_class_uid: str, number: int) -> bytes:
    """The Part 10 file of a JPEG, PNG or TIFF of one page.

    Raises:
        Refused: ``photo-broken``, ``too-large``; ``source-not-accepted`` where no photograph has that class.
        NotYet: ``photo-depth`` for more than 8 bits; ``examination-invalid``.
    """
    if sop_class_uid not in CLASSES:
        raise Refused("source-not-accepted", sop_class_uid=sop_class_uid)
    made = header(examination, sop_class_uid, hashlib.sha256(data).hexdigest(), number)
    if sop_class_uid == OPHTHALMIC:
        modules.ophthalmic_photograph(made, examination)
    elif sop_class_uid == DERMOSCOPIC:
        modules.dermoscopic(made)
    else:
        modules.visible_light(made)
    shown = _stream(data) if data.startswith(_JPEG_MAGIC) else _samples(data)
    modules.image_pixel(made, shown.rows, shown.columns, shown.photometric)
    raw = shown.rows * shown.columns * int(made.SamplesPerPixel)
    modules.lossy(made, shown.method, raw / len(data))
    return part10(made, shown.transfer_syntax_uid, shown.pixel_data)


def _stream(data: bytes) -> _Encoded:
    """Baseline as it is, decoded once to see that it can be; anything else, or one to be turned, as its samples."""
    found = jpeg.plain(data)
    picture.hold_if_large(found.columns, found.rows, found.components)
    with picture.opened(data, "photo-broken") as image:
        image.load()
        upright = picture.orientation(image) == picture.UPRIGHT
        if not (found.baseline and found.photometric and upright):
            return _native(picture.samples(image), JPEG_METHOD)
    frame = encapsulated((found.stream,))
    return _Encoded(JPEG_BASELINE, frame, found.rows, found.columns, found.photometric, JPEG_METHOD)


def _samples(data: bytes) -> _Encoded:
    tiff = is_tiff(data)
    if tiff and len([page for page in pages(data) if not page.reduced]) != 1:
        raise Refused("photo-broken", sign="pages")
    lost = tiff and any(directory.first(_COMPRESSION, 1) in _JPEG_IN_TIFF for directory in directories(data))
    with picture.opened(data, "photo-broken") as image:
        return _native(picture.samples(image), JPEG_METHOD if lost else "")


def _native(array: NDArray[Any], method: str) -> _Encoded:
    if array.dtype.itemsize > 1:
        raise NotYet("photo-depth", bits=8 * array.dtype.itemsize)
    grey = array.ndim < _THREE
    rows, columns = array.shape[:2]
    return _Encoded(EXPLICIT_LITTLE, native(array.tobytes()), rows, columns, "MONOCHROME2" if grey else "RGB", method)
