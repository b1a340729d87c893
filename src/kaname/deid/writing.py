"""Photographs, sections, slides and videos: the whole picture is image, and is looked through for writing.

Where a text detector finds none, the pixels leave as they came. In a still, what it finds becomes black on every frame
and the picture is looked at again; a slide or a video with writing is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from math import ceil
from typing import TYPE_CHECKING, Final

from kaname.decoder.video import pictures, probe
from kaname.deid import movies
from kaname.deid.blank import UNWRITTEN, Blanked, location_of, shape_of, spans_of
from kaname.deid.survey import Survey
from kaname.dicom.codec import NATIVE
from kaname.dicom.frames import frame_bytes, frame_spans
from kaname.errors import NotYet
from kaname.inference import Box, Sight, find_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

VIDEO: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in range(100, 109)) | frozenset(
    f"1.2.840.10008.1.2.4.{n}.1" for n in range(100, 107)
)
"""MPEG-2, H.264 and HEVC, in one fragment or in several (PS3.5 section A.4)."""
_SLIDE: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
_JPEG: Final = "1.2.840.10008.1.2.4.50"
_PLAIN = ("MONOCHROME1", "MONOCHROME2", "RGB")
_CLOSE = Sight()
_SIGHTS = (_CLOSE, *(Sight(certainty=0.65),) * 4)
"""Once the boldest writing is black the detector sees fainter one beside it, and takes lights on wet surfaces for some:
it looks again until it finds none, and has to be a little surer. On real endoscopic stills two to four looks do."""
_SHARE_AROUND, _LEAST_AROUND = 4, 2
_MOST_BLACK = 0.2
_NOT_SPECIMEN = (b"LABEL", b"OVERVIEW")
_LONGEST = 1000
"""Pixels a side, to which larger pictures are reduced for another look, or for the first."""
_WHOLE_FRAMES, _SHORTEST = 16, 256
"""Levels of so many tiles are looked at in full, larger ones reduced; then halved, and halved again, down to so
many pixels a side: the detector sees no letters as high as a fifth of the picture."""
_SURE, _LINE = Sight(certainty=0.8), 1.8
"""Cells look like letters: on tissue the detector has to be surer, and a line so many times as long as it is high."""


@dataclass(frozen=True, slots=True)
class Untouched:
    """Pixels that leave in the encoding that they came in: looked through, and no writing found."""

    looked_at: int
    """Pictures that the text detector saw."""

    @property
    def header(self) -> list[tuple[int, bytes, bytes]]:
        """Attributes that are true of the picture now: tag, VR, value."""
        return [*UNWRITTEN]


def looked_through(found: Survey) -> Blanked | Untouched:
    """What leaves of an object whose whole picture is image.

    Raises:
        Refused: ``pixels-undecodable``, ``no-frames``, ``too-large``, ``video-broken``, ``video-empty``.
        NotYet: ``text-in-pixels`` with the numbers of ``places`` and of ``pictures`` looked at; ``pixels-may-identify``
            for what is not looked through here, and where the sender says that there is writing and none was found;
            ``detector-missing``, ``video-decoder-missing``.
    """
    if found.transfer_syntax_uid in VIDEO:
        looked = _video(found)
    elif found.key.sop_class_uid == _SLIDE:
        looked = _slide(found)
    else:
        looked = _still(found)
    if isinstance(looked, Untouched) and found.raw(0x28, 0x301).upper().startswith(b"Y"):
        raise NotYet("pixels-may-identify", sign="BurnedInAnnotation", pictures=looked.looked_at)
    return looked


# ── stills and sections ──────────────────────────────────────────────────────────────────────────


def _still(found: Survey) -> Blanked | Untouched:
    """Encodings that the second look does not read leave native, too."""
    import numpy as np

    shape = shape_of(found)
    nothing = np.zeros((shape.rows, shape.columns), np.bool_)
    picture = Blanked(found, shape, spans_of(found, shape), nothing, 0)
    looked = places = 0
    for sight in _SIGHTS:
        seen, found_here, mask = _look(picture, sight)
        looked, places = looked + seen, found_here or places
        if not found_here:
            break
        picture = replace(picture, mask=picture.mask | mask)
    else:
        raise NotYet("text-in-pixels", pictures=looked, places=places)
    if picture.mask.mean() > _MOST_BLACK:
        raise NotYet("text-in-pixels", pictures=looked, places=places)
    native = found.transfer_syntax_uid in NATIVE and shape.photometric in _PLAIN
    if not places and (native or found.transfer_syntax_uid == _JPEG):
        return Untouched(looked)
    return replace(picture, looked_at=looked)


def _look(picture: Blanked, sight: Sight) -> tuple[int, int, NDArray[np.bool_]]:
    """Every distinct frame: how many these are, how many places show writing, and where, over all frames."""
    import numpy as np

    mask = np.zeros_like(picture.mask)
    seen: set[bytes] = set()
    places = 0
    for shown in picture.pictures():
        digest = sha256(shown.tobytes()).digest()
        if digest not in seen:
            seen.add(digest)
            for box in _stretches(shown, sight):
                places += 1
                mask[_around(box)] = True
    return len(seen), places, mask


def _stretches(shown: Picture, sight: Sight = _CLOSE) -> Iterator[Box]:
    """Writing in a picture, that of a large one also as from farther away: a label may fill a photograph."""
    import numpy as np
    from PIL import Image

    yield from find_text(shown, sight)
    step = ceil(max(shown.shape[:2]) / _LONGEST)
    if step > 1:
        for box in find_text(np.asarray(Image.fromarray(shown).reduce(step)), sight):
            left, top, right, bottom = (n * step for n in box[:4])
            yield Box(left, top, right, bottom, box.score)


def _around(box: Box) -> tuple[slice, slice]:
    """Rows and columns of a stretch of writing with a margin."""
    margin = max(_LEAST_AROUND, min(box.right - box.left, box.bottom - box.top) // _SHARE_AROUND)
    return (
        slice(max(0, box.top - margin), box.bottom + margin),
        slice(max(0, box.left - margin), box.right + margin),
    )


# ── videos ───────────────────────────────────────────────────────────────────────────────────────


def _video(found: Survey) -> Untouched:
    """Nothing in a video's stream is rewritten: one picture with writing holds it, and so does what is no picture."""
    location = location_of(found)
    if found.transfer_syntax_uid.removesuffix(".1") not in movies.MP4 or not location.encapsulated:
        raise NotYet("pixels-may-identify", sign="video stream")
    (span,) = frame_spans(found.body, location, 1, None)
    data = frame_bytes(found.body[span.offset : span.offset + span.length], span)
    if movies.holds_writing(data):
        raise NotYet("pixels-may-identify", sign="writing in the video stream")
    video = probe(data)
    if not video.only_video or (video.rows, video.columns) != (found.number(0x28, 0x10), found.number(0x28, 0x11)):
        raise NotYet("pixels-may-identify", sign="video stream")
    looked, before = 0, ()
    for looked, shown in enumerate(pictures(data), start=1):
        here = tuple(_stretches(shown))
        if places := sum(_is_sure(box) or any(_meet(box, other) for other in before) for box in here):
            raise NotYet("text-in-pixels", pictures=looked, places=places)
        before = here
    return Untouched(looked)


