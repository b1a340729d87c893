"""Pictures of what is held, as a person has to see them: as it came, and with what the crossing made of it.

Nothing is written anywhere: the picture is made from the encrypted original each time it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

from kaname.deid.blank import Blanked, location_of
from kaname.deid.regions import image_regions, outside
from kaname.deid.survey import Survey, survey
from kaname.deid.writing import VIDEO, looked_through
from kaname.dicom.codec import decode_frame, display, frame_shape
from kaname.dicom.frames import frame_bytes, frame_spans, native_frame_bytes
from kaname.dicom.json import instance_json
from kaname.dicomize import kind_of
from kaname.dicomize.picture import hold_if_large, opened
from kaname.errors import Refused
from kaname.gateway.held import Item
from kaname.gateway.hospital import Hospital
from kaname.inference import find_text
from kaname.registries import Registry, load
from kaname.work import Outcome, shielded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Picture = NDArray[np.uint8]

LONGEST = 1600
"""Pixels of the longer side of what is shown."""
FRAMES_MOST = 64
"""Pictures of a video or series of frames that may be asked for."""
LINE = (208, 0, 64)
"""Colour of the frames around writing."""


@dataclass(frozen=True, slots=True, repr=False)
class _Seen:
    """One frame as it came. Prints nothing."""

    pixels: Picture
    found: Survey | None
    """``None`` for a file that is no DICOM."""


def before(hospital: Hospital, one: Item, frame: int = 1) -> bytes:
    """A frame of the original as PNG, at most :data:`LONGEST` pixels a side.

    Args:
        hospital: the gateway.
        one: an object or a file that is held.
        frame: from 1; of a video, one of the pictures that the text detector looked at.

    Raises:
        Refused: ``no-frames`` for what is no picture; ``frame-out-of-range``, ``pixels-undecodable``; what scanning
            and decoding refuse; ``object-missing``, ``object-damaged``.
        NotYet: ``video-decoder-missing``.
    """
    return _png(_seen(hospital, one, frame).pixels)


def after(hospital: Hospital, one: Item, frame: int = 1) -> bytes:
    """The same frame with what the crossing makes of it, and a line around whatever writing is left.

    Black is what lies outside the regions, and the writing that was found in a still. It is for a person to judge by:
    what is held does not leave.

    Raises:
        Refused: as :func:`before`.
        NotYet: as :func:`before`; ``regions-missing``, ``detector-missing``.
    """
    seen = _seen(hospital, one, frame)
    shown = _blanked(seen, load(one.registry), frame)
    image = _image(shown)
    drawing = _drawing(image)
    for box in find_text(shown):
        for margin in (2, 3, 4):
            corners = (box.left - margin, box.top - margin, box.right + margin, box.bottom + margin)
            drawing.rectangle(corners, outline=LINE)
    return _encoded(image)


def frames(hospital: Hospital, one: Item) -> int:
    """How many frames may be asked for; 0 for what is no picture, or cannot be read.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
    """
    if one.kind not in ("object", "file") or not hospital.spool.has(one.id):
        return 0
    identified = hospital.spool.open(one.id)
    if one.kind == "file":
        return {"photo": 1, "volume": FRAMES_MOST, "video": FRAMES_MOST}.get(kind_of(identified.buffer, ""), 0)
    found = shielded(survey, identified)
    if isinstance(found, Outcome):
        return 0
    if found.transfer_syntax_uid in VIDEO:
        return FRAMES_MOST
    count = found.raw(0x28, 0x08) or b"1"
    return min(FRAMES_MOST, int(count)) if count.isdigit() and found.has(0x7FE00010) else 0


def _seen(hospital: Hospital, one: Item, frame: int) -> _Seen:
    if one.kind not in ("object", "file"):
        raise Refused("no-frames")
    if not 1 <= frame <= FRAMES_MOST:
        raise Refused("frame-out-of-range")
    identified = hospital.spool.open(one.id)
    if one.kind == "file":
        return _Seen(_of_file(bytes(identified.buffer), frame), None)
    found = survey(identified)
    if found.transfer_syntax_uid in VIDEO:
        (span,) = frame_spans(found.body, location_of(found), 1, None)
        return _Seen(_of_video(frame_bytes(found.body[span.offset : span.offset + span.length], span), frame), found)
    return _Seen(_of_object(bytes(identified.buffer), found, frame), found)


def _of_object(data: bytes, found: Survey, frame: int) -> Picture:
    """A frame as a viewer would show it first."""
    metadata = instance_json(data)
    shape = frame_shape(metadata)
    count = found.raw(0x28, 0x08) or b"1"
    if not count.isdigit():
        raise Refused("no-frames")
    size = native_frame_bytes(shape.rows, shape.columns, shape.samples, shape.bits_allocated, shape.photometric)
    spans = frame_spans(found.body, location_of(found), int(count), size)
    if frame > len(spans):
        raise Refused("frame-out-of-range")
    span = spans[frame - 1]
    pixels = frame_bytes(found.body[span.offset : span.offset + span.length], span)
    return display(decode_frame(pixels, shape, found.transfer_syntax_uid), metadata, frame - 1)


def _of_video(data: bytes, frame: int) -> Picture:
    from kaname.decoder.video import pictures

    for shown in islice(pictures(data, most=FRAMES_MOST), frame - 1, frame):
        return shown
    raise Refused("frame-out-of-range")


def _of_file(data: bytes, frame: int) -> Picture:
    """A photograph, a page or a moment of a file that is no DICOM."""
    import numpy as np

    kind = kind_of(data, "")
    if kind == "video":
        return _of_video(data, frame)
    if kind not in ("photo", "volume"):
        raise Refused("no-frames")
    with opened(data, "pixels-undecodable") as image:
        try:
            image.seek(frame - 1)
        except EOFError as error:
            raise Refused("frame-out-of-range") from error
        hold_if_large(*image.size, len(image.getbands()))
        image.thumbnail((LONGEST, LONGEST))
        return np.asarray(image.convert("RGB"))


def _blanked(seen: _Seen, registry: Registry, frame: int) -> Picture:
    """As the crossing would write it: black outside the regions, or where writing was found in a still."""
    found, rules = seen.found, registry.pixels
    if found is None:
        return seen.pixels
    if found.key.sop_class_uid in rules.regions:
        shown = seen.pixels.copy()
        rows, columns = shown.shape[:2]
        shown[outside(image_regions(found, rows, columns), rows, columns)] = 0
        return shown
    few = found.transfer_syntax_uid not in VIDEO and found.raw(0x28, 0x08) in (b"", b"1")
    looked = shielded(looked_through, found) if few and found.key.sop_class_uid in rules.writing else None
    if isinstance(looked, Blanked):
        return next(islice(looked.pictures(), frame - 1, frame))
    return seen.pixels


def _drawing(image: Image.Image) -> Any:  # noqa: ANN401 -- Pillow is imported late
    from PIL import ImageDraw

    return ImageDraw.Draw(image)


def _image(pixels: Picture) -> Image.Image:
    from PIL import Image

    return Image.fromarray(pixels).convert("RGB")


def _png(pixels: Picture) -> bytes:
    return _encoded(_image(pixels))


def _encoded(image: Image.Image) -> bytes:
    out = BytesIO()
    image.thumbnail((LONGEST, LONGEST))
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()
