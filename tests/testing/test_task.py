"""The learning task is honest: only shapes in the pixels tell, and what is planted is planted as everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from kaname.deid.engine import Engine
from kaname.deid.identified import Identified
from kaname.deid.keys import MasterKey
from kaname.evaluation.area import area
from kaname.registries import load
from kaname.residual import inspect_file
from kaname.testing.bytesearch import find_planted
from kaname.testing.nodules import lung_images
from kaname.testing.task import LearningTask, nodule_patients

PATIENTS, IMAGES = 80, 6
CHANCE = 0.1
"""How far an area may lie from one half by chance: four standard errors with 480 images."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the task's files are."""
    return tmp_path_factory.mktemp("task")


@pytest.fixture(scope="module")
def task(folder: Path) -> LearningTask:
    """The whole task, as a demonstration uses it."""
    return nodule_patients(folder, 1)


def areas(values: Sequence[float], truth: Sequence[bool]) -> float:
    """The area of a guess."""
    return area(np.array(truth), np.array(values, dtype=float)).auc


def test_half_of_each_patients_images_show_a_nodule(task: LearningTask) -> None:
    """Whose image it is tells nothing, and every image is told apart by its pixels."""
    assert len(task.answer.patients) == PATIENTS
    assert len(task.truth) == PATIENTS * IMAGES
    for study in task.answer.studies():
        assert sum(task.truth[one.pixel_digest] for one in study.slices) == IMAGES // 2


def test_the_truth_is_found_by_the_pixels(folder: Path, task: LearningTask) -> None:
    """Pixel Data as it stands in the file is all that has to be known of an image."""
    for one in task.answer.slices()[::97]:
        ds = pydicom.dcmread(folder / one.path)
        assert sha256(ds.PixelData).hexdigest() == one.pixel_digest
        assert task.has_nodule(ds.PixelData) == task.truth[one.pixel_digest]
    with pytest.raises(KeyError):
        task.has_nodule(b"something else")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("guess", [np.mean, np.std, np.median], ids=["mean", "spread", "median"])
def test_intensity_alone_tells_next_to_nothing(seed: int, guess: Callable[[Any], Any]) -> None:
    """Mean, spread and median of an image order the images hardly better than chance; below 0.70 either way."""
    images = [image for patient in range(40) for image in lung_images(seed, patient, IMAGES)]
    found = areas([float(guess(np.frombuffer(i.pixels, "<u2"))) for i in images], [i.nodule for i in images])
    assert 0.30 < found < 0.70


def numbers_of(ds: Any) -> dict[str, float]:
    """Every single number in a header, nested ones left out, by keyword."""
    found: dict[str, float] = {}
    for element in ds:
        if element.keyword and element.VR not in ("SQ", "OW", "OB", "UN") and element.VM >= 1:
            value = element.value if element.VM == 1 else element.value[-1]
            text = str(value).replace(".", "", str(value).count(".") - 1) if element.VR == "UI" else str(value)
            try:
                found[element.keyword] = float(text)
            except ValueError:
                continue
    return found


def test_no_number_in_a_header_and_no_order_tells(folder: Path, task: LearningTask) -> None:
    """Numbers, UIDs, names and sizes of files, and the order in which they lie, order the answers by chance."""
    slices = task.answer.slices()
    truth = [task.truth[one.pixel_digest] for one in slices]
    headers = [numbers_of(pydicom.dcmread(folder / one.path, stop_before_pixels=True)) for one in slices]
    guesses = {key: [header[key] for header in headers] for key in headers[0] if all(key in h for h in headers)}
    assert {"InstanceNumber", "SOPInstanceUID", "SliceLocation", "KVP"} <= guesses.keys()
    paths = [one.path for one in slices]
    guesses["place"] = [float(n) for n in range(len(paths))]
    guesses["name"] = [float(sorted(paths).index(path)) for path in paths]
    guesses["size"] = [float((folder / path).stat().st_size) for path in paths]
    told = {name: round(areas(values, truth), 3) for name, values in guesses.items()}
    assert not {name: found for name, found in told.items() if abs(found - 0.5) > CHANCE}


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    """Other seeds are other patients with other lungs."""
    one = nodule_patients(tmp_path / "a", 5, patients=2, images=3)
    two = nodule_patients(tmp_path / "b", 5, patients=2, images=3)
    assert one == two
    for path in (one_slice.path for one_slice in one.answer.slices()):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    other = nodule_patients(tmp_path / "c", 6, patients=2, images=3)
    assert not other.truth.keys() & one.truth.keys()


@pytest.mark.parametrize("registry", ["j-mid", "basic"])
def test_it_crosses_clean_and_with_its_pixels(tmp_path: Path, registry: str) -> None:
    """Identities are planted in every file; behind the crossing none is left, and the truth is still found."""
    made = nodule_patients(tmp_path / "in", 9, patients=5, images=2)
    assert find_planted(tmp_path / "in", made.answer.strings())
    engine = Engine(load(registry), MasterKey(bytes(32)).for_registry(registry), "facility-1")
    for number, one in enumerate(made.answer.slices()):
        crossed = engine.cross(Identified((tmp_path / "in" / one.path).read_bytes()), tmp_path / "out" / str(number))
        data = crossed.path.read_bytes()
        assert not inspect_file(data)
        assert made.has_nodule(pydicom.dcmread(crossed.path).PixelData) == made.truth[one.pixel_digest]
    assert not find_planted(tmp_path / "out", made.answer.strings())
