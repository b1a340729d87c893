"""Three sites on one machine: hospital, society, research cloud, enrolled with each other one after the other."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kaname.gateway.identity import KEY_FILE
from kaname.settings import load, write
from kaname.testing.sites import run

PACS_AE, CT_REGISTRY = "KANAPACS", "j-mid"
SEVEN = (CT_REGISTRY, "jed", "jp-aid", "joi", "nsdd", "jsum", "s-access")
REGISTRIES = (*SEVEN, "basic")
QUIET_SECONDS, RETRY_SECONDS = 1.0, 0.5


@dataclass(frozen=True, slots=True)
class Chain:
    """The homes of the three sites, and what lies beside them."""

    root: Path

    @property
    def gateway(self) -> Path:
        """The hospital's home."""
        return self.root / "gateway"

    @property
    def hub(self) -> Path:
        """The society's home."""
        return self.root / "hub"

    @property
    def cloud(self) -> Path:
        """The research cloud's home."""
        return self.root / "cloud"

    def watched(self, registry: str) -> Path:
        """The folder that departments export to what is meant for that registry."""
        return self.root / "departments" / registry

    def password(self, site: str) -> Path:
        """The file with name and password of a site's first administrator, readable by its owner alone."""
        return self.root / "tokens" / f"{site}-administrator"

    @property
    def homes(self) -> dict[str, Path]:
        """All three by name, the one that others deliver to first."""
        return {"cloud": self.cloud, "hub": self.hub, "gateway": self.gateway}

    def at(self, site: str, *arguments: str, accept: Sequence[int] = (0,)) -> Any:
        """Runs ``kaname …`` at a site; see :func:`kaname.testing.sites.run`."""
        return run(self.homes[site], *arguments, accept=accept)


def make_chain(root: Path) -> Chain:
    """Makes the three homes below ``root`` and enrols each with the next; homes that are there stay."""
    chain = Chain(root)
    if (root / "enrolled").exists():
        return chain
    ports = _free_ports(7)
    taken = [word for name in REGISTRIES for word in ("--registry", name)]
    for site, role, name in (
        ("cloud", "cloud", "research"),
        ("hub", "hub", "society"),
        ("gateway", "gateway", "facility-1"),
    ):
        if not (chain.homes[site] / "kaname.toml").exists():
            doors = ["--port", str(ports.pop()), "--peer-port", str(ports.pop())]
            made = chain.at(site, "init", "--trial", "--role", role, "--name", name, *doors, *taken)
            write_secret(chain.password(site), f"{made['administrator']}  {made['password']}")
    _open_more_doors(chain, ports)
    _enrol(chain, "hub", "partner", "cloud")
    _enrol(chain, "gateway", "gateway", "hub")
    (root / "enrolled").touch()
    return chain


def write_secret(file: Path, text: str) -> None:
    """Writes a file that its owner alone can read, whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)


def write_identity(home: Path, seed: bytes = bytes(range(64))) -> None:
    """Puts a known identity key where a gateway is to be made: the same pseudonyms each time. For tests alone."""
    folder = home / "keys"
    folder.mkdir(mode=0o700, parents=True)
    (folder / KEY_FILE).touch(mode=0o600)
    (folder / KEY_FILE).write_bytes(seed)


def _open_more_doors(chain: Chain, ports: list[int]) -> None:
    """What an operator writes into the settings files: the PACS that may call, the folders, the viewer."""
    for registry in SEVEN:
        chain.watched(registry).mkdir(parents=True, exist_ok=True)
    hospital = load(chain.gateway)
    write(
        replace(
            hospital,
            dimse_port=hospital.dimse_port or hospital.peer_port,  # a gateway has no door for partners
            calling_aes=(PACS_AE,),
            watched=tuple(f"{registry}={chain.watched(registry)}" for registry in SEVEN),
            quiet_seconds=QUIET_SECONDS,
            retry_seconds=RETRY_SECONDS,
        )
    )
    society = load(chain.hub)
    write(replace(society, viewer_port=society.viewer_port or ports.pop(), retry_seconds=RETRY_SECONDS))
    write(replace(load(chain.cloud), retry_seconds=RETRY_SECONDS))


def _enrol(chain: Chain, who: str, group: str, with_whom: str) -> None:
    """Two files carried by hand, fingerprints compared."""
    request, answer = (chain.root / f"{who}-{part}.json" for part in ("request", "answer"))
    asked = chain.at(who, group, "enrol", "--request", str(request))
    admitted = chain.at(with_whom, "partner", "admit", str(request), "--answer", str(answer))
    assert asked["fingerprint"] == admitted["fingerprint"]
    chain.at(who, group, "enrol", "--answer", str(answer))


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(listener.getsockname()[1]) for listener in listeners]
