"""Photographs of nobody: mucosa, the back and the front of an eye, skin with a lesion, sections of a retina.

Drawn from soft noise and round shapes, so that they have the colours and the layout of the real ones and no detail that
looks like writing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Picture = NDArray[np.uint8]

_VESSEL_STEPS = 90


def mucosa(seed: int, rows: int, columns: int, *, redness: float = 0.3, shift: float = 0.0) -> Picture:
    """The wall of a hollow organ: folds around a dark lumen, fine vessels, and a red patch.

    Args:
        seed: whose it is.
        rows: of the picture.
        columns: of the picture.
        redness: of the patch, from 0 to 1.
        shift: where the camera looks, in half pictures to the right: frames of one video differ in it.

    Returns:
        (rows, columns, 3), RGB.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 1])
    x, y = _grid(rows, columns)
    x = x - shift
    soft = _soft(rng, rows, columns, 6) * 0.5 + _soft(rng, rows, columns, 14) * 0.25
    lumen = np.hypot(x - rng.uniform(-0.25, 0.25), y - rng.uniform(-0.2, 0.2))
    folds = np.sin(lumen * rng.uniform(9, 13) + soft * 2.5) * 0.08
    light = (0.25 + 0.75 / (1 + np.exp(-(lumen - 0.35) * 9))) * (1 - 0.25 * np.hypot(x, y)) + folds
    patch = np.exp(-((np.hypot(x - rng.uniform(0.3, 0.6), y + rng.uniform(-0.4, 0.4)) / 0.33) ** 2))
    red = light * (205 + 18 * soft)
    green = light * (118 + 16 * soft - 55 * redness * patch)
    blue = light * (98 + 14 * soft - 45 * redness * patch)
    return _picture(red, green, blue)


def fundus(seed: int, rows: int, columns: int) -> Picture:
    """The back of an eye in a round field: the optic disc, vessels that leave it, the macula."""
    import numpy as np

    rng = np.random.default_rng([seed, 2])
    x, y = _grid(rows, columns)
    side = 1 if rng.random() > 0.5 else -1  # noqa: PLR2004 - either eye
    field = np.hypot(x, y)
    disc_at = (side * rng.uniform(0.33, 0.42), rng.uniform(-0.06, 0.06))
    disc = np.exp(-((np.hypot(x - disc_at[0], (y - disc_at[1]) * 0.9) / 0.13) ** 4))
    cup = np.exp(-((np.hypot(x - disc_at[0], y - disc_at[1]) / rng.uniform(0.04, 0.09)) ** 4))
    macula = np.exp(-((np.hypot(x + side * 0.12, y) / 0.16) ** 2))
    vessels = sum((_vessel(rng, x, y, disc_at, angle) for angle in (0.6, 2.4, -0.7, -2.3)), np.zeros_like(x))
    light = (1 - 0.35 * field**2) * (1 + 0.10 * _soft(rng, rows, columns, 8)) * (1 - 0.35 * np.clip(vessels, 0, 1))
    red = light * (190 + 50 * disc + 10 * cup - 60 * macula)
    green = light * (88 + 110 * disc + 40 * cup - 38 * macula - 20 * np.clip(vessels, 0, 1))
    blue = light * (42 + 80 * disc + 60 * cup - 18 * macula)
    edge = 1 / (1 + np.exp((field - 0.86) * 22))
    return _picture(red * edge, green * edge, blue * edge)


def anterior_segment(seed: int, rows: int, columns: int) -> Picture:
    """The front of an eye: lids, sclera, iris, pupil and the light's reflection."""
    import numpy as np

    rng = np.random.default_rng([seed, 3])
    x, y = _grid(rows, columns)
    soft = _soft(rng, rows, columns, 7)
    radius = np.hypot(x, y)
    gap = 1 / (1 + np.exp((np.abs(y) - 0.55 * np.sqrt(np.clip(1 - 0.6 * x**2, 0.05, 1))) * 28))
    iris = 1 / (1 + np.exp((radius - 0.40) * 45))
    pupil = 1 / (1 + np.exp((radius - rng.uniform(0.13, 0.19)) * 60))
    rays = 1 + 0.18 * np.sin(np.arctan2(y, x) * 24 + soft * 2)
    shine = np.exp(-((np.hypot(x - 0.12, y + 0.14) / 0.05) ** 2))
    skin, white, colour = (196 + 14 * soft, 150 + 12 * soft, 124 + 10 * soft), (226, 214, 206), (92, 62, 40)
    out = [
        (s * (1 - gap) + gap * (w * (1 - iris) + c * rays * iris)) * (1 - 0.92 * pupil * gap) + 210 * shine
        for s, w, c in zip(skin, white, colour, strict=True)
    ]
    return _picture(*out)


