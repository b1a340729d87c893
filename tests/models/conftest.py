"""A home where ten patients' lungs were read, frozen and learned from; made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydicom
import pytest

from kaname.airlock.flow import check, draft, review
from kaname.annotation.flow import cases, make, take
from kaname.annotation.model import Given, Mark, Sought
from kaname.archive.flow import shelve
from kaname.archive.shelf import load_index
from kaname.compute.flow import carry_out, submit
from kaname.datasets.flow import freeze
from kaname.intake.flow import accept
from kaname.models.admit import admit
from kaname.models.train import spec_of
from kaname.node import Node, open_node
from kaname.settings import Settings, write
from kaname.testing.deliveries import Facility, make_hub
from kaname.testing.task import LearningTask, nodule_patients

PATIENTS, IMAGES, SIZE = 10, 2, 64
MODEL = "lungs-classify"


@dataclass(frozen=True, slots=True)
class Made:
    """What was made once."""

    settings: Settings
    """Of the home."""
    folder: Path
    """Where the files of the hospital are."""
    task: LearningTask
    admitted: Any
    """What admitting the model said."""
    request: str
    run: str


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Images have crossed, were read with the truth, frozen as ``lungs``; a model was trained, let out and admitted."""
    folder = tmp_path_factory.mktemp("learning")
    task = nodule_patients(folder / "in", 3, patients=PATIENTS, images=IMAGES, size=SIZE)
    node = make_hub(folder / "home")
    write(node.settings)
    facility = Facility(folder / "facility").admitted_to(node)
    for number in range(PATIENTS):
        shelve(node, accept(node, parcel_of(facility, folder / "in", task, number)).digest)
    read_all(node, task)
    freeze(node, "lungs", "j-mid", "CT", task="nodules")
    freeze(node, "unread", "j-mid", "CT")
    run = submit(node, spec_of(node, "classify", "lungs", None, 7), "researcher")
    carry_out(node, run)
    request = draft(node, run)
    check(node, request)
    review(node, request, approve=True, actor="checker", reason="weights and figures only")
    admitted = admit(node, request)
    node.index.dispose()
    return Made(node.settings, folder / "in", task, admitted, request, run)


@pytest.fixture
def hub(tmp_path: Path, made: Made) -> Iterator[Node]:
    """A copy of that home, to do with as one likes."""
    node = open_node(replace(made.settings, home=Path(shutil.copytree(made.settings.home, tmp_path / "hub"))))
    yield node
    node.index.dispose()


@pytest.fixture
def facility(tmp_path: Path) -> Facility:
    """The facility that all of it came from."""
    return Facility(tmp_path / "facility")


def parcel_of(facility: Facility, folder: Path, task: LearningTask, number: int, sequence: int = 0) -> Path:
    """The parcel of one patient of a task."""
    (study,) = task.answer.patients[number].studies
    return facility.parcel([pydicom.dcmread(folder / one.path) for one in study.slices], sequence or number + 1)


def read_all(node: Node, task: LearningTask) -> None:
    """Two readers see every image, and both see the truth."""
    make(node, "nodules", "j-mid")
    answers: list[Given] = []
    for case in cases(node, "nodules", Sought("open")):
        index = load_index(node.store, case.pack)
        ref = index.frame(case.sop_instance_uid, 1)
        truth = task.has_nodule(node.store.read(ref.object, ref.offset, ref.length))
        answers.append(Given(case.id, (Mark("image", "present" if truth else "absent"),)))
    for reader in "ab":
        take(node, "nodules", reader, "reading", answers)
