"""Time and identifiers, injectable so that tests and replays decide them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the time (UTC, aware) and fresh random identifiers (32 hex digits) come from."""

    now: Callable[[], datetime] = _now
    new_id: Callable[[], str] = _new_id

    def stamp(self) -> str:
        """The time now as ISO 8601 with seconds, e.g. ``2026-11-21T12:00:00Z``."""
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SYSTEM = Clock()
