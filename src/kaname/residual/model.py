"""What a check found: where and of which kind, never the value itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One reason not to let a file pass."""

    kind: str
    """What was found, e.g. ``name`` (the search) or ``private-element`` (the inspection)."""
    attribute: str
    """Keyword or ``(gggg,eeee)``, nested ones joined by ``/``; ``bytes`` where no element could be named."""
    detail: str = ""
    """The encoding of the hit, or the rule that was broken. Never anything out of the file's values."""
