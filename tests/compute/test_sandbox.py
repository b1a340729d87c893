"""What a job can and cannot do between its walls, tried for real."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kaname.compute import sandbox
from kaname.compute.model import Run
from kaname.compute.outputs import key_of
from kaname.compute.sandbox import Place, Sandbox, confined, find_sandbox
from kaname.node import Node

needs_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: make system")
pytestmark = needs_bwrap
REPORT = """
import json, os, socket, sys
def tried(function):
    try:
        return function()
    except OSError as error:
        return error.strerror
    except MemoryError:
        return "MemoryError"
def write(path):
    with open(path, "w") as file:
        return file.write("x")
"""


@pytest.fixture
def told(hub: Node, running: Callable[..., Run]) -> Callable[[str], Any]:
    """Evaluates an expression inside a job; the job's own report comes back."""

    def evaluate(expression: str) -> Any:
        code = f"{REPORT}\njson.dump({expression}, open('/out/report.json', 'w'))"
        run = running(code)
        assert (run.state, run.sandbox) == ("finished", "bubblewrap"), hub.store.get(key_of(run.id, run.log)).decode()
        return json.loads(hub.store.get(key_of(run.id, run.outputs[0].digest)))

    return evaluate


def test_a_job_writes_nowhere_but_to_its_output(hub: Node, told: Callable[[str], Any], tmp_path: Path) -> None:
    """Data, code, programs, this package and the kernel's switches are read-only; the node's home is not there."""
    home = hub.settings.home
    package = Path(sandbox.__file__).parent
    outside = tmp_path / "outside"
    places = ["/data/x", "/data/list.json", "/code/job.py", "/x", "/usr/x", "/etc/x", "/dev/x", f"{package}/x"]
    gone = [str(home / "x"), str(home / "index.sqlite"), str(outside), "/nowhere/x"]
    kernel = ["/proc/sys/kernel/hostname", "/proc/self/oom_score_adj"]
    before = sorted(path for path in home.rglob("*") if "runs" not in path.parts)
    answers = told(f"[tried(lambda: write(path)) for path in {[*places, *gone, *kernel]!r}]")
    assert answers[: len(places)] == [os.strerror(30)] * len(places), "Read-only file system"
    assert answers[len(places) : len(places) + len(gone)] == [os.strerror(2)] * len(gone), "No such file or directory"
    assert answers[-len(kernel) :] == [os.strerror(30)] * len(kernel)
    assert not outside.exists()
    assert [path for path in before if not path.exists()] == []


def test_a_job_that_writes_outside_fails_by_itself(hub: Node, running: Callable[..., Run]) -> None:
    """The error is the job's own: the run has failed, its log says why, and nothing was collected."""
    run = running("open('/out/model.json', 'w').write('1')\nopen('/data/model.json', 'w')")
    assert (run.state, run.reason, run.outputs) == ("failed", "job-failed", ())
    assert b"Read-only file system" in hub.store.get(key_of(run.id, run.log))


def test_a_job_sees_its_data_and_nothing_else_of_the_node(told: Callable[[str], Any]) -> None:
    """The mounted list is there; keys, index, store and other homes are not."""
    found = told("{'data': sorted(os.listdir('/data')), 'root': sorted(os.listdir('/')), 'tmp': os.listdir('/tmp')}")
    assert found["data"] == ["list.json", "packs", "series"]
    assert {"data", "out", "code", "proc", "dev", "tmp", "usr"} <= set(found["root"])
    assert not {"home", "var", "mnt", "srv", "sys", "boot"} & set(found["root"])
    installed = [path.relative_to("/tmp") for path in sandbox._roots() if path.is_relative_to("/tmp")]  # noqa: S108
    assert set(found["tmp"]) == {path.parts[0] for path in installed}


def test_a_job_is_nobody(told: Callable[[str], Any]) -> None:
    """No capability, no way to get one, no other process, no name of the machine."""
    status = (
        "dict(line.split(':\\t') for line in open('/proc/self/status').read().splitlines() "
        "if line.startswith(('Cap', 'NoNewPrivs')))"
    )
    found = told(f"[{status}, os.getuid(), [p for p in os.listdir('/proc') if p.isdigit()], socket.gethostname()]")
    assert {value.strip("0") for name, value in found[0].items() if name.startswith("Cap")} == {""}
    assert found[0]["NoNewPrivs"] == "1"
    assert found[1] == int(sandbox.NOBODY)
    assert len(found[2]) == 2
    assert found[3] == "job"


def test_a_job_has_no_network(told: Callable[[str], Any]) -> None:
    """A server of this machine cannot be reached, by address or by socket file."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer, interfaces = told(
            f"[tried(lambda: socket.create_connection(('127.0.0.1', {port}), 5).close()), "
            "[name for _, name in socket.if_nameindex()]]"
        )
    assert answer == os.strerror(111), "Connection refused"
    assert interfaces == ["lo"]


def test_a_job_knows_only_what_it_is_told(told: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is made for it; nothing of the platform's own comes along."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = told("dict(os.environ)")
    assert {name: found[name] for name in ("KANAME_DATA", "KANAME_OUT", "KANAME_SEED")} == {
        "KANAME_DATA": "/data",
        "KANAME_OUT": "/out",
        "KANAME_SEED": "0",
    }
    assert "AWS_SECRET_ACCESS_KEY" not in found
    assert set(found) <= {
        *("KANAME_DATA", "KANAME_OUT", "KANAME_SEED", "PYTHONHASHSEED", "OMP_NUM_THREADS"),
        *("HOME", "LANG", "PATH", "PWD", "LC_CTYPE"),
    }


def test_a_job_gets_no_more_memory_than_its_process_may_have(told: Callable[[str], Any]) -> None:
    """The kernel refuses it, and the job goes on."""
    assert told("tried(lambda: len(bytearray(8 << 30)))") == "MemoryError"


def test_a_home_inside_a_bound_folder_is_hidden(tmp_path: Path) -> None:
    """Where a home lies beneath what an interpreter needs, an empty folder stands in its place."""
    place = Place(tmp_path)
    words = confined(Sandbox("bwrap", ()), place, ["python"], {}, [Path("/usr/local/kaname"), tmp_path / "elsewhere"])
    line = " ".join(words)
    assert "--tmpfs /usr/local/kaname --remount-ro /usr/local/kaname" in line
    assert "elsewhere" not in line


def test_a_bubblewrap_that_the_system_forbids_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried before it is trusted."""
    assert find_sandbox() is not None
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_sandbox() is None
    program.unlink()
    assert find_sandbox() is None


def test_a_job_reads_its_data_through_the_loader(told: Callable[[str], Any]) -> None:
    """The package inside is this one; frames come as arrays with their split."""
    found = told(
        "[[sample.frame, sample.split, list(sample.pixels.shape)] for sample in "
        "__import__('kaname.datasets.loader', fromlist=['Loader']).Loader.open("
        "__import__('pathlib').Path(os.environ['KANAME_DATA']))]"
    )
    assert found == [[1, "train", [8, 8]]] * 2
