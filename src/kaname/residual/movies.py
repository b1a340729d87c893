"""The second look at a video: its container without words and dates, its stream without messages, its pictures.

Read by another way than the crossing reads: boxes by one flat list, text by the look of its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import ceil
from typing import TYPE_CHECKING

from kaname.decoder.video import pictures, probe
from kaname.errors import Refused
from kaname.inference import Box, Sight, find_text
from kaname.residual.model import Finding
from kaname.residual.tables import INSPECT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_HEAD, _DEEPEST = 8, 12
_TIMED = frozenset(("mvhd", "tkhd", "mdhd"))
_WIDE = 1
_TEXT = re.compile(rb"[ -~]{5,}|(?:[\xe3-\xe9][\x80-\xbf]{2}){2,}|(?:\xa9[A-Za-z]{3})")
"""Latin or Japanese words in a header, and the mark of a user's own data."""
_UNITS, _MESSAGES = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13)), 6
_USERS, _MORE = frozenset((4, 5)), 0xFF
_PIXELS = "PixelData"


def inspect_movie(data: bytes, rows: int, columns: int) -> Iterator[Finding]:
    """Findings in one video.

    Args:
        data: its bit stream, fragments joined.
        rows: of its pictures, by the header.
        columns: of its pictures, by the header.

    Raises:
        NotYet: ``video-decoder-missing``, ``detector-missing``.
    """
    odd = next(_container(data), "")
    if odd:
        yield Finding("video", _PIXELS, odd)
        return
    try:
        video = probe(data)
        if not video.only_video or (video.rows, video.columns) != (rows, columns):
            yield Finding("video", _PIXELS, "shape")
            return
        shown = pictures(data, seconds=INSPECT.writing.seconds, most=INSPECT.writing.most)
        if shows_writing(shown, lines=True):
            yield Finding("text-in-pixels", _PIXELS)
    except Refused as error:
        yield Finding("video", _PIXELS, error.code)


def shows_writing(shown: Iterable[Picture], *, lines: bool = False) -> bool:
    """Whether one of the pictures does; large ones are looked at from near and from afar.

    Args:
        shown: the pictures.
        lines: only rows of letters count, as on slides: single letters are cells, or lights on moving tissue.

    Raises:
        NotYet: ``detector-missing``.
    """
    sight = Sight(*(INSPECT.writing.movie_sight if lines else INSPECT.writing.sight))
    return any(not lines or is_line(*box[:4]) for picture in shown for box in _stretches(picture, sight))


def _stretches(picture: Picture, sight: Sight) -> Iterator[Box]:
    import numpy as np
    from PIL import Image

    yield from find_text(picture, sight)
    rows, columns = picture.shape[:2]
    share = INSPECT.writing.side / max(rows, columns)
    if share < 1:
        small = Image.fromarray(picture).resize((ceil(columns * share), ceil(rows * share)), Image.Resampling.BOX)
        yield from find_text(np.asarray(small), sight)


def is_line(left: int, top: int, right: int, bottom: int) -> bool:
    """Whether a stretch of writing is no single letter, but a row of letters, across or down."""
    wide, high = right - left, bottom - top
    return not high / INSPECT.writing.letter < wide < high * INSPECT.writing.letter


def _container(data: bytes) -> Iterator[str]:
    """What is odd about the container: the first alone is of interest."""
    if len(data) % 2 == 0 and data.endswith(b"\0") and _end(data) == len(data) - 1:
        data = data[:-1]
    width, media = 0, b""
    for kind, content in _boxes(data):
        if kind not in INSPECT.writing.boxes:
            yield "box"
            return
        if kind == "avcC":
            width = (content[4] & 3) + 1 if len(content) > 4 else 0  # noqa: PLR2004
        elif kind == "mdat":
            if media:
                yield "stream"
            media = content
        elif kind not in INSPECT.writing.tables and any(
            not INSPECT.writing.words.fullmatch(found) for found in _TEXT.findall(content)
        ):
            yield "words"
        if kind in _TIMED and any(content[4 : 20 if content[:1] == b"\1" else 12]):
            yield "dates"
    if not width or not media:
        yield "stream"
    yield from _messages(media, width)


def _end(data: bytes) -> int:
    """Where the last box of the top level ends."""
    position = 0
    while position + _HEAD <= len(data):
        position += max(_extent(data, position)[1], _HEAD)
    return position


def _extent(data: bytes, position: int) -> tuple[int, int]:
    """Bytes of a box's head, and of the whole box."""
    size = int.from_bytes(data[position : position + 4])
    if size == _WIDE:
        return 2 * _HEAD, int.from_bytes(data[position + _HEAD : position + 2 * _HEAD])
    return _HEAD, size or len(data) - position


def _boxes(data: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """Every box at every depth with what it holds besides other boxes; one that leads out of its place has no name."""
    position = 0
    while position < len(data):
        head, size = _extent(data, position)
        kind = data[position + 4 : position + _HEAD].decode("latin-1")
        content = data[position + head : position + size]
        if size < head or position + size > len(data) or depth > _DEEPEST:
            yield "", content
            return
        fields = INSPECT.writing.nests.get(kind)
        if fields is None:
            yield kind, content
        else:
            yield kind, content[:fields]
            yield from _boxes(content[fields:], depth + 1)
        position += size


def _messages(media: bytes, width: int) -> Iterator[str]:
    """What is odd about the stream: units that are neither slices nor parameters, messages of users."""
    position = 0
    while width and position < len(media):
        size = int.from_bytes(media[position : position + width])
        unit = media[position + width : position + width + size]
        position += width + size
        kind = unit[0] & 0x1F if unit else 0
        if position > len(media) or kind not in _UNITS:
            yield "stream"
            return
        if kind == _MESSAGES and _is_of_users(unit.replace(b"\0\0\3", b"\0\0")):
            yield "messages"
            return


def _is_of_users(unit: bytes) -> bool:
    """Whether a message of the unit is data of whoever made the video, or the unit is no row of messages."""
    position = 1
    while position + 2 < len(unit):
        numbers: list[int] = []
        for _ in range(2):
            total = 0
            while position < len(unit) and unit[position] == _MORE:
                total, position = total + _MORE, position + 1
            numbers.append(total + (unit[position] if position < len(unit) else 0))
            position += 1
        position += numbers[1]
        if numbers[0] in _USERS:
            return True
    return position != len(unit) - 1
