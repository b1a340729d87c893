"""Reads the pictures below a folder for planted identities, as a person looking at them would.

The byte search cannot see a name that is drawn. Here every image in every pack is rendered and read by OCR: stills and
sections, the levels of slides put together, pictures of videos. What cannot be rendered is itself a hit: a search that
fails open proves nothing. Decoding is pydicom's and ffmpeg's, so that nothing of Kaname's own codec vouches for itself.
"""

from __future__ import annotations

import re
import tarfile
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.encaps import generate_fragments
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import iter_pixels, pixel_array

from kaname.decoder.video import pictures
from kaname.errors import Refused
from kaname.inference import read_text
from kaname.testing.pen import folded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

UNREADABLE = -1
_PREFIX_AT, _PREFIX = 128, b"DICM"
_SHORTEST_ASCII, _SHORTEST_OTHER = 5, 2
_FORGIVEN = 6
"""One character in so many may be misread."""
_NOISE = re.compile(r"[\W_]+")
_SAME = str.maketrans("邉邊齋齊斉澤濵濱廣嶋", "辺辺斎斎斎沢浜浜広島")
_VIDEO = frozenset(f"1.2.840.10008.1.2.4.{n}{part}" for n in range(100, 109) for part in ("", ".1"))
_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_ADOBE, _LONGEST_HEAD = b"\xff\xee\0\x0eAdobe", 1 << 16
_WHOLE_TILES, _SLIDE_SIDE, _LEAST_SIDE, _MOST_OF_VIDEO = 16, 1200, 400, 8
_BROKEN = (ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, Refused, RuntimeError,
           TypeError, ValueError)  # fmt: skip
"""What pydicom and its decoders raise over pixels that they cannot read."""


@dataclass(frozen=True, slots=True)
class FrameHit:
    """One picture that shows a planted string. Never shows the string."""

    path: Path
    """Below the root of the search."""
    member: str
    """Name inside the pack, empty for a file of its own."""
    form_index: int
    """Position of the string among those given; :data:`UNREADABLE` where the picture could not be rendered."""


@dataclass(frozen=True, slots=True)
class Read:
    """What stands in the pictures of one file."""

    pictures: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FrameSearch:
    """What was found, and in how much."""

    hits: tuple[FrameHit, ...]
    instances: int
    """Images met."""
    pictures: int
    """Pictures read: of a clip its brightest and darkest over time, its first and its last; of a video some."""


def find_drawn(
    root: Path, strings: Sequence[str], modalities: Collection[str] = (), known: dict[str, Read] | None = None
) -> FrameSearch:
    """Reads all images in packs (tar) and Part 10 files below a folder.

    Texts are compared without case, width, blanks and punctuation, old character forms as new ones, and with one
    misread character in six.

    Args:
        root: a folder.
        strings: what must not be there; those of fewer than five Latin or two other characters are not looked for.
        modalities: only images of these (0008,0060); all by default. Reading takes a second an image.
        known: what was read before, by SHA-256 of the file; grows. Two copies of an image are then read once.

    Raises:
        NotYet: ``detector-missing``, ``video-decoder-missing``.
        FileNotFoundError: ``root`` is not there.
    """
    known = {} if known is None else known
    forms = {n: form for n, text in enumerate(strings) if _is_long_enough(form := _plain(text))}
    hits: list[FrameHit] = []
    instances = seen = 0
    root.lstat()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
        for member, data in _objects(path):
            if not _is_of(data, modalities):
                continue
            instances += 1
            place, digest = path.relative_to(root), sha256(data).hexdigest()
            try:
                read = known.get(digest) or known.setdefault(digest, _read(data))
            except _BROKEN:
                hits.append(FrameHit(place, member, UNREADABLE))
                continue
            seen += read.pictures
            hits += [FrameHit(place, member, n) for n, form in forms.items() if _stands_in(form, read.text)]
    return FrameSearch(tuple(hits), instances, seen)


def _read(data: bytes) -> Read:
    shown = _pictures(data)
    return Read(len(shown), "\n".join(_plain(line) for picture in shown for line in _lines(picture)))


