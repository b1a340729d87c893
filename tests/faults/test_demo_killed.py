import random
import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from kaname.testing.chain import write_identity
from kaname.testing.demo.collect import serve_chain
from kaname.testing.demo.hospital import Size
from kaname.testing.demo.journey import Journey
from kaname.testing.demo.run import prepare, travel
from kaname.testing.demo.told import Section, sections
from kaname.testing.memory import PeakMemory
from kaname.testing.supervisor import Supervisor

KILLS = 21
"""Seven of each of the three processes."""
PAUSE_SECONDS = (1.0, 5.0)
SMALL = Size(patients=24, images=4, echo_patients=2, department_patients=2, slide_edge=512)


class Unkind:
    """Kills one site after the other with SIGKILL, at random moments, so often."""

    def __init__(self, sites: Supervisor, seed: int) -> None:
        self.killed = dict.fromkeys(sites.starts, 0)
        self._sites = sites
        self._rng = random.Random(seed)  # noqa: S311 -- moments, not secrets
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        order = [name for name in self.killed for _ in range(KILLS // len(self.killed))]
        self._rng.shuffle(order)
        for name in order:
            while not self._stopping.wait(self._rng.uniform(*PAUSE_SECONDS)):
                if self._sites.kill(name):
                    self.killed[name] += 1
                    break
            if self._stopping.is_set():
                return

    @contextmanager
    def at_work(self) -> Generator[None]:
        """While the context lasts."""
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()


def told(root: Path, seed: int | None) -> tuple[list[Section], dict[str, int]]:
    """The table of a journey, and how often each site was killed on the way."""
    with PeakMemory() as memory:
        journey = Journey(memory, tell=lambda _: None)
        write_identity(root / "gateway")
        chain, inputs = prepare(root, SMALL, journey)
        with serve_chain(chain) as sites:
            unkind = Unkind(sites, seed or 0)
            with nullcontext() if seed is None else unkind.at_work():
                travel(sites, chain, inputs, journey)
    return list(sections(journey.facts)), unkind.killed


def test_killed_at_random(tmp_path: Path) -> None:
    """Each process is killed seven times at random moments of the journey: the table is that of an unbroken one."""
    if shutil.which("bwrap") is None:
        pytest.skip("the sandbox needs the program bwrap")
    unbroken, _ = told(tmp_path / "unbroken", None)
    broken, killed = told(tmp_path / "broken", 7)
    assert sum(killed.values()) == KILLS
    assert broken == unbroken
