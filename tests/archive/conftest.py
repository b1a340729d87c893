"""A hub with something on its shelf to derive from."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from kaname.archive.flow import shelve
from kaname.clock import Clock
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import Facility, make_hub, series


@pytest.fixture
def facility(tmp_path: Path) -> Facility:
    """A facility that the hub will know."""
    return Facility(tmp_path / "facility")


@pytest.fixture
def hub(tmp_path: Path, facility: Facility) -> Generator[Node]:
    """A hub with one study of two slices on its shelf, whose clock ticks whenever somebody looks at it."""
    seconds = count(1_800_000_000)
    node = make_hub(tmp_path / "hub", clock=Clock(now=lambda: datetime.fromtimestamp(next(seconds), UTC)))
    facility.admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(BitsStored=12))).digest)
    yield node
    node.index.dispose()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """Puts bytes into a file of their own."""
    numbers = count()

    def written(data: bytes) -> Path:
        path = tmp_path / f"object-{next(numbers)}"
        path.write_bytes(data)
        return path

    return written
