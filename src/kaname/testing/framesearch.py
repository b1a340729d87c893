"""Reads the pictures below a folder for planted identities, as a person looking at them would.

The byte search cannot see a name that is drawn. Here every image in every pack is rendered and read by OCR. What
cannot be rendered is itself a hit: a search that fails open proves nothing. Decoding is pydicom's, so that nothing of
Kaname's own codec vouches for itself.
"""

from __future__ import annotations

import re
import tarfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import pixel_array

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
_BROKEN = (ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, RuntimeError,
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
    """Pictures read: of a clip its brightest and darkest over time, its first and its last."""


def find_drawn(
    root: Path, strings: Sequence[str], modality: str = "", known: dict[str, Read] | None = None
) -> FrameSearch:
    """Reads all images in packs (tar) and Part 10 files below a folder.

    Texts are compared without case, width, blanks and punctuation, old character forms as new ones, and with one
    misread character in six.

    Args:
        root: a folder.
        strings: what must not be there; those of fewer than five Latin or two other characters are not looked for.
        modality: only images of this Modality (0008,0060); all by default. Reading takes a second an image.
        known: what was read before, by SHA-256 of the file; grows. Two copies of an image are then read once.

    Raises:
        NotYet: ``detector-missing``.
        FileNotFoundError: ``root`` is not there.
    """
    known = {} if known is None else known
    forms = {n: form for n, text in enumerate(strings) if _is_long_enough(form := _plain(text))}
    hits: list[FrameHit] = []
    instances = pictures = 0
    root.lstat()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
        for member, data in _objects(path):
            if not _is_of(data, modality):
                continue
            instances += 1
            place, digest = path.relative_to(root), sha256(data).hexdigest()
            try:
                read = known.get(digest) or known.setdefault(digest, _read(data))
            except _BROKEN:
                hits.append(FrameHit(place, member, UNREADABLE))
                continue
            pictures += read.pictures
            hits += [FrameHit(place, member, n) for n, form in forms.items() if _stands_in(form, read.text)]
    return FrameSearch(tuple(hits), instances, pictures)


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


def _is_of(data: bytes, modality: str) -> bool:
    try:
        return not modality or str(_dataset(data).get("Modality", modality)) == modality
    except (*_BROKEN, InvalidDicomError):
        return True  # rendering it will fail and say so


def _dataset(data: bytes) -> Any:
    return pydicom.dcmread(BytesIO(data))  # pyright: ignore[reportUnknownMemberType] - pydicom's own


def _pictures(data: bytes) -> list[Picture]:
    """What a viewer would show, colours as RGB, greys over their whole range."""
    import numpy as np

    array: NDArray[Any] = pixel_array(_dataset(data))
    samples = 1 if _dataset(data).SamplesPerPixel == 1 else 3
    frames = array.reshape(-1, *array.shape[-2:]) if samples == 1 else array.reshape(-1, *array.shape[-3:])
    wanted = list(frames) if len(frames) < 3 else [frames.max(axis=0), frames.min(axis=0), frames[0], frames[-1]]  # noqa: PLR2004 - fewer have no time
    distinct = {shown.tobytes(): shown for shown in wanted}
    out: list[Picture] = []
    for shown in distinct.values():
        low, high = float(shown.min()), float(shown.max())
        grey = shown.dtype != np.uint8
        out.append(((shown - low) * (255 / max(high - low, 1e-9))).astype(np.uint8) if grey else shown)
    return out


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
