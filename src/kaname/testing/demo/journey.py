"""What one run of the demonstration finds out, step by step, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kaname.testing.memory import PeakMemory

Tell = Callable[[str], None]
STEPS = 29
"""Steps of a whole journey: what the bar counts to."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken."""

    name: str
    name_ja: str
    seconds: float
    peak_bytes: int
    """Of all processes together while it lasted (PSS, looked at twice a second)."""


@dataclass(slots=True)
class Journey:
    """Facts by name, steps in their order."""

    memory: PeakMemory
    tell: Tell = print
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    steps: list[Step] = field(default_factory=list[Step])

    @contextmanager
    def step(self, name: str, name_ja: str) -> Generator[None]:
        """Measures one step, and says when it begins and when it is done."""
        self.tell(f"  … {name_ja} · {name}")
        self.memory.since()
        began = time.perf_counter()
        yield
        done = Step(name, name_ja, round(time.perf_counter() - began, 1), self.memory.since())
        self.steps.append(done)
        self.tell(f"  {self.bar()} ✓ {name_ja} · {name} ({done.seconds} s)")

    def bar(self) -> str:
        """How far the journey has come."""
        done = min(len(self.steps), STEPS)
        return f"{'▰' * done}{'▱' * (STEPS - done)} {done:2}/{STEPS}"
