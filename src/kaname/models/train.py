"""Training: a recipe of Kaname's own becomes a run of compute, on a frozen dataset, between the walls of a job."""

from __future__ import annotations

import hashlib
from pathlib import Path

import kaname
from kaname.annotation.flow import task_of
from kaname.compute.model import RunSpec
from kaname.datasets.flow import show
from kaname.errors import Refused
from kaname.ledger.canonical import canonical
from kaname.node import Node
from kaname.registries import load
from kaname.store import digest_bytes

RECIPES = ("classify",)
"""Names of the recipes: modules of :mod:`kaname.models.recipes`."""
SOURCES = ("models/recipes", "datasets/loader.py", "datasets/listing.py", "dicom/codec.py", "dicom/values.py")
"""What decides which model comes out, below the package: the recipes, and how pixels are read."""
MEMORY_BYTES = 3 << 30
SECONDS = 3600
NAME_LENGTH = 63


def spec_of(node: Node, recipe: str, dataset: str, version: int | None, seed: int) -> RunSpec:
    """The run that trains ``recipe`` on a dataset version. It sees training and validation, never the test.

    The model will be called after its dataset and recipe. What it is to find is the first label of the registry's
    question to its readers.

    Args:
        node: Where the dataset is.
        recipe: One of :data:`RECIPES`.
        dataset: Name of the dataset.
        version: Number of the version; the newest when ``None``.
        seed: Of every draw in the training.

    Raises:
        Refused: ``recipe-unknown``; ``not-found`` when there is no such dataset version; ``recipe-unfit`` when it has
            no labels of frames, or its registry asks readers nothing.
    """
    if recipe not in RECIPES:
        raise Refused("recipe-unknown")
    found = show(node, dataset, version)
    annotation = load(found.question.registry).annotation
    of_frames = bool(found.question.task) and task_of(node, found.question.task).question.unit == "frame"
    if not found.labels or not of_frames or annotation is None:
        raise Refused("recipe-unfit", dataset=found.name, version=found.version, labels=found.labels)
    return RunSpec(
        name=f"{found.name}-{recipe}"[:NAME_LENGTH],
        command=("python", "-m", f"kaname.models.recipes.{recipe}", annotation.labels[0].value),
        dataset=found.name,
        version=found.version,
        splits=("train", "validation"),
        code_digest=code_digest(),
        seed=seed,
        memory_bytes=MEMORY_BYTES,
        seconds=SECONDS,
        trusted=True,
    )


def code_digest() -> str:
    """SHA-256 over the sources that decide which model comes out: canonical JSON of path and SHA-256 of each file."""
    package = Path(kaname.__file__).parent
    files = sorted(file for name in SOURCES for file in _files(package / name))
    return digest_bytes(
        canonical({str(f.relative_to(package)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files})
    )


def _files(place: Path) -> list[Path]:
    return sorted(place.glob("*.py")) if place.is_dir() else [place]
