"""An invented operation, as a laparoscope sees it: tissue in a round light, and instruments that come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kaname.testing.scenery import mucosa

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

ROWS, COLUMNS = 192, 256
PHASES = ("preparation", "dissection", "vessel", "resection")
"""In each phase other instruments are seen: none, one, a shorter one, two."""
_SHAFTS = {
    "preparation": (),
    "dissection": ((-1.3, 0.9, -0.25, 0.25),),
    "vessel": ((1.3, 0.8, 0.35, 0.2),),
    "resection": ((-1.3, 0.9, -0.35, 0.3), (1.3, 0.8, 0.45, 0.15)),
}
"""Where each shaft comes in and where its tip is, as columns and rows from the middle, in half rows."""
_WIDTH = 0.07


def operation(seed: int, per_phase: int = 1) -> list[Picture]:
    """Pictures of one operation, so many of each of its phases, (rows, columns, 3), RGB.

    Args:
        seed: whose it is.
        per_phase: pictures of each phase; the instruments move a little from one to the next.
    """
    total = per_phase * len(PHASES)
    return [_picture(seed, PHASES[n // per_phase], n / max(total - 1, 1)) for n in range(total)]


def _picture(seed: int, phase: str, moment: float) -> Picture:
    import numpy as np

    shown = mucosa(seed, ROWS, COLUMNS, redness=0.6, shift=0.08 * np.sin(moment * 6)).astype(np.float64)
    shown *= np.array([1.0, 1.05, 0.85])
    y, x = (np.mgrid[0:ROWS, 0:COLUMNS].astype(np.float64) - np.array([ROWS, COLUMNS])[:, None, None] / 2) * 2 / ROWS
    for from_x, from_y, tip_x, tip_y in _SHAFTS[phase]:
        sway = 0.06 * np.sin(moment * 25)
        steel = _shaft(x, y, (from_x, from_y), (tip_x + sway, tip_y))[..., None]
        shown = shown * (1 - steel) + np.array([150.0, 146.0, 140.0]) * steel
    light = 1 / (1 + np.exp((np.hypot(x, y) - 1.12) * 16))
    return (shown * light[..., None]).clip(0, 255).astype(np.uint8)


def _shaft(
    x: NDArray[np.float64], y: NDArray[np.float64], start: tuple[float, float], tip: tuple[float, float]
) -> NDArray[np.float64]:
    """How much of each pixel is metal: a bar from the rim to the tip, thinner towards it."""
    import numpy as np

    along = np.array(tip) - np.array(start)
    length = float(np.hypot(*along))
    way = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length
    aside = np.abs((x - start[0]) * along[1] - (y - start[1]) * along[0]) / length
    width = _WIDTH * (1 - 0.45 * (way > length - 0.25))
    return 1 / (1 + np.exp((aside - width) * 30)) * 1 / (1 + np.exp((way - length) * 25))
