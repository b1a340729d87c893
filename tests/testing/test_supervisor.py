import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from kaname.compute.watch import family
from kaname.settings import Settings
from kaname.testing.memory import PeakMemory
from kaname.testing.supervisor import SiteDiedError, Supervisor
from kaname.upkeep.home import make_home

WAIT_SECONDS = 60.0


def eventually(true: Callable[[], bool]) -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_site_comes_back(tmp_path: Path) -> None:
    """A site that is killed is started again at the same door; leaving the context stops it."""
    make_home(Settings(tmp_path / "gateway", "gateway", "facility-1", port=0))
    with Supervisor({"gateway": tmp_path / "gateway"}, tmp_path / "logs") as sites:
        assert sites.kill("gateway")
        eventually(lambda: sites.starts["gateway"] == 2)
        door = sites.doors("gateway")["door"]
        assert httpx.get(f"{door}/healthz", trust_env=False).json()["status"] == "ok"
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{door}/healthz", trust_env=False)


def test_a_site_that_cannot_open_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that was never made does not open; what the site said about it is the message."""
    monkeypatch.setattr("kaname.testing.supervisor.READY_SECONDS", 60.0)
    with (
        pytest.raises(SiteDiedError, match="home-missing"),
        Supervisor({"gateway": tmp_path / "nowhere"}, tmp_path / "logs"),
    ):
        pass


def test_a_site_ends_with_its_supervisor(tmp_path: Path) -> None:
    """A supervised site ends when whoever started it is gone, however that went."""
    make_home(Settings(tmp_path, "gateway", "facility-1", port=0))
    command = [sys.executable, "-m", "kaname", "serve", "--supervised", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline()
        process.stdin.close()
        assert process.wait(WAIT_SECONDS) == 0


def test_memory_of_the_whole_family() -> None:
    """What a child takes counts, and is forgotten for the next step when it has gone."""
    block = "data = bytearray(64 << 20); print('ready', flush=True); input()"
    with (
        PeakMemory() as memory,
        subprocess.Popen([sys.executable, "-c", block], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in family(os.getpid())
        eventually(lambda: memory.peak_bytes > 64 << 20)
        assert memory.since() > 64 << 20
        child.send_signal(signal.SIGKILL)
