"""Lung images of nobody, with or without a nodule among vessels: a task that has to be learned from shape.

A slice with a nodule has one round opacity among long ones. A slice without has, in its place, one more vessel of the
same brightness and the same area: neither the mean of a slice nor its spread tells them apart. Brightness, size, noise,
lung density and the outline of the chest vary from patient to patient and slice to slice. Every third slice is faint:
its nodule lies at the limit of what the noise lets anybody see, so that nobody is always right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

INTERCEPT = -1024
"""Stored values are HU + 1024, in 16-bit little-endian words below 4096: no two of their bytes spell a word."""
_WALL_HU, _BRIGHTEST = 40.0, 800.0
_VESSELS, _VESSEL_PEAK = 4, (300.0, 700.0)
_VESSEL_WIDTH, _VESSEL_RATIO = (0.035, 0.055), (2.2, 4.5)
_NODULE_RADIUS, _NODULE_RATIO = (0.09, 0.13), (1.0, 1.25)
_FAINT, _CLEAR = (20.0, 160.0), (480.0, 750.0)
_REACH, _STEEP, _SHARP = 0.78, 40.0, 1.5
_LARGEST = 4095


@dataclass(frozen=True, slots=True)
class LungImage:
    """One slice."""

    pixels: bytes
    """``size * size`` words, as they stand in Pixel Data."""
    nodule: bool


@dataclass(frozen=True, slots=True)
class _Chest:
    """What the slices of one patient have in common; lengths in half images, densities in HU."""

    centre: tuple[float, float]
    axes: tuple[float, float]
    lung: float
    noise: float


def lung_images(seed: int, patient: int, images: int, size: int = 128) -> tuple[LungImage, ...]:
    """The slices of one patient, half of them (rounded down) with a nodule, in no order. The same call, the same bytes.

    Args:
        seed: Of the whole task.
        patient: Which one; each has a chest of its own.
        images: How many.
        size: Rows and columns.
    """
    import numpy as np

    rng = np.random.default_rng([seed, patient])
    chest = _Chest(
        centre=(rng.uniform(-0.06, 0.06), rng.uniform(-0.06, 0.06)),
        axes=(rng.uniform(0.78, 0.90), rng.uniform(0.85, 0.98)),
        lung=rng.uniform(-860, -780),
        noise=rng.uniform(50, 80),
    )
    with_nodule = images // 2
    planned = [(True, peak) for peak in _peaks(rng, with_nodule)]
    planned += [(False, peak) for peak in _peaks(rng, images - with_nodule)]
    order: list[int] = rng.permutation(images).tolist()
    return tuple(
        LungImage(_slice(rng, chest, size, nodule=planned[n][0], peak=planned[n][1]), planned[n][0]) for n in order
    )


def _peaks(rng: np.random.Generator, count: int) -> list[float]:
    """How much brighter than the lung the opacity in question is, in HU: in every third slice faintly."""
    return [float(rng.uniform(*(_FAINT if n % 3 == 0 else _CLEAR))) for n in range(count)]


def _slice(rng: np.random.Generator, chest: _Chest, size: int, *, nodule: bool, peak: float) -> bytes:
    import numpy as np

    y, x = ((np.mgrid[0:size, 0:size] + 0.5) * 2 / size - 1).astype(float)
    wall = np.hypot((x - chest.centre[0]) / chest.axes[0], (y - chest.centre[1]) / chest.axes[1])
    added = np.zeros((size, size))
    for _ in range(_VESSELS):
        width, ratio = rng.uniform(*_VESSEL_WIDTH), rng.uniform(*_VESSEL_RATIO)
        _add(added, rng, chest, (x, y), (width * ratio, width), rng.uniform(*_VESSEL_PEAK))
    radius = rng.uniform(*_NODULE_RADIUS)
    stretch = np.sqrt(rng.uniform(*(_NODULE_RATIO if nodule else _VESSEL_RATIO)))
    _add(added, rng, chest, (x, y), (radius * stretch, radius / stretch), peak)
    solid = 1 / (1 + np.exp(np.clip((1 - wall) * _STEEP, -50, 50)))
    hu: Floats = (chest.lung + np.minimum(added, _BRIGHTEST)) * (1 - solid) + _WALL_HU * solid
    hu += rng.normal(0, 1, hu.shape) * np.where(wall < 1, chest.noise, 12.0)
    return np.clip(np.round(hu - INTERCEPT), 0, _LARGEST).astype("<u2").tobytes()


def _add(
    added: Floats,
    rng: np.random.Generator,
    chest: _Chest,
    grid: tuple[Floats, Floats],
    axes: tuple[float, float],
    peak: float,
) -> None:
    """Lays a soft-edged ellipse, anywhere within the lung and in any direction, over what is there."""
    import numpy as np

    away, turn, angle = np.sqrt(rng.uniform()) * _REACH, rng.uniform(0, 2 * np.pi), rng.uniform(0, np.pi)
    dx = grid[0] - chest.centre[0] - away * chest.axes[0] * np.cos(turn)
    dy = grid[1] - chest.centre[1] - away * chest.axes[1] * np.sin(turn)
    along = (dx * np.cos(angle) + dy * np.sin(angle)) / axes[0]
    across = (dy * np.cos(angle) - dx * np.sin(angle)) / axes[1]
    np.maximum(added, peak * np.exp(-((along**2 + across**2) ** _SHARP)), out=added)
