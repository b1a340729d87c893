"""A platform that is killed takes its jobs along, and runs them again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import kaname
from kaname.compute.flow import carry_out, find, submit
from kaname.compute.outputs import key_of
from kaname.node import Node

from .conftest import spec_of

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: make system")
PATIENCE_SECONDS = 60
WORKER = """
import sys
from pathlib import Path
from kaname.compute.flow import carry_out
from kaname.node import open_node
from kaname.settings import Settings
carry_out(open_node(Settings(home=Path(sys.argv[1]), role="hub", name="hub-1")), sys.argv[2])
"""
JOB = """
import os, time
open("/out/begun.json", "w").write("1")
while not os.path.exists("/data/go"):
    time.sleep(0.01)
"""
"""Says that it has begun, and goes on only when it is told so from outside."""
BEGUN = "runs/*/*/out/begun.json"


def wait_until(true: Callable[[], bool]) -> None:
    """Looks again and again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def jobs_of(home: Path) -> list[str]:
    """Processes whose command line names a folder of this home's runs."""
    found: list[str] = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                line = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if str(home / "runs").encode() in line:
                found.append(process.name)
    return found


def test_a_killed_platform_leaves_no_job_and_loses_no_run(hub: Node) -> None:
    """The job dies with the platform and its data are removed; the run ends as if nothing had been."""
    home = hub.settings.home
    run_id = submit(hub, spec_of(hub, JOB), "researcher")
    environment = {**os.environ, "PYTHONPATH": str(Path(kaname.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", WORKER, str(home), run_id], env=environment) as platform:
        wait_until(lambda: bool(list(home.glob(BEGUN))))
        assert find(hub, run_id).state == "running"
        assert jobs_of(home)
        platform.kill()
    wait_until(lambda: not jobs_of(home))
    (left,) = home.glob(BEGUN)
    with ThreadPoolExecutor(1) as platform_again:
        ended = platform_again.submit(carry_out, hub, run_id)
        wait_until(lambda: any(begun != left for begun in home.glob(BEGUN)))
        assert not left.exists(), "what the kill left went first"
        (begun,) = home.glob(BEGUN)
        (begun.parents[1] / "data" / "go").touch()
        ended.result(PATIENCE_SECONDS)
    run = find(hub, run_id)
    assert run.state == "finished"
    (output,) = run.outputs
    assert hub.store.get(key_of(run.id, output.digest)) == b"1"
    assert not (home / "runs" / run_id).exists()
    assert [event.action for event in hub.ledger.events(about=run_id)] == ["run-submitted", "run-ended"]
