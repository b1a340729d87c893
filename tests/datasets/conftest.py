"""A hub whose ten patients' slices have been read, made once and copied for each test."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kaname.annotation.flow import cases, make, take
from kaname.annotation.model import Case, Given, Mark, Sought
from kaname.archive.flow import shelve
from kaname.intake.flow import accept
from kaname.node import Node, open_node
from kaname.settings import Settings
from kaname.testing.deliveries import Facility, make_hub, series

PATIENTS = tuple(f"P-{n:02}" for n in range(10))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two slices of each patient are in the archive; the first one is labelled, by two readers who agree."""
    folder = tmp_path_factory.mktemp("finished")
    node = make_hub(folder / "home")
    facility = Facility(folder / "facility").admitted_to(node)
    for number, patient in enumerate(PATIENTS, 1):
        slices = series(patient, study=number, RescaleSlope="2", RescaleIntercept="-1000")
        shelve(node, accept(node, facility.parcel(slices, number)).digest)
    make(node, "nodules", "j-mid")
    for place, case in enumerate(first_slices(node)):
        answer = Given(case.id, (Mark("image", "present" if place % 2 else "absent"),))
        for reader in "ab":
            take(node, "nodules", reader, "reading", [answer])
    node.index.dispose()
    return node.settings


@pytest.fixture
def facility(tmp_path: Path) -> Facility:
    """The facility that all of it came from."""
    return Facility(tmp_path / "facility")


@pytest.fixture
def read_hub(tmp_path: Path, finished: Settings) -> Iterator[Node]:
    """A copy of that hub, to do with as one likes."""
    home = Path(shutil.copytree(finished.home, tmp_path / "read-hub"))
    node = open_node(replace(finished, home=home))
    yield node
    node.index.dispose()


def first_slices(node: Node) -> list[Case]:
    """One open case of each subject."""
    by_subject: dict[str, Case] = {}
    for case in cases(node, "nodules", Sought("open")):
        by_subject.setdefault(case.subject, case)
    return [by_subject[subject] for subject in sorted(by_subject)]
