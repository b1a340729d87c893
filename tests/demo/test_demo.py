import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kaname.testing.bytesearch import find_planted
from kaname.testing.chain import SEVEN, write_identity
from kaname.testing.demo.hospital import Size, make_inputs
from kaname.testing.framesearch import find_drawn

LIMIT_SECONDS = 1500
pytestmark = pytest.mark.xdist_group("demo")  # one journey for all tests of this file
Told = dict[str, Any]


def demo_command(folder: Path) -> list[str]:
    """``kaname demo`` in a network namespace of its own: loopback, and no route to anywhere."""
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    inside = 'ip link set lo up && exec "$0" -m kaname demo --no-serve --json --keep "$1"'
    return ["unshare", *mapped, "--net", "sh", "-c", inside, sys.executable, str(folder)]


def run_demo(folder: Path) -> Told:
    """Runs it to its end; gives what it told."""
    done = subprocess.run(demo_command(folder), capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr[-4000:]
    told: Told = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the sites live, and the key of the gateway: with it the splits, and so the figures, are always the same."""
    if shutil.which("ip") is None:
        pytest.skip("the program ip is not there: no network namespace can be opened")
    if shutil.which("bwrap") is None:
        pytest.skip("the program bwrap is not there: no sandbox can be opened")
    place = tmp_path_factory.mktemp("demo")
    write_identity(place / "gateway")
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def interrupted(folder: Path) -> int:
    """Exit code of a first run that somebody ends with Ctrl-C while images are on their way."""
    with subprocess.Popen(demo_command(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "✓" in line and "C-STORE" in line:
                break
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        return process.wait(LIMIT_SECONDS)


@pytest.fixture(scope="module")
def first(folder: Path, interrupted: int) -> Told:
    """What the first run told that came to its end."""
    assert interrupted == 130
    return run_demo(folder)


def test_ctrl_c_leaves_nothing_running(folder: Path, interrupted: int) -> None:
    """Ctrl-C ends every site in order; no process of them is left."""
    assert interrupted == 130
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [line for line in running if str(folder).encode() in line]


def test_nothing_is_lost_between_the_tiers(first: Told) -> None:
    """What the hospital sent is at hub and cloud, image for image, for each of the seven registries."""
    assert set(first["facts"]["registries"]) == set(SEVEN)
    for counted in first["facts"]["registries"].values():
        assert counted["difference"] == 0
        assert counted["hub"] == counted["cloud"] > 0


def test_every_held_object_has_its_reason(first: Told) -> None:
    """What could name somebody is held, what does not belong is held: each with its reason, and nothing is lost."""
    jsum = first["facts"]["registries"]["jsum"]
    reasons = {row["reason"] for row in jsum["held"]}
    assert {"text-in-pixels", "regions-missing", "image-without-record", "record-without-image"} <= reasons
    assert jsum["objects"]["sent"] > 0
    assert first["facts"]["records"]["row"]["sealed"] > 0
    assert first["facts"]["records"]["report"]["linked"] > 0


HELD = {
    "jed": {"text-in-pixels"},
    "jp-aid": {"text-in-pixels"},
    "joi": set[str](),
    "nsdd": {"face-may-identify"},
    "s-access": set[str](),
}
GEOMETRIES = {
    "jed": "pair",
    "jp-aid": "polygon",
    "joi": "form",
    "nsdd": "polygon",
    "jsum": "box",
    "s-access": "interval",
}


@pytest.mark.parametrize("registry", HELD)
def test_what_must_be_held_is_held(first: Told, registry: str) -> None:
    """A name in a video, a name over tissue, a face: held with their reason, and nothing else is."""
    assert {row["reason"] for row in first["facts"]["registries"][registry]["held"]} == HELD[registry]


@pytest.mark.parametrize("registry", GEOMETRIES)
def test_each_registry_has_marks_of_its_own(first: Told, registry: str) -> None:
    """In every registry readers have marked what they are asked for, and a dataset is frozen with the marks in it."""
    marked = first["facts"]["marks"][registry]
    assert marked["settled"] > 0
    assert GEOMETRIES[registry] in marked["geometries"]
    assert marked["marks"] >= 2 * marked["settled"]  # of two readers who agree
    assert sum(part["subjects"] for part in marked["splits"].values()) >= 2
    assert marked["items"] > 0


def test_nobody_is_recognisable(first: Told) -> None:
    """Of some thousand planted strings none is in any byte at hub and cloud, and none in any pixel."""
    assert first["facts"]["planted"] > 1000
    for found in first["facts"]["leaks"].values():
        assert (found["strings"], found["frames"]) == (0, 0)
        assert found["frames_read"] > 0


def test_the_search_can_fail(first: Told, folder: Path) -> None:
    """One planted name in an archive is found, and one drawn into a picture is."""
    inputs = make_inputs(folder / "hospital", Size())
    assert first["facts"]["planted"] == len(inputs.planted) + len(inputs.burned)
    place = folder / "planted"
    place.mkdir()
    (place / "note.bin").write_bytes(b"\0" * 100 + inputs.planted[len(inputs.planted) // 2].encode() + b"\0")
    assert find_planted(place, inputs.planted)
    held = next(path for path in (folder / "departments" / "jsum" / ".held").rglob("*.dcm"))
    shutil.copyfile(held, place / "held.dcm")
    assert find_drawn(place, inputs.burned).hits


def test_few_pictures_are_looked_at(first: Told) -> None:
    """No more than some hundred pictures reach the text detector in the hospital."""
    assert 0 < first["facts"]["detector_frames"] <= 140


def test_the_task_is_honest(first: Told) -> None:
    """Brightness tells little, the model tells much but not all."""
    facts = first["facts"]
    assert 0.5 <= facts["baseline_auc"] < 0.70
    assert 0.80 <= facts["model"]["auc"]["value"] <= 0.97


def test_the_job_ran_between_walls(first: Told) -> None:
    """The job ran in bubblewrap, and a second person let its weights go."""
    assert first["facts"]["run"] == {"sandbox": "bubblewrap", "airlock": "approved"}


def test_a_correction_reaches_the_next_dataset(first: Told) -> None:
    """Newcomers are predicted on arrival, corrected, and stand in the next version; its test set has nobody new."""
    facts = first["facts"]
    assert facts["predicted"]["images"] == 12
    assert facts["predicted"]["reports"] == 2
    before, after = facts["dataset"]["splits"], facts["retrained"]["splits"]
    assert after["test"] == before["test"]
    assert sum(part["subjects"] for part in after.values()) == sum(part["subjects"] for part in before.values()) + 2


def test_a_withdrawal_reaches_everything(first: Told) -> None:
    """Hub and cloud delete, the dataset has a hole, models that saw the patient are named, re-sending is refused."""
    gone = first["facts"]["withdrawn"]
    assert gone["hub"]["deleted"] > 0
    assert gone["cloud"]["deleted"] > 0
    assert gone["cloud"]["holes"] == ["demo-nodule v3"]
    assert gone["models"] == ["demo-nodule-classify v1", "demo-nodule-classify v2"]
    assert first["facts"]["again"] == {"sent": 1, "stored": 0}


def test_ledgers_hold(first: Told) -> None:
    """The ledgers of all three sites verify."""
    assert first["facts"]["ledgers"] == {"cloud": True, "hub": True, "gateway": True}


def test_the_page_says_the_same(first: Told, folder: Path) -> None:
    """The page stands by itself, with pictures, and reaches for nothing outside."""
    page = (folder / "report.html").read_text()
    assert f"{first['facts']['model']['auc']['value']:.3f}" in page
    assert page.count("<svg") == 4
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_second_run_changes_nothing(first: Told, folder: Path) -> None:
    """Run again in the same place, everything is found as it was: the same facts, nothing twice."""
    again = run_demo(folder)
    assert again["facts"] == first["facts"] | {"certificate": again["facts"]["certificate"]}
