"""Work survives kill -9: nothing is lost, nothing that was finished is done again."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import kaname
from kaname.work import Outcome, Work

PROGRAM = Path(__file__).with_name("worker_process.py")
SOURCES = Path(kaname.__file__).parents[1]


@contextmanager
def worker(folder: Path, lanes: int = 1) -> Generator[subprocess.Popen[bytes]]:
    """A worker process, killed with SIGKILL on leaving."""
    url = f"sqlite:///{folder / 'work.sqlite'}"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, str(PROGRAM), url, str(folder / "journal"), str(folder / "hold"), str(lanes)]
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def journal(folder: Path) -> Counter[str]:
    """How often each line stands in the journal."""
    file = folder / "journal"
    return Counter(file.read_text().splitlines()) if file.exists() else Counter()


def wait_for_new(folder: Path, step: str, before: int) -> None:
    """Waits until the journal has more than ``before`` lines that say this step began."""
    deadline = time.monotonic() + 30
    while sum(n for line, n in journal(folder).items() if line.endswith(f" {step} begin")) <= before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def enqueue(folder: Path, names: list[str], lanes: int = 1) -> Work:
    """Puts one journey per name on the list."""
    work = Work(f"sqlite:///{folder / 'work.sqlite'}", "killed")
    work.flow("journey", lambda _do, _payload: None, lanes=lanes)
    for name in names:
        work.enqueue("journey", name, {"name": name})
    return work


def expected(name: str) -> Outcome:
    """How a journey ends."""
    return Outcome("done", {"name": name, "upper": name.upper(), "names": [name]})


def test_killed_inside_a_step(tmp_path: Path) -> None:
    """A process killed five times inside step 2 ends every flow, and runs no finished step a second time."""
    names = [f"n{i}" for i in range(6)]
    work = enqueue(tmp_path, names)
    (tmp_path / "hold").touch()
    for kill in range(5):
        with worker(tmp_path):
            wait_for_new(tmp_path, "2", kill)
    (tmp_path / "hold").unlink()
    with worker(tmp_path):
        outcomes = work.wait("journey", names, timeout_seconds=30)
    work.stop()
    assert outcomes == {name: expected(name) for name in names}
    lines = journal(tmp_path)
    assert lines["n0 2 begin"] == 6
    for name in names:
        assert [lines[f"{name} {step} end"] for step in (1, 2, 3)] == [1, 1, 1]


def test_killed_at_random(tmp_path: Path) -> None:
    """Killed at eight random moments with three flows side by side, every flow still ends as if nothing had been."""
    names = [f"n{i}" for i in range(24)]
    work = enqueue(tmp_path, names, 3)
    chance = random.Random(20261121)  # noqa: S311 -- moments, not secrets
    for _ in range(8):
        with worker(tmp_path, 3):
            begun = sum(journal(tmp_path).values())
            deadline = time.monotonic() + 30
            while sum(journal(tmp_path).values()) == begun and work.outcome("journey", names[-1]) is None:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.15))
    with worker(tmp_path, 3):
        outcomes = work.wait("journey", names, timeout_seconds=30)
    work.stop()
    assert outcomes == {name: expected(name) for name in names}
    ran_again = sum(n - 1 for line, n in journal(tmp_path).items() if line.endswith("end"))
    assert ran_again <= 8 * 3  # at most what was in flight at each kill
