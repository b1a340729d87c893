"""Is there writing in a picture, where, and what does it say?

The models are PP-OCRv6 small: a DBNet that marks writing, and a CTC net that reads a line. ``tools/make_detector.py``
puts them beside this file; preparing pictures and reading the models' answers is done here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from kaname.errors import NotYet, Refused
from kaname.inference.areas import connected_areas
from kaname.inference.memory import give_back
from kaname.inference.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Floats = NDArray[np.float32]

MODELS: Final = Path(__file__).parent / "models"
DETECTOR: Final = (
    "PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
READER: Final = (
    "PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
"""The models by file name and SHA-256: another detector would have to be measured anew."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_GREY = 0.5
_STEP = 32
"""The detector halves its input five times."""
_TILE, _OVERLAP = 1600, 200
_TALLEST, _TALLEST_SHARE = 48, 8
"""A line of writing is at most 48 pixels high, or an eighth of the picture."""
_SURE, _PLAIN = 0.7, 0.8
"""What a line must score where one stretch was too tall; below which one half as tall is looked at again."""
_SWELL = 1.6
"""The detector marks the heart of a line; so much of its area divided by its outline lies around it (DBNet, 3.3)."""
_LINE_ROWS, _LINE_STEP, _LINE_LONGEST = 48, 8, 3200
_UPRIGHT = 1.5
_COLOURS = 3


class Box(NamedTuple):
    """One stretch of writing, in pixels of the picture; right and bottom lie behind the last pixel."""

    left: int
    top: int
    right: int
    bottom: int
    score: float
    """How sure the detector is, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How closely the detector looks."""

    scale: float = 2.0
    """Pictures are enlarged by this, as far as their longer side then stays below 1600 pixels."""
    threshold: float = 0.3
    """From which probability on a pixel counts as writing."""
    certainty: float = 0.5
    """Mean probability from which on an area counts."""
    least_pixels: int = 12
    """Areas of fewer pixels, in the enlarged picture, count for nothing."""


CLOSE = Sight()


