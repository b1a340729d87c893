"""An ultrasound screen of nobody: speckled tissue with vessels and a cyst in a window, a patient's banner around it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import ImageFont

    Screen = NDArray[np.uint8]

ROWS, COLUMNS = 384, 512
WINDOW = (72, 64, 471, 351)
"""Where the image lies: first and last column and row as (left, top, right, bottom), the last ones included."""
_BRIGHT, _DIM, _TEXT_ROWS = (255, 255, 255), (150, 190, 150), 18
_SPECKLE, _SMOOTH = 62.0, 3
_VESSELS = 2


def screens(seed: int, frames: int, banner: Sequence[str], inside: str = "") -> NDArray[np.uint8]:
    """The pictures of one device.

    Args:
        seed: whose tissue it is.
        frames: how many pictures; the tissue breathes from one to the next.
        banner: lines of text above the window: the patient, the hospital, the day.
        inside: text in the window itself, where no device should write.

    Returns:
        (frames, rows, columns, 3), RGB.
    """
    import numpy as np

    around = _written(np.zeros((ROWS, COLUMNS, 3), np.uint8), banner, inside)
    shown = np.repeat(around[np.newaxis], frames, axis=0)
    left, top, right, bottom = WINDOW
    tissue = _tissue(seed, frames)
    written = around[top : bottom + 1, left : right + 1]
    for frame, grey in zip(shown, tissue, strict=True):
        frame[top : bottom + 1, left : right + 1] = np.maximum(grey[..., np.newaxis], written)
    return shown


def _tissue(seed: int, frames: int) -> NDArray[np.uint8]:
    """Speckle (a Rayleigh distribution, smoothed), darker with depth, with round vessels and a cyst without echo."""
    import numpy as np

    rng = np.random.default_rng(seed)
    left, top, right, bottom = WINDOW
    rows, columns = bottom - top + 1, right - left + 1
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    depth = np.exp(-y / rows * 0.9)
    holes = [(*rng.uniform((0.15, 0.3), (0.85, 0.85)), rng.uniform(0.02, 0.05)) for _ in range(_VESSELS)]
    holes.append((rng.uniform(0.3, 0.7), rng.uniform(0.4, 0.7), rng.uniform(0.09, 0.13)))
    made: list[NDArray[np.uint8]] = []
    for n in range(frames):
        breath = 6 * np.sin(2 * np.pi * n / max(frames, 2))
        echo = _smooth(rng.rayleigh(_SPECKLE, (rows, columns)))
        for cx, cy, radius in holes:
            distance = np.hypot(x - cx * columns, y - breath - cy * rows) / (radius * columns)
            echo *= 1 / (1 + np.exp(-(distance - 1) * 9)) * 0.9 + 0.1
        made.append((echo * depth).clip(1, 200).astype(np.uint8))
    return np.stack(made)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of a small square around each value."""
    import numpy as np

    for axis in (0, 1):
        values = sum((np.roll(values, step, axis) for step in range(_SMOOTH)), np.zeros_like(values)) / _SMOOTH
    return values


def _written(screen: Screen, banner: Sequence[str], inside: str) -> Screen:
    import numpy as np
    from PIL import Image, ImageDraw

    picture = Image.fromarray(screen)
    pen = ImageDraw.Draw(picture)
    left, top, _, bottom = WINDOW
    for number, line in enumerate(banner):
        pen.text((12, 4 + _TEXT_ROWS * number), line, fill=_BRIGHT, font=font(14))
    for number, line in enumerate(("FR 42Hz", "MI 1.1", "TIS 0.4", "2D 62%", "DR 58")):
        pen.text((6, top + 24 * number), line, fill=_DIM, font=font(12))
    pen.text((left, bottom + 8), "C5-1  ABD", fill=_DIM, font=font(12))
    if inside:
        pen.text((left + 24, top + 30), inside, fill=_BRIGHT, font=font(16))
    return np.asarray(picture)


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """IPAexGothic, which has the characters of Japanese names.

    Raises:
        ModuleNotFoundError: the package that carries it (matplotlib-fontja) is not installed.
    """
    from PIL import ImageFont

    found = find_spec("matplotlib_fontja")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("matplotlib_fontja")
    return ImageFont.truetype(Path(found.submodule_search_locations[0]) / "fonts" / "ipaexg.ttf", size)
