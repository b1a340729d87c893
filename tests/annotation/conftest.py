"""A hub with two patients' studies, made once and copied for each test, and a task over them."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kaname.annotation.flow import make
from kaname.archive.flow import shelve
from kaname.intake.flow import accept
from kaname.node import Node, open_node
from kaname.settings import Settings
from kaname.testing.deliveries import Facility, make_hub, series


@pytest.fixture(scope="session")
def shelved(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two slices of each patient are in the archive."""
    folder = tmp_path_factory.mktemp("shelved")
    node = make_hub(folder / "home")
    facility = Facility(folder / "facility").admitted_to(node)
    for sequence, patient in ((1, "00012345"), (2, "777")):
        shelve(node, accept(node, facility.parcel(series(patient, study=sequence), sequence)).digest)
    node.index.dispose()
    return node.settings


@pytest.fixture
def facility(tmp_path: Path) -> Facility:
    """The facility that all of it came from."""
    return Facility(tmp_path / "facility")


@pytest.fixture
def hub(tmp_path: Path, shelved: Settings) -> Iterator[Node]:
    """A copy of that hub, to do with as one likes."""
    node = open_node(replace(shelved, home=Path(shutil.copytree(shelved.home, tmp_path / "hub"))))
    yield node
    node.index.dispose()


@pytest.fixture
def task(hub: Node) -> str:
    """A task over all of it: four cases."""
    assert make(hub, "nodules", "j-mid").cases == 4
    return "nodules"
