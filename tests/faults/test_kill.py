"""kill -9 at every step boundary and at random moments, of the gateway and of the hub: the same end, nothing twice.

Two sites are broken again and again; two others, with the same identity key, are never broken. In the end both archives
hold the same instances, each once, byte for byte.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kaname.pack import read_members
from kaname.testing.hospital import make_hospital
from kaname.testing.sites import Sites, command, make_sites, serving, start_serving, wait_until_ready

RANDOM_KILLS = 20
DRILL_KILLS = 200
KILLER = """
import os, sys
module, name, when = sys.argv[1:4]
import importlib
place = importlib.import_module(module)
real = getattr(place, name)
def killed(*arguments, **more):
    if when == "before":
        os.kill(os.getpid(), 9)
    real(*arguments, **more)
    os.kill(os.getpid(), 9)
setattr(place, name, killed)
sys.argv[:] = ["kaname", *sys.argv[4:]]
from kaname.cli import main
main()
"""
BOUNDARIES = [
    ("kaname.gateway.receive", "_keep"),
    ("kaname.gateway.ingest", "form_batches"),
    ("kaname.gateway.flow", "deidentify"),
    ("kaname.gateway.seal", "write_pack"),
    ("kaname.gateway.seal", "seal_parcel"),
    ("kaname.gateway.flow", "seal"),
    ("kaname.gateway.send", "deliver"),
    ("kaname.gateway.send", "_write_down"),
    ("kaname.gateway.flow", "send"),
]


@dataclass
class Hub:
    """A hub's process that can be killed and started again."""

    home: Path
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """Kills it and starts it again."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        self.start()

    def start(self) -> None:
        """Starts it and waits until its doors are open."""
        self.process = start_serving(self.home)
        wait_until_ready(self.process)


@pytest.fixture
def broken(tmp_path: Path) -> Generator[tuple[Sites, Hub]]:
    """Two sites whose processes will be killed."""
    (tmp_path / "broken").mkdir()
    sites = make_sites(tmp_path / "broken", ["j-mid"])
    hub = Hub(sites.hub, start_serving(sites.hub))
    wait_until_ready(hub.process)
    yield sites, hub
    hub.process.kill()
    hub.process.communicate()


def hospitals(root: Path, count: int) -> list[Path]:
    """Small hospitals, each with patients of its own."""
    for number in range(count):
        make_hospital(root / f"{number:03d}", seed=1000 + number, patients=1, studies=1, slices=3, size=64)
    return sorted(root.iterdir())


def ingest(sites: Sites, folder: Path) -> dict[str, Any]:
    """Runs to the end; reports are no DICOM files and are refused, which is exit code 1."""
    return sites.at_gateway("gateway", "ingest", str(folder), accept=(0, 1))


def killed_at(sites: Sites, folder: Path, boundary: tuple[str, str], when: str) -> None:
    """Runs until the boundary, where the process kills itself."""
    arguments = command(sites.gateway, "gateway", "ingest", str(folder))[3:]
    done = subprocess.run(
        [sys.executable, "-c", KILLER, *boundary, when, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def killed_after(sites: Sites, folder: Path, seconds: float) -> None:
    """Runs for that long and is killed wherever it is."""
    process = subprocess.Popen(
        command(sites.gateway, "gateway", "ingest", str(folder)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(seconds)
    process.kill()
    process.communicate()


def archive(sites: Sites, instances: int) -> list[tuple[str, str]]:
    """What the hub holds once everything is shelved: each instance with its digest.

    How instances are spread over packs may differ: a study that was cut off while it arrived goes on as late instances.
    """
    deadline = time.monotonic() + 60
    while True:
        sites.at_hub("dataset", "freeze", "all", "--registry", "j-mid")
        members = sites.at_hub("dataset", "show", "all", "--members")["members"]
        if sum(m["instances"] for m in members) >= instances or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    packs = {m["pack"] for m in members}
    stored = {p.stem: p for p in (sites.hub / "objects" / "packs").rglob("*.tar")}
    assert set(stored) == packs
    return sorted(
        (uid, digest_of(stored[p], offset, size)) for p in packs for uid, offset, size in read_members(stored[p])
    )


def digest_of(pack: Path, offset: int, size: int) -> str:
    """SHA-256 of one member."""
    with pack.open("rb") as file:
        file.seek(offset)
        return sha256(file.read(size)).hexdigest()


def check_end(sites: Sites, hub: Hub, unbroken: Path, folders: list[Path]) -> None:
    """The broken sites ended like sites that were never broken, and nothing lies about."""
    assert sites.at_gateway("gateway", "status")["objects"]["sent"] == 3 * len(folders)
    held = archive(sites, 3 * len(folders))
    assert len(held) == 3 * len(folders)
    sites.at_hub("audit", "verify")
    sites.at_gateway("audit", "verify")
    sites.at_hub("dataset", "verify", "all")
    for folder in ("crossing", "outbox"):
        assert not list((sites.gateway / folder).glob("*"))
    assert not list((sites.hub / "inbox").glob("*"))
    assert not list((sites.hub / "quarantine").glob("*"))
    unbroken.mkdir()
    others = make_sites(unbroken, ["j-mid"])
    shutil.copyfile(sites.gateway / "keys" / "identity.key", others.gateway / "keys" / "identity.key")
    with serving(others.hub):
        ingest(others, folders[0].parent)
        assert archive(others, 3 * len(folders)) == held
    assert hub.process.poll() is None


def test_killed_at_every_boundary(broken: tuple[Sites, Hub], tmp_path: Path) -> None:
    """Killed before and behind every step of the gateway, the next run ends as if nothing had happened."""
    sites, hub = broken
    kills = [(boundary, when) for boundary in BOUNDARIES for when in ("before", "behind")]
    folders = hospitals(tmp_path / "hospitals", len(kills))
    for folder, (boundary, when) in zip(folders, kills, strict=True):
        killed_at(sites, folder, boundary, when)
    assert not ingest(sites, tmp_path / "hospitals")["studies"].get("failed")
    check_end(sites, hub, tmp_path / "unbroken", folders)


def break_at_random(broken: tuple[Sites, Hub], tmp_path: Path, kills: int) -> None:
    """Kills the gateway that many times wherever it is, the hub every fourth time, and looks how it ends."""
    sites, hub = broken
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed, "kills", kills)  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)  # noqa: S311
    folders = hospitals(tmp_path / "hospitals", kills)
    for number, folder in enumerate(folders):
        killed_after(sites, folder, chance.uniform(0.3, 3.0))
        if number % 4 == 3:
            hub.kill()
    assert not ingest(sites, tmp_path / "hospitals")["studies"].get("failed")
    check_end(sites, hub, tmp_path / "unbroken", folders)


def test_killed_at_random(broken: tuple[Sites, Hub], tmp_path: Path) -> None:
    """Killed at random moments, the gateway mostly and the hub every fourth time, both sites end the same."""
    break_at_random(broken, tmp_path, RANDOM_KILLS)


@pytest.mark.drill
def test_killed_for_long(broken: tuple[Sites, Hub], tmp_path: Path) -> None:
    """The same two hundred times: the drill whose dated results stand in docs/drills.md."""
    break_at_random(broken, tmp_path, DRILL_KILLS)