def _is_sure(box: Box) -> bool:
    """Whether one look is enough: light on moving tissue looks like a letter, but not like a line, nor for long."""
    return _is_line(box) and box.score >= _SURE.certainty


def _meet(one: Box, other: Box) -> bool:
    """Whether two stretches of writing share a place: what stands still in a video is no tissue."""
    across = min(one.right, other.right) > max(one.left, other.left)
    return across and min(one.bottom, other.bottom) > max(one.top, other.top)


# ── slides ───────────────────────────────────────────────────────────────────────────────────────


def _slide(found: Survey) -> Untouched:
    """One level of a slide, its tiles put together, in several sizes.

    The label of the glass names the patient and is no image here.
    """
    import numpy as np

    kind = found.raw(0x08, 0x08).upper()
    if found.raw(0x48, 0x10).upper() != b"NO" or any(word in kind for word in _NOT_SPECIMEN):
        raise NotYet("pixels-may-identify", sign="SpecimenLabelInImage")
    shape = shape_of(found)
    picture = Blanked(found, shape, spans_of(found, shape), np.zeros((shape.rows, shape.columns), np.bool_), 0)
    columns, rows = (found.number(0x48, e) or 0 for e in (6, 7))
    across, down = ceil(columns / shape.columns), ceil(rows / shape.rows)
    organised = found.raw(0x20, 0x9311).upper() or b"TILED_FULL"
    if organised != b"TILED_FULL" or across * down != len(picture.spans):
        raise NotYet("pixels-may-identify", sign="DimensionOrganizationType")
    if found.transfer_syntax_uid not in NATIVE and found.transfer_syntax_uid != _JPEG:
        raise NotYet("pixels-may-identify", sign="TransferSyntaxUID")
    longest = max(across * shape.columns, down * shape.rows)
    step = 1 if len(picture.spans) <= _WHOLE_FRAMES else ceil(longest / _LONGEST)
    sheet = _assembled(picture, across, down, step)
    right, bottom = ceil(columns / step), ceil(rows / step)
    # The edge of the specimen's picture looks like a line: what fills the last tiles is looked at by itself.
    sheets = (*_halved(sheet[:bottom, :right]), sheet[:, right:], sheet[bottom:, :right])
    places = [sum(map(_is_line, find_text(shown, _SURE))) for shown in sheets if shown.size]
    if any(places):
        raise NotYet("text-in-pixels", pictures=len(places), places=sum(places))
    return Untouched(len(places))


def _halved(sheet: Picture) -> Iterator[Picture]:
    """A sheet, its half, its quarter, and so on."""
    import numpy as np
    from PIL import Image

    yield sheet
    while max(sheet.shape[:2]) > _SHORTEST:
        sheet = np.asarray(Image.fromarray(np.ascontiguousarray(sheet)).reduce(2))
        yield sheet


def _is_line(box: Box) -> bool:
    """Whether a stretch is long enough for a name or a number."""
    high, wide = sorted((box.right - box.left, box.bottom - box.top))
    return wide >= _LINE * high


def _assembled(picture: Blanked, across: int, down: int, step: int) -> Picture:
    """The tiles, row by row, each reduced to the mean of ``step`` by ``step`` pixels."""
    import numpy as np
    from PIL import Image

    rows, columns = ceil(picture.shape.rows / step), ceil(picture.shape.columns / step)
    more: tuple[int, ...] = () if picture.shape.samples == 1 else (3,)
    sheet = np.zeros((down * rows, across * columns, *more), np.uint8)
    for (y, x), tile in zip(product(range(down), range(across)), picture.pictures(), strict=True):
        small = tile if step == 1 else np.asarray(Image.fromarray(tile).reduce(step))
        sheet[y * rows : (y + 1) * rows, x * columns : (x + 1) * columns] = small
    return sheet
