"""Pictures with writing around the image: everything outside the regions goes, and what stays is looked through.

Each frame is decoded, blanked and written native. A text detector looks at what remains: of a cine at its brightest
and its darkest over time, where standing text stays sharp while the speckle around it moves, and at its ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from kaname.deid.regions import image_regions, outside
from kaname.deid.survey import Survey
from kaname.dicom.codec import FrameShape, decode_frame, frame_shape
from kaname.dicom.frames import Span, frame_bytes, frame_spans, native_frame_bytes
from kaname.dicom.scan import PixelLocation
from kaname.dicom.values import ybr_to_rgb
from kaname.errors import NotYet, Refused
from kaname.inference import find_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_PIXELS = b"\xe0\x7f\x10\x00"
_SHAPE = {
    "00280002": (0x28, 0x02), "00280010": (0x28, 0x10), "00280011": (0x28, 0x11), "00280100": (0x28, 0x100),
    "00280101": (0x28, 0x101), "00280102": (0x28, 0x102), "00280103": (0x28, 0x103), "00280006": (0x28, 0x06),
}  # fmt: skip
_GREY = ("MONOCHROME1", "MONOCHROME2")
_YBR, _RGB = ("YBR_FULL", "YBR_FULL_422"), ("RGB", "YBR_RCT", "YBR_ICT")
"""As they come out of the codec: JPEG 2000 undoes its own transforms."""
_BITS = 8
_FRAMES_DIGITS, _LONGEST = 6, 0xFFFFFFFE
_LOSSY: Final = {
    "1.2.840.10008.1.2.4.50": b"ISO_10918_1",
    "1.2.840.10008.1.2.4.51": b"ISO_10918_1",
    "1.2.840.10008.1.2.4.91": b"ISO_15444_1",
}
"""Lossy Image Compression Method (PS3.3 section C.7.6.1.1.5) of what was taken off."""
REPLACED: Final = frozenset((0x00280004, 0x00280006, 0x00282110, 0x7FE00001, 0x7FE00002))
"""Attributes that tell how the pixels were encoded; :attr:`Blanked.header` brings those that are true now."""


UNWRITTEN: Final = ((0x00280301, b"CS", b"NO"),)
"""Burned In Annotation of a picture that was looked through: tag, VR, value (PS3.15 section E.3.1)."""


@dataclass(frozen=True, slots=True, repr=False)
class Blanked:
    """The picture of one object, to be written native, 8 bits, without anything outside its regions."""

    found: Survey
    shape: FrameShape
    spans: tuple[Span, ...]
    mask: NDArray[np.bool_]
    """(rows, columns): what goes."""
    looked_at: int
    """Pictures that the text detector saw."""

    @property
    def length(self) -> int:
        """Bytes of the pixel data, without padding."""
        return self.shape.decoded_bytes * len(self.spans)

    @property
    def header(self) -> list[tuple[int, bytes, bytes]]:
        """Attributes that are true of the picture now: tag, VR, value."""
        grey = self.shape.photometric in _GREY
        rows = [(0x00280004, b"CS", self.shape.photometric.encode() if grey else b"RGB"), *UNWRITTEN]
        if not grey:
            rows.append((0x00280006, b"US", b"\0\0"))
        lossy = self.found.raw(0x28, 0x2110)
        method = _LOSSY.get(self.found.transfer_syntax_uid)
        if method and lossy != b"01":
            lossy = b"01"
            if not self.found.has(0x00282114):
                rows.append((0x00282114, b"CS", method))
        if lossy:
            rows.append((0x00282110, b"CS", lossy))
        return rows

    def frames(self) -> Iterator[bytes]:
        """Frame by frame, decoded anew: no more than one is held."""
        for picture in self.pictures():
            yield picture.tobytes()

    def pictures(self) -> Iterator[Picture]:
        """(rows, columns) or (rows, columns, 3) as RGB; black outside the regions.

        Raises:
            Refused: ``pixels-undecodable``, ``no-frames``.
        """
        black = 255 if self.shape.photometric == "MONOCHROME1" else 0
        for span in self.spans:
            data = frame_bytes(self.found.body[span.offset : span.offset + span.length], span)
            array: NDArray[Any] = decode_frame(data, self.shape, self.found.transfer_syntax_uid)
            picture = ybr_to_rgb(array) if self.shape.photometric in _YBR else array.astype("u1")
            picture[self.mask] = black
            yield picture


def blanked(found: Survey) -> Blanked:
    """The picture of an object whose class may show writing outside its regions.

    Raises:
        Refused: ``pixels-undecodable``, ``no-frames``, ``too-large``.
        NotYet: ``regions-missing``; ``pixels-may-identify`` for colours and depths that are not looked through here;
            ``text-in-pixels`` with the numbers of ``places`` and of ``pictures`` looked at; ``detector-missing``.
    """
    shape = shape_of(found)
    mask = outside(image_regions(found, shape.rows, shape.columns), shape.rows, shape.columns)
    picture = Blanked(found, shape, spans_of(found, shape), mask, 0)
    return replace(picture, looked_at=_look(picture))


def location_of(found: Survey) -> PixelLocation:
    """Where the pixel data lie.

    Raises:
        NotYet: ``pixels-may-identify`` where there are none of whole numbers.
    """
    element = found.index.get(_PIXELS)
    if element is None:
        raise NotYet("pixels-may-identify", sign="no pixel data")
    _, _, start, end = element
    return PixelLocation(start, end - start, found.body[start - 4 : start] == b"\xff\xff\xff\xff", "OB")


def spans_of(found: Survey, shape: FrameShape) -> tuple[Span, ...]:
    """Where each frame lies.

    Raises:
        Refused: ``no-frames``; ``too-large`` where the frames, decoded, do not fit into one element.
        NotYet: ``pixels-may-identify``.
    """
    count = found.raw(0x28, 0x08) or b"1"
    if not count.isdigit() or len(count) > _FRAMES_DIGITS:
        raise Refused("no-frames")
    size = native_frame_bytes(shape.rows, shape.columns, shape.samples, _BITS, shape.photometric)
    spans = frame_spans(found.body, location_of(found), int(count), size)
    if shape.decoded_bytes * len(spans) > _LONGEST:
        raise Refused("too-large", limit_bytes=_LONGEST)
    return spans


def shape_of(found: Survey) -> FrameShape:
    """What the header says of each frame: grey or true colours, 8 bits.

    Raises:
        NotYet: ``pixels-may-identify`` for other colours and depths: they are not looked through here.
        Refused: ``pixels-undecodable``.
    """
    photometric = found.raw(0x28, 0x04).decode("latin-1").upper()
    if photometric not in (*_GREY, *_YBR, *_RGB):
        raise NotYet("pixels-may-identify", sign="PhotometricInterpretation")
    values = {tag: found.number(*where) for tag, where in _SHAPE.items()}
    metadata: dict[str, Any] = {tag: {"Value": [n]} for tag, n in values.items() if n is not None}
    shape = frame_shape({**metadata, "00280004": {"Value": [photometric]}})
    if shape.bits_stored != _BITS or shape.bits_allocated != _BITS or shape.signed:
        raise NotYet("pixels-may-identify", sign="BitsStored")
    if (shape.samples == 1) != (photometric in _GREY):
        raise Refused("pixels-undecodable", sign="shape")
    return shape


def _look(picture: Blanked) -> int:
    """Looks for writing in what remains; returns how many pictures were looked at."""
    import numpy as np

    frames = picture.pictures()
    first = last = next(frames)
    bright, dark = first.copy(), first.copy()
    for last in frames:
        np.maximum(bright, last, out=bright)
        np.minimum(dark, last, out=dark)
    distinct = {shown.tobytes(): shown for shown in (bright, dark, first, last)}
    inside = ~picture.mask
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    places = sum(len(find_text(shown[window])) for shown in distinct.values())
    if places:
        raise NotYet("text-in-pixels", pictures=len(distinct), places=places)
    return len(distinct)