def retina(seed: int, sections: int, rows: int, columns: int) -> Picture:
    """Sections of a retina by light, (sections, rows, columns): layers in speckle, with a pit in the middle."""
    import numpy as np

    rng = np.random.default_rng([seed, 4])
    x, y = _grid(rows, columns)
    made: list[NDArray[np.uint8]] = []
    bow = rng.uniform(0.05, 0.18)
    for n in range(sections):
        away = abs(n - (sections - 1) / 2) / max(sections, 2)
        pit = 0.16 * np.exp(-((x / 0.28) ** 2)) * np.exp(-((away / 0.3) ** 2))
        depth = y + bow * x**2 - 0.1
        bands = sum(
            level * np.exp(-(((depth - at - (pit if at < 0 else 0)) / width) ** 2))
            for at, width, level in ((-0.34, 0.05, 0.75), (-0.20, 0.07, 0.4), (0.02, 0.03, 0.55), (0.12, 0.05, 1.0))
        )
        speckle = rng.rayleigh(0.32, (rows, columns)) * 0.7 + 0.55
        made.append(np.clip((0.06 + bands) * speckle * 190, 0, 255).astype(np.uint8))
    return np.stack(made)


def skin(seed: int, rows: int, columns: int, *, lesion: float = 0.3, malignant: bool = False) -> Picture:
    """Skin with one lesion in its middle; a malignant one has an uneven border and several browns.

    Args:
        seed: whose it is.
        rows: of the picture.
        columns: of the picture.
        lesion: radius in half pictures; through a dermatoscope it fills more of the picture.
        malignant: how it looks.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 5])
    x, y = _grid(rows, columns)
    soft, fine = _soft(rng, rows, columns, 5), _soft(rng, rows, columns, 40)
    angle, away = np.arctan2(y, x), np.hypot(x, y)
    uneven = 0.22 if malignant else 0.05
    border = lesion * (1 + uneven * np.sin(3 * angle + rng.uniform(0, 6)) + uneven * 0.6 * np.sin(5 * angle))
    inside = 1 / (1 + np.exp((away - border) * (15 if malignant else 22)))
    brown = 0.62 + (0.28 if malignant else 0.06) * _soft(rng, rows, columns, 9)
    red = (214 + 12 * soft + 4 * fine) * (1 - inside * (1 - 0.62 * brown))
    green = (172 + 12 * soft + 4 * fine) * (1 - inside * (1 - 0.44 * brown))
    blue = (148 + 11 * soft + 4 * fine) * (1 - inside * (1 - 0.38 * brown))
    return _picture(red, green, blue)


def face(seed: int, rows: int, columns: int) -> Picture:
    """A face as a child would draw it, on skin with a red cheek: what must be held whatever it looks like."""
    import numpy as np

    rng = np.random.default_rng([seed, 6])
    x, y = _grid(rows, columns)
    soft = _soft(rng, rows, columns, 6)
    oval = 1 / (1 + np.exp((np.hypot(x / 0.62, y / 0.9) - 1) * 24))
    eyes = sum(np.exp(-((np.hypot((x - at) / 0.12, (y + 0.2) / 0.06)) ** 4)) for at in (-0.25, 0.25))
    mouth = np.exp(-((np.hypot(x / 0.26, (y - 0.45) / 0.05)) ** 4))
    cheek = np.exp(-((np.hypot(x - 0.3, y - 0.15) / 0.16) ** 2))
    light = 90 + oval * (118 + 10 * soft)
    return _picture(
        light * (1 - 0.8 * eyes) + 20 * mouth,
        light * (0.82 - 0.6 * eyes - 0.4 * mouth - 0.3 * cheek),
        light * (0.72 - 0.5 * eyes - 0.4 * mouth - 0.25 * cheek),
    )


def _grid(rows: int, columns: int) -> tuple[Floats, Floats]:
    """Columns and rows from the middle, in half rows: circles stay round."""
    import numpy as np

    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    return (x - columns / 2) * 2 / rows, (y - rows / 2) * 2 / rows


def _soft(rng: np.random.Generator, rows: int, columns: int, cells: int) -> Floats:
    """Noise of mean 0 and spread about 1 that is smooth over one part in ``cells`` of the picture."""
    import numpy as np
    from PIL import Image

    coarse = rng.normal(0, 1, (cells, max(cells * columns // rows, 2))).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((columns, rows), Image.Resampling.BICUBIC), np.float64)


def _vessel(rng: np.random.Generator, x: Floats, y: Floats, start: tuple[float, float], angle: float) -> Floats:
    """A vessel that winds away from a point, thinner as it goes."""
    import numpy as np

    out, (at_x, at_y), rows = np.zeros_like(x), start, len(x)
    for step in range(_VESSEL_STEPS):
        width = 0.020 * (1 - 0.7 * step / _VESSEL_STEPS)
        row, column = (int((at - edge) * rows / 2) for at, edge in ((at_y, y[0, 0]), (at_x, x[0, 0])))
        reach = int(width * rows * 1.5) + 1
        near = (slice(max(row - reach, 0), max(row + reach, 0)), slice(max(column - reach, 0), max(column + reach, 0)))
        drop = np.exp(-(((x[near] - at_x) ** 2 + (y[near] - at_y) ** 2) / width**2))
        out[near] = np.maximum(out[near], drop)
        angle += rng.normal(0, 0.06)
        at_x, at_y = at_x + 0.014 * np.cos(angle), at_y + 0.014 * np.sin(angle)
    return out


def _picture(red: Floats, green: Floats, blue: Floats) -> Picture:
    import numpy as np

    return np.stack([red, green, blue], axis=-1).clip(0, 255).astype(np.uint8)