def find_text(image: Picture, sight: Sight = CLOSE) -> tuple[Box, ...]:
    """Where a picture shows writing, from top to bottom; empty where it shows none.

    Args:
        image: (rows, columns) or (rows, columns, 3) as RGB, 8 bits.
        sight: how closely to look.

    Raises:
        NotYet: ``detector-missing``.
    """
    if not image.size or image.min() == image.max():
        return ()
    model, tallest = _model(*DETECTOR), max(_TALLEST, min(image.shape[:2]) // _TALLEST_SHARE)
    found: list[Box] = []
    for left, top, tile in _tiles(image, _TILE, _OVERLAP):
        for box in _boxes(model, tile, left, top, sight):
            high = min(box.right - box.left, box.bottom - box.top)
            if high > tallest:
                found += _again(model, image, box, sight, tallest, _SURE)
            elif high > tallest // 2 and box.score < _PLAIN:
                found += _again(model, image, box, sight, tallest, sight.certainty)
            else:
                found.append(box)
    give_back()
    return tuple(found)


def read_text(image: Picture, sight: Sight = CLOSE) -> tuple[str, ...]:
    """What the writing in a picture says, one text for each stretch that can be read.

    Args:
        image: (rows, columns) or (rows, columns, 3) as RGB, 8 bits.
        sight: how closely to look for it.

    Raises:
        NotYet: ``detector-missing``.
    """
    boxes = find_text(image, sight)
    texts = [_read_line(_model(*READER), image[b.top : b.bottom, b.left : b.right]) for b in boxes]
    return tuple(text for text in texts if text)


@cache
def _model(name: str, digest: str) -> Session:
    path = MODELS / name
    if not path.is_file():
        raise NotYet("detector-missing", model=name)
    try:
        return Session.load(path, digest)
    except Refused as error:
        raise NotYet("detector-missing", model=name, digest=str(error.facts["found"])) from error


# ── finding ──────────────────────────────────────────────────────────────────────────────────────


def _tiles(image: Picture, size: int, overlap: int) -> Iterator[tuple[int, int, Picture]]:
    """The picture, or overlapping parts of one that is larger than ``size``, each with its place."""
    rows, columns = image.shape[:2]
    for top in range(0, max(rows - overlap, 1), size - overlap):
        for left in range(0, max(columns - overlap, 1), size - overlap):
            yield left, top, image[top : top + size, left : left + size]


def _again(model: Session, image: Picture, doubtful: Box, sight: Sight, tallest: int, sure: float) -> Iterator[Box]:
    """What a stretch that is no plain line is made of, looked at in parts of a few lines each.

    A dense block shows its lines there. A round shadow, which the detector takes for one giant letter, shows nothing,
    or a part of its edge: what is neither flat nor long has to be as sure as a plain line is.
    """
    around = tallest // 4
    left, top = max(0, doubtful.left - around), max(0, doubtful.top - around)
    part = image[top : doubtful.bottom + around, left : doubtful.right + around]
    for x, y, tile in _tiles(part, 3 * tallest, tallest):
        for box in _boxes(model, tile, left + x, top + y, sight):
            high, wide = sorted((box.right - box.left, box.bottom - box.top))
            is_line = high <= tallest // 2 or wide >= 2 * high
            if high <= tallest and box.score >= (sure if is_line else _PLAIN):
                yield box


def _boxes(model: Session, image: Picture, left: int, top: int, sight: Sight) -> Iterator[Box]:
    rows, columns = image.shape[:2]
    scale = max(1.0, min(sight.scale, _TILE / max(rows, columns)))
    for area in connected_areas(_probabilities(model, image, scale), sight.threshold):
        if area.pixels < sight.least_pixels or area.mean < sight.certainty:
            continue
        wide, high = area.right - area.left, area.bottom - area.top
        swell = wide * high * _SWELL / (2 * (wide + high))
        yield Box(
            left + max(0, int((area.left - swell) / scale)),
            top + max(0, int((area.top - swell) / scale)),
            left + min(columns, ceil((area.right + swell) / scale)),
            top + min(rows, ceil((area.bottom + swell) / scale)),
            area.mean,
        )


def _probabilities(model: Session, image: Picture, scale: float) -> Floats:
    """How likely each pixel of the enlarged picture is writing."""
    import numpy as np

    rows, columns = (max(1, round(side * scale)) for side in image.shape[:2])
    sheet = np.zeros((ceil(rows / _STEP) * _STEP, ceil(columns / _STEP) * _STEP, _COLOURS), np.float32)
    sheet[:rows, :columns] = _resized(image, columns, rows)
    sheet = (sheet[:, :, ::-1] / 255 - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)
    answer = model.run({model.inputs[0]: sheet.transpose(2, 0, 1)[np.newaxis]})
    return answer[model.outputs[0]][0, 0, :rows, :columns]


def _resized(image: Picture, columns: int, rows: int) -> Picture:
    """RGB in another size, bilinear."""
    import numpy as np
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image)).convert("RGB")
    return np.asarray(picture.resize((columns, rows), Image.Resampling.BILINEAR))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def _read_line(model: Session, image: Picture) -> str:
    """One line of writing; one that stands upright is laid down first."""
    import numpy as np

    rows, columns = image.shape[:2]
    if rows > columns * _UPRIGHT:
        image, rows, columns = np.rot90(image), columns, rows
    width = min(_LINE_LONGEST, max(_LINE_STEP, ceil(columns * _LINE_ROWS / rows / _LINE_STEP) * _LINE_STEP))
    line = _resized(image, width, _LINE_ROWS)[:, :, ::-1].astype(np.float32) / 255
    answer = model.run({model.inputs[0]: ((line - _GREY) / _GREY).transpose(2, 0, 1)[np.newaxis]})
    return _collapsed(answer[model.outputs[0]][0].argmax(axis=1), _characters(model.metadata["character"]))


def _collapsed(best: NDArray[np.int64], characters: tuple[str, ...]) -> str:
    """CTC: repeated answers are one, and 0 is none."""
    numbers: list[int] = best.tolist()
    changed = [n for n, before in zip(numbers, [0, *numbers], strict=False) if n != before]
    return "".join([characters[n] for n in changed]).strip()


@cache
def _characters(listed: str) -> tuple[str, ...]:
    """What each number of the reader's answer means: 0 is nothing, the last one a blank."""
    return ("", *listed.split("\n"), " ")
