from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kaname.cli import COMMANDS


def kaname(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command line."""
    return subprocess.run(
        [sys.executable, "-m", "kaname", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def answer(*arguments: str | Path) -> Any:
    """What a command that must succeed prints as JSON."""
    done = kaname(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps(name: str) -> None:
    """Every command of the list exists and explains itself."""
    done = kaname(name, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_help_and_usage() -> None:
    """The help lists every command; an unknown one is a usage error."""
    help_text = kaname("--help").stdout
    assert all(name in help_text for name in COMMANDS)
    assert kaname("nothing").returncode == 2


def test_a_gateways_home(tmp_path: Path) -> None:
    """A home is made once; its keys are private; what needs a partner says that it has none."""
    home = tmp_path / "home"
    made = answer("init", "--role", "gateway", "--name", "facility-1", "--home", home)
    assert made["role"] == "gateway"
    assert kaname("init", "--role", "gateway", "--name", "x", "--home", home).returncode == 1
    assert all(p.stat().st_mode & 0o077 == 0 for p in (home / "keys").iterdir())
    assert answer("gateway", "status", "--home", home)["originals"] == 0
    assert answer("gateway", "held", "--home", home) == []
    assert answer("audit", "verify", "--home", home)["events"] == 0
    assert kaname("gateway", "withdraw", "--patient-id", "1", "--home", home, "--wait", "5").returncode == 1
    assert kaname("gateway", "enrol", "--home", home).returncode == 2
    assert kaname("partner", "list", "--home", home).returncode == 2
    assert kaname("gateway", "status", "--home", tmp_path / "none").returncode == 3


def test_a_hubs_home(tmp_path: Path) -> None:
    """A hub admits a gateway by its request file, lists it, revokes it, and makes tokens shown once."""
    hub, gateway = tmp_path / "hub", tmp_path / "gateway"
    answer("init", "--role", "hub", "--name", "society", "--registry", "j-mid", "--home", hub)
    answer("init", "--role", "gateway", "--name", "facility-1", "--registry", "j-mid", "--home", gateway)
    asked = answer("gateway", "enrol", "--request", tmp_path / "request", "--home", gateway)
    admitted = answer("partner", "admit", tmp_path / "request", "--answer", tmp_path / "answer", "--home", hub)
    assert asked["fingerprint"] == admitted["fingerprint"]
    assert answer("gateway", "enrol", "--answer", tmp_path / "answer", "--home", gateway)["hub"] == "society"
    assert [p["name"] for p in answer("partner", "list", "--home", hub)] == ["facility-1"]
    assert kaname("partner", "revoke", "facility-1", "--home", hub).returncode == 0
    token = answer("user", "token", "--name", "reader", "--registry", "j-mid", "--home", hub)["token"]
    events = answer("audit", "show", "--home", hub)
    assert [e["action"] for e in events] == ["partner-admitted", "partner-revoked", "token-made"]
    assert token not in json.dumps(events)
    assert kaname("gateway", "status", "--home", hub).returncode == 2
    assert "facility-1" in kaname("audit", "show", "--home", hub).stdout


def test_a_gateway_asks_for_more_than_the_hub_has(tmp_path: Path) -> None:
    """A hub does not admit a gateway for a registry that is not its own."""
    hub, gateway = tmp_path / "hub", tmp_path / "gateway"
    answer("init", "--role", "hub", "--name", "society", "--registry", "basic", "--home", hub)
    answer("init", "--role", "gateway", "--name", "facility-1", "--registry", "j-mid", "--home", gateway)
    answer("gateway", "enrol", "--request", tmp_path / "request", "--home", gateway)
    done = kaname("partner", "admit", tmp_path / "request", "--answer", tmp_path / "answer", "--home", hub)
    assert (done.returncode, "parcel-registry" in done.stderr) == (1, True)


def test_registries() -> None:
    """Registries are listed and shown with the reason of each decision; an unknown one is a usage error."""
    assert {"j-mid", "basic"} <= {r["id"] for r in answer("registry", "list")}
    shown = answer("registry", "show", "j-mid")
    assert shown["keep"]["Manufacturer"]
    assert kaname("registry", "show", "nobody").returncode == 2


def test_an_unreachable_hub(tmp_path: Path) -> None:
    """While the hub cannot be reached everything is kept, and the exit code says not yet."""
    from kaname.testing.hospital import make_hospital
    from kaname.testing.sites import make_sites

    sites = make_sites(tmp_path, ["j-mid"])
    make_hospital(tmp_path / "hospital", patients=1, studies=1, slices=1)
    found = sites.at_gateway("gateway", "ingest", str(tmp_path / "hospital"), "--wait", "2", accept=(3,))
    assert found["studies"] == {"waiting": 1}
    assert sites.at_gateway("gateway", "status")["parcels"] == {"sealed": 1}
