"""A CT image of nobody: a body ellipse with lungs, spine and one lesion, in noise, on a table."""

from __future__ import annotations

import math
import random
from array import array
from functools import cache

INTERCEPT = -1024
_NOISE = 1 << 13
_AIR, _FAT, _SOFT, _LUNG, _BONE, _LESION, _TABLE = -1016, -95, 40, -820, 520, 72, -250
_SIGMA = {_AIR: 3.0, _LUNG: 22.0}
_OUTLINES = (
    (0.0, 0.0, 0.86, 0.66, _FAT),
    (0.0, 0.0, 0.80, 0.60, _SOFT),
    (-0.38, -0.05, 0.27, 0.40, _LUNG),
    (0.38, -0.05, 0.27, 0.40, _LUNG),
    (0.0, 0.40, 0.11, 0.13, _BONE),
)


class Phantom:
    """Slices of one invented body. The same seed gives the same pixels.

    Values are 16-bit little-endian words below 4096, stored = HU + 1024: no two bytes of them spell a word, so that a
    search for planted text finds nothing in pixels by chance.
    """

    def __init__(self, seed: str, size: int) -> None:
        self.size = size
        self._rng = random.Random(f"phantom {seed}")
        self._lesion = (
            self._rng.choice((-0.38, 0.38)),
            self._rng.uniform(-0.25, 0.15),
            self._rng.uniform(0.04, 0.08),
            self._rng.uniform(0.3, 0.7),
        )

    def slice(self, where: float) -> bytes:
        """Pixels of the slice at ``where`` (0 to 1 along the body): ``size * size`` words."""
        breath = 1 - 0.12 * abs(where - 0.5)
        outlines = [(x, y, a * breath, b * breath, hu) for x, y, a, b, hu in _OUTLINES]
        x, y, radius, depth = self._lesion
        if (thick := 1 - ((where - depth) / 0.35) ** 2) > 0:
            outlines.append((x, y, radius * math.sqrt(thick), radius * math.sqrt(thick), _LESION))
        return b"".join(self._row(2 * (n + 0.5) / self.size - 1, outlines) for n in range(self.size))

    def _row(self, y: float, outlines: list[tuple[float, float, float, float, int]]) -> bytes:
        row = self._span(_TABLE if 0.80 < y < 0.84 else _AIR, self.size)  # noqa: PLR2004 - where the table lies
        for cx, cy, a, b, hu in outlines:
            inside = 1 - ((y - cy) / b) ** 2
            if inside <= 0:
                continue
            half = a * math.sqrt(inside)
            left, right = (round((cx + side * half + 1) / 2 * self.size) for side in (-1, 1))
            row[left:right] = self._span(hu, right - left)
        return row.tobytes()

    def _span(self, hu: int, count: int) -> array[int]:
        start = self._rng.randrange(_NOISE - self.size)
        return _noisy(hu)[start : start + count]


@cache
def _noisy(hu: int) -> array[int]:
    """Stored values of one tissue, to cut stretches from."""
    sigma, gauss = _SIGMA.get(hu, 11.0), random.Random(f"tissue {hu}").gauss
    low, high = (0, 26) if hu == _AIR else (0, 4095)
    return array("H", (min(high, max(low, round(hu - INTERCEPT + gauss(0, sigma)))) for _ in range(_NOISE)))
