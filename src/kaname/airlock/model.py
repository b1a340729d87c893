"""What a request for release is. Nothing here can be changed once it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["draft", "submitted", "in-review", "approved", "rejected", "blocked", "cancelled"]
Kind = Literal["model", "log"]

MOVES: Mapping[State, tuple[State, ...]] = {
    "draft": ("submitted", "blocked", "cancelled"),
    "submitted": ("in-review", "blocked", "cancelled"),
    "in-review": ("approved", "rejected", "blocked", "cancelled"),
    "approved": (),
    "rejected": (),
    "blocked": (),
    "cancelled": (),
}
"""Which state may follow which. ``blocked``: there is something that no person may wave through: the automatic
checks found it, or a subject of the data has withdrawn since."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file that wants out."""

    name: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What the automatic checks say against an item."""

    item: str
    """Name of the file; ``log`` for what the job printed; ``data`` for what it learned from."""
    code: str
    """Reason code."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stands."""

    id: str
    run: str
    kind: Kind
    """``model``: outputs and log of a run that finished; ``log``: of one that did not, the log alone."""
    registry: str
    project: str
    """Of the run; empty for the registry's own."""
    requester: str
    state: State
    items: tuple[Item, ...]
    log: str
    """Digest of the log that goes with it; empty when there is none, or when it was withheld."""
    findings: tuple[Finding, ...]
    checker: str
    """Who decided; empty before."""
    reason: str
    """Why, in the checker's words."""
    made_at: str
    decided_at: str
