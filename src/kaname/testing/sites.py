"""Two sites on one machine: a gateway and a hub, each with its own home and processes, talking mutual TLS on loopback.

Everything is done through the command line, as people do it; nothing reaches into a home.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Sites:
    """The two homes, enrolled with each other."""

    gateway: Path
    hub: Path

    def at_gateway(self, *arguments: str, accept: Sequence[int] = (0,)) -> Any:
        """Runs a command at the gateway; see :func:`run`."""
        return run(self.gateway, *arguments, accept=accept)

    def at_hub(self, *arguments: str, accept: Sequence[int] = (0,)) -> Any:
        """Runs a command at the hub; see :func:`run`."""
        return run(self.hub, *arguments, accept=accept)


class CommandFailedError(AssertionError):
    """A command ended with an exit code that was not expected; its error stream is the message."""


def command(home: Path, *arguments: str) -> list[str]:
    """The command line of ``kaname …`` for that home, answering in JSON where it can."""
    flags = [] if arguments[0] == "serve" else ["--json"]
    return [sys.executable, "-m", "kaname", *arguments, "--home", str(home), *flags]


def run(home: Path, *arguments: str, accept: Sequence[int] = (0,)) -> Any:
    """Runs ``kaname`` in a process of its own and returns what it printed as JSON.

    Raises:
        CommandFailedError: when its exit code is not among ``accept``.
    """
    done = subprocess.run(command(home, *arguments), capture_output=True, text=True, check=False)
    if done.returncode not in accept:
        raise CommandFailedError(f"kaname {arguments[0]}: exit {done.returncode}\n{done.stderr}{done.stdout}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def make_sites(root: Path, registries: Sequence[str] = ("j-mid", "basic")) -> Sites:
    """Makes both homes below ``root`` and enrols the gateway by two files; homes that are there stay."""
    sites = Sites(root / "gateway", root / "hub")
    if (sites.gateway / "kaname.toml").exists():
        return sites
    port, peer_port = _free_ports()
    taken = [word for name in registries for word in ("--registry", name)]
    doors = ["--port", str(port), "--peer-port", str(peer_port)]
    sites.at_hub("init", "--role", "hub", "--name", "society", *doors, *taken)
    sites.at_gateway("init", "--role", "gateway", "--name", "facility-1", *taken)
    request, answer = root / "enrolment-request.json", root / "enrolment-answer.json"
    asked = sites.at_gateway("gateway", "enrol", "--request", str(request))
    admitted = sites.at_hub("partner", "admit", str(request), "--answer", str(answer))
    assert asked["fingerprint"] == admitted["fingerprint"]
    sites.at_gateway("gateway", "enrol", "--answer", str(answer))
    return sites


@contextmanager
def serving(home: Path) -> Generator[str]:
    """Runs ``kaname serve`` for as long as the context lasts; gives the address of the user's door."""
    process = start_serving(home)
    try:
        yield wait_until_ready(process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.communicate()


def start_serving(home: Path) -> subprocess.Popen[str]:
    """Starts ``kaname serve``."""
    return subprocess.Popen(command(home, "serve"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until_ready(process: subprocess.Popen[str]) -> str:
    """Reads the line that a serving node prints when its doors are open; gives the address of the user's door.

    Raises:
        CommandFailedError: when it ends instead.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise CommandFailedError(f"kaname serve ended: {process.communicate()[1]}")
    return str(json.loads(line)["door"])


def _free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return int(one.getsockname()[1]), int(two.getsockname()[1])