def _objects(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every Part 10 file with pixels, inside a pack or by itself."""
    with path.open("rb") as file:
        head = file.read(_PREFIX_AT + len(_PREFIX))
    if head[_PREFIX_AT:] == _PREFIX:
        yield from (("", d) for d in (path.read_bytes(),) if _has_pixels(d))
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as pack:
            for member in pack:
                data = opened.read() if (opened := pack.extractfile(member)) else b""
                if data[_PREFIX_AT : _PREFIX_AT + len(_PREFIX)] == _PREFIX and _has_pixels(data):
                    yield member.name, data


def _has_pixels(data: bytes) -> bool:
    try:
        return "PixelData" in _dataset(data)
    except (*_BROKEN, InvalidDicomError):
        return True  # rendering it will fail and say so


def _is_of(data: bytes, modalities: Collection[str]) -> bool:
    try:
        return not modalities or _dataset(data).get("Modality") in (None, *modalities)
    except (*_BROKEN, InvalidDicomError):
        return True  # rendering it will fail and say so


def _dataset(data: bytes) -> Any:
    return pydicom.dcmread(BytesIO(data))  # pyright: ignore[reportUnknownMemberType] - pydicom's own


def _pictures(data: bytes) -> list[Picture]:
    """What a viewer would show, colours as RGB, greys over their whole range."""
    ds = _dataset(data)
    if ds.file_meta.TransferSyntaxUID in _VIDEO:
        return list(pictures(b"".join(generate_fragments(ds.PixelData)), most=_MOST_OF_VIDEO))
    if ds.SOPClassUID == _SLIDE:
        return list(_halved(_level(ds)))
    array: NDArray[Any] = pixel_array(ds, raw=_is_rgb_already(ds))
    frames = array.reshape(-1, *array.shape[-2:]) if ds.SamplesPerPixel == 1 else array.reshape(-1, *array.shape[-3:])
    wanted = list(frames) if len(frames) < 3 else [frames.max(axis=0), frames.min(axis=0), frames[0], frames[-1]]  # noqa: PLR2004 - fewer have no time
    return [_in_eight_bits(shown) for shown in {shown.tobytes(): shown for shown in wanted}.values()]


def _is_rgb_already(ds: Any) -> bool:
    """Whether the decoder turns YCbCr into RGB by itself: it obeys Adobe's mark, and pydicom would do it once more."""
    return _ADOBE in bytes(ds.PixelData[:_LONGEST_HEAD])


def _in_eight_bits(shown: NDArray[Any]) -> Picture:
    import numpy as np

    if shown.dtype == np.uint8:
        return shown
    low, high = float(shown.min()), float(shown.max())
    return ((shown - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)


def _level(ds: Any) -> Picture:
    """One level of a slide with its tiles in their places, row by row; a large one reduced.

    Raises:
        ValueError: the tiles do not fill the level.
    """
    import numpy as np
    from PIL import Image

    across, down = ceil(ds.TotalPixelMatrixColumns / ds.Columns), ceil(ds.TotalPixelMatrixRows / ds.Rows)
    step = ceil(max(across * ds.Columns, down * ds.Rows) / _SLIDE_SIDE) if across * down > _WHOLE_TILES else 1
    tiles = [
        np.asarray(Image.fromarray(_in_eight_bits(tile)).reduce(step))
        for tile in iter_pixels(ds, raw=_is_rgb_already(ds))
    ]
    if len(tiles) != across * down:
        raise ValueError(len(tiles))
    lines = [np.concatenate(tiles[n * across : (n + 1) * across], axis=1) for n in range(down)]
    return np.concatenate(lines, axis=0)


def _halved(sheet: Picture) -> Iterator[Picture]:
    """A level, its half, its quarter, and so on: what a pen wrote on the glass is too large for the first."""
    import numpy as np
    from PIL import Image

    yield sheet
    while max(sheet.shape[:2]) > _LEAST_SIDE:
        sheet = np.asarray(Image.fromarray(sheet).reduce(2))
        yield sheet


def _lines(picture: Picture) -> Iterator[str]:
    """Each stretch of writing, and all of them in a row: names are split where blanks are wide."""
    found = read_text(picture)
    yield from found
    yield "".join(found)


def _plain(text: str) -> str:
    return _NOISE.sub("", folded(unicodedata.normalize("NFKC", text)).translate(_SAME)).casefold()


def _is_long_enough(form: str) -> bool:
    return len(form) >= (_SHORTEST_ASCII if form.isascii() else _SHORTEST_OTHER)


def _stands_in(form: str, text: str) -> bool:
    """Whether the form stands in the text, but for one misread character in six."""
    if form in text:
        return True
    most, size = len(form) // _FORGIVEN, len(form)
    return most > 0 and any(
        sum(a != b for a, b in zip(form, text[at : at + size], strict=True)) <= most
        for at in range(len(text) - size + 1)
    )
