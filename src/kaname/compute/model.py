"""What a run is. Nothing here can be changed once it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kaname.datasets.model import Split

RunState = Literal["queued", "running", "finished", "refused", "failed"]
"""``finished``: it ended well and its outputs are kept. ``failed``: the job itself failed or broke a limit.
``refused``: its data are gone, or it left outputs that may not be."""

MEMORY_BYTES = 2 << 30
SECONDS = 3600


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What is to be run on what. Two equal specs are one run."""

    name: str
    command: tuple[str, ...]
    """Begins with ``python``, which becomes this installation's interpreter. A job that somebody submitted lies at
    ``/code/job.py``; a recipe of Kaname's own is ``python -m kaname.models.…``."""
    dataset: str
    version: int
    splits: tuple[Split, ...]
    """What the job may see; never ``test``."""
    code_digest: str
    """SHA-256 of the code: of the submitted file, or of the recipe's sources."""
    seed: int = 0
    memory_bytes: int = MEMORY_BYTES
    seconds: int = SECONDS
    trusted: bool = False
    """Whether it is a recipe of Kaname's own, which may run where there is no sandbox."""


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a job left behind."""

    name: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands."""

    id: str
    spec: RunSpec
    actor: str
    """Who submitted it."""
    registry: str
    project: str
    """That it was submitted in; empty for the registry's own."""
    dataset_digest: str
    state: RunState
    reason: str
    """Reason code when it ended badly, or while it waits; else empty."""
    sandbox: str
    """``bubblewrap``, ``none`` (a trusted recipe where there is no sandbox), or empty before it ran."""
    material: str
    """Digest of what was laid out for it (``Mounted.digest``)."""
    outputs: tuple[Output, ...]
    """By name; empty unless it finished."""
    log: str
    """Digest of what it printed; empty when there is none."""
    exit_code: int | None
    seconds: float
    """How long the job ran."""
    peak_bytes: int
    """Most memory that its processes held together."""
    submitted_at: str
    ended_at: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: what is written into its row."""

    state: RunState
    reason: str = ""
    sandbox: str = ""
    material: str = ""
    outputs: tuple[Output, ...] = ()
    log: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    peak_bytes: int = 0
