"""A hub that holds one small dataset, and jobs that run on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaname.archive.flow import shelve
from kaname.compute.flow import carry_out, find, keep_code, submit
from kaname.compute.model import Run, RunSpec
from kaname.datasets.flow import freeze
from kaname.intake.flow import accept
from kaname.node import Node, open_node
from kaname.settings import Settings
from kaname.testing.deliveries import Facility, make_hub, series

JOB = ("python", "/code/job.py")
Running = Callable[..., Run]


def spec_of(node: Node, code: str, **entries: Any) -> RunSpec:
    """A spec that runs ``code`` on the dataset ``lungs``."""
    digest = keep_code(node, code.encode())
    return replace(RunSpec("try", JOB, "lungs", 1, ("train",), digest, seconds=60), **entries)


@pytest.fixture(scope="session")
def frozen_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a hub with one subject of two slices, frozen as ``lungs``; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("frozen")
    node = make_hub(folder / "home")
    facility = Facility(folder / "facility", 1, "j-mid").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1, 2)))).digest)
    freeze(node, "lungs", "j-mid")
    node.index.dispose()
    return folder / "home"


@pytest.fixture
def hub(frozen_home: Path, tmp_path: Path) -> Iterator[Node]:
    """A hub that holds the dataset ``lungs``."""
    node = open_node(Settings(shutil.copytree(frozen_home, tmp_path / "home"), "hub", "society"))
    yield node
    node.index.dispose()


@pytest.fixture
def running(hub: Node) -> Running:
    """Submits a job and runs it to its end."""

    def run(code: str, **entries: Any) -> Run:
        run_id = submit(hub, spec_of(hub, code, **entries), "researcher")
        carry_out(hub, run_id)
        return find(hub, run_id)

    return run
