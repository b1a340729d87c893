"""A job's process and its watch, without walls around it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import kaname
from kaname.compute.watch import TAKEN_AWAY, Limits, Watched, watched

SOURCES = str(Path(kaname.__file__).parents[1])
LIMITS = Limits(seconds=60, memory_bytes=1 << 30)
ORPHAN = """
import os, time
if os.fork():
    os._exit(0)
os.setsid()
print(os.getpid(), flush=True)
time.sleep(600)
"""
TOLD = """
import json, resource
print(json.dumps([resource.getrlimit(getattr(resource, name)) for name in
    ("RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE")]))
"""


def run(out: Path, code: str, limits: Limits = LIMITS) -> Watched:
    """Watches a Python program that may go on."""
    return watched([sys.executable, "-c", code], {"PATH": "/usr/bin"}, out, limits, lambda: True)


def test_a_process_ends_by_itself(tmp_path: Path) -> None:
    """Its exit code, what it printed on both streams, its whole environment."""
    code = "import os, sys\nprint(sorted(os.environ))\nprint('wrong', file=sys.stderr)\nsys.exit(3)"
    seen = run(tmp_path, code)
    assert (seen.exit_code, seen.broken) == (3, "")
    assert seen.log in {b"['LC_CTYPE', 'PATH']\nwrong\n", b"wrong\n['LC_CTYPE', 'PATH']\n"}
    assert seen.peak_bytes > 0


def test_a_process_that_closes_its_output_is_watched_on(tmp_path: Path) -> None:
    """Silence is no end."""
    seen = run(tmp_path, "import os, time\nos.close(1)\nos.close(2)\ntime.sleep(0.3)\nos._exit(4)")
    assert (seen.exit_code, seen.log) == (4, b"")


def test_what_a_process_leaves_running_in_its_group_is_killed(tmp_path: Path) -> None:
    """Its children end with it: the pipe that they hold is closed."""
    seen = run(tmp_path, "import os, time\nif os.fork(): os._exit(0)\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
    assert seen.exit_code == 0
    assert seen.seconds < LIMITS.seconds


def test_a_process_that_slips_away_does_not_keep_the_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without walls one can leave its group; its output is not waited for any longer than it may be."""
    monkeypatch.setattr("kaname.compute.watch.DRAIN_SECONDS", 0.3)
    seen = run(tmp_path, ORPHAN)
    assert seen.exit_code == 0
    os.kill(int(seen.log), signal.SIGKILL)


def test_a_process_that_may_not_go_on_is_stopped(tmp_path: Path) -> None:
    """Its data were taken away."""
    begun = time.monotonic()
    seen = watched([sys.executable, "-c", "import time; time.sleep(600)"], {}, tmp_path, LIMITS, lambda: False)
    assert (seen.broken, seen.exit_code) == (TAKEN_AWAY, -signal.SIGKILL)
    assert time.monotonic() - begun < LIMITS.seconds


def test_a_program_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    """A missing interpreter is a fault of the installation, not of the job."""
    with pytest.raises(FileNotFoundError):
        watched([str(tmp_path / "nothing")], {}, tmp_path, LIMITS, lambda: True)


def test_files_that_come_and_go_do_not_disturb_the_watch(tmp_path: Path) -> None:
    """What it counts may be gone before it is measured."""
    code = "for n in range(3000):\n open('x', 'w').close()\n import os\n os.unlink('x')"
    seen = run(tmp_path, f"import os\nos.chdir({str(tmp_path)!r})\n{code}")
    assert (seen.exit_code, seen.broken) == (0, "")


def test_limits_are_hard_before_the_job_begins() -> None:
    """Memory, file length, open files and core dumps: set by the process that becomes the job."""
    command = [sys.executable, "-m", "kaname.compute.start", str(1 << 30), "4096", sys.executable, "-c", TOLD]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": SOURCES})
    assert json.loads(done.stdout) == [[1 << 30] * 2, [4096] * 2, [1024] * 2, [0] * 2]


def test_a_job_dies_with_whoever_started_it() -> None:
    """Killed without a word, the parent takes the job along."""
    job = f"{sys.executable!r}, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(600)'"
    limits = f"{sys.executable!r}, '-m', 'kaname.compute.start', {str(1 << 30)!r}, '4096'"
    code = f"import subprocess\nsubprocess.run([{limits}, {job}])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={"PYTHONPATH": SOURCES}) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) > 0
        parent.kill()
        assert parent.stdout.read() == b"", "the pipe closes when the job is gone, too"
