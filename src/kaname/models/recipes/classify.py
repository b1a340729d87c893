"""Recipe: does an image show it or not? Learns a classifier of two labels from frames of one size.

``python -m kaname.models.recipes.classify POSITIVE``: the label whose probability the model is to give. Leaves
``model.onnx`` and ``model.json``; says how it went, in figures. What it cannot learn from it says in one line, and ends
with exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kaname.datasets.loader import Loader
from kaname.datasets.model import Split
from kaname.ledger.canonical import Json, canonical
from kaname.models.recipes.learn import EPOCHS, Cases, Learned, learn
from kaname.models.recipes.spots import onnx_bytes
from kaname.settings import job_from_environment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CENTRE, WIDTH = -550.0, 450.0
"""Hounsfield units become (x - centre) / width, clipped to [-1, 1]: from air to what is denser than the lung."""
MODALITY = "CT"
CLASSES, GREY = 2, 2
FORMAT = 1


class UnfitError(Exception):
    """The dataset is none that this recipe can learn from; the message says why, in our words."""


def scaled(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values behind the Modality LUT as the network takes them."""
    import numpy as np

    return np.clip((pixels - CENTRE) / WIDTH, -1, 1).astype("f4")


def cases_of(loader: Loader, split: Split, positive: str) -> Cases:
    """The labelled frames of one split, in the loader's order.

    Raises:
        UnfitError: when frames are in colour or of several sizes.
        Refused: what the loader raises over a frame that cannot be read.
    """
    import numpy as np

    images: list[NDArray[np.float32]] = []
    answers: list[bool] = []
    for sample in loader.of_split(split):
        images.append(scaled(sample.pixels))
        answers.append(sample.label == positive)
        if images[-1].ndim != GREY or images[-1].shape != images[0].shape:
            raise UnfitError("the frames are in colour or of several sizes")
    rows, columns = images[0].shape if images else (1, 1)
    return Cases(np.array(images, dtype="f4").reshape(-1, rows, columns), np.array(answers, dtype=np.bool_))


def train(data: Path, out: Path, positive: str, seed: int, epochs: int = EPOCHS) -> Learned:
    """Learns from a mounted folder and writes both files.

    Raises:
        UnfitError: when there are not two labels, ``positive`` is none of them, one of them is missing among the
            training images, or the images are not of one size.
        Refused: what the loader raises.
    """
    loader = Loader.open(data)
    classes = loader.classes
    if len(classes) != CLASSES or positive not in classes:
        raise UnfitError("there are not two labels, or the one to look for is none of them")
    cases = cases_of(loader, "train", positive)
    if cases.answers.all() or not cases.answers.any():
        raise UnfitError("all training images have one label")
    validation = cases_of(loader, "validation", positive)
    learned = learn(cases, validation, seed, epochs)
    _, rows, columns = cases.images.shape
    (out / "model.onnx").write_bytes(onnx_bytes(learned.net, rows, columns))
    curve: list[Json] = [list(point) for point in learned.curve]
    card: dict[str, Json] = {
        "format": FORMAT,
        "classes": list(classes),
        "positive": positive,
        "modality": MODALITY,
        "rows": rows,
        "columns": columns,
        "scale": [CENTRE, WIDTH],
        "curve": curve,
        "seed": seed,
    }
    (out / "model.json").write_bytes(canonical(card))
    return learned


def main(arguments: Sequence[str]) -> int:
    """Runs the recipe between the walls of a job; returns the exit code."""
    (positive,) = arguments
    job = job_from_environment()
    try:
        learned = train(job.data, job.out, positive, job.seed)
    except UnfitError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    for epoch, loss, auc in learned.curve:
        sys.stdout.write(f"epoch {epoch}  loss {loss:.4f}  validation AUC {'-' if auc is None else f'{auc:.4f}'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
