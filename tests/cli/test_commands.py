from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydicom
import pytest
from cryptography import x509

from kaname.cli import COMMANDS
from kaname.testing.hospital import make_hospital
from kaname.testing.sites import make_sites


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
    assert (made["role"], made["administrator"], len(made["password"])) == ("gateway", "admin", 24)
    assert kaname("init", "--role", "gateway", "--name", "x", "--home", home).returncode == 1
    assert all(p.stat().st_mode & 0o077 == 0 for p in (home / "keys").iterdir())
    assert answer("gateway", "status", "--home", home)["originals"] == 0
    assert answer("gateway", "held", "--home", home) == []
    assert answer("audit", "verify", "--home", home)["events"] == 1
    assert kaname("gateway", "withdraw", "--patient-id", "1", "--home", home, "--wait", "5").returncode == 3
    assert kaname("gateway", "ingest", home, "--home", home).returncode == 3
    assert answer("gateway", "status", "--home", home)["originals"] == 0
    assert kaname("gateway", "enrol", "--home", home).returncode == 2
    assert kaname("partner", "list", "--home", home).returncode == 2
    assert kaname("gateway", "status", "--home", tmp_path / "none").returncode == 3


def test_a_hubs_home(tmp_path: Path) -> None:
    """A hub admits a gateway by its request file, lists it, revokes it, and makes tokens shown once."""
    hub, gateway = tmp_path / "hub", tmp_path / "gateway"
    answer("init", "--role", "hub", "--name", "society", "--registry", "j-mid", "--home", hub)
    answer("init", "--role", "gateway", "--name", "facility-1", "--registry", "j-mid", "--home", gateway)
    asked = answer("gateway", "enrol", "--request", tmp_path / "request", "--home", gateway)
    admit = ("partner", "admit", tmp_path / "request", "--answer", tmp_path / "answer", "--home", hub)
    assert kaname(*admit, "--fingerprint", "0" * 64).returncode == 1
    assert answer("partner", "list", "--home", hub) == []
    admitted = answer(*admit, "--fingerprint", asked["fingerprint"])
    assert asked["fingerprint"] == admitted["fingerprint"]
    heard = ("--fingerprint", admitted["hub_fingerprint"])
    assert answer("gateway", "enrol", "--answer", tmp_path / "answer", *heard, "--home", gateway)["hub"] == "society"
    assert [p["name"] for p in answer("partner", "list", "--home", hub)] == ["facility-1"]
    assert kaname("partner", "revoke", "facility-1", "--home", hub).returncode == 0
    token = answer("user", "token", "--name", "reader", "--registry", "j-mid", "--home", hub)["token"]
    events = answer("audit", "show", "--home", hub)
    assert [e["action"] for e in events] == ["user-added", "partner-admitted", "partner-revoked", "token-made"]
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
    sites = make_sites(tmp_path, ["j-mid"])
    make_hospital(tmp_path / "hospital", patients=1, studies=1, slices=1)
    found = sites.at_gateway("gateway", "ingest", str(tmp_path / "hospital"), "--wait", "2", accept=(3,))
    assert found["studies"] == {"waiting": 1}
    assert sites.at_gateway("gateway", "status")["parcels"] == {"sealed": 1}


def test_the_name_of_a_hub_stands_in_its_certificate(tmp_path: Path) -> None:
    """Partners reach a hub by the names of ``--known-as``, not only by the address it listens on."""
    home = ("--home", tmp_path / "hub")
    answer("init", "--role", "hub", "--name", "society", "--known-as", "hub.example", *home)
    certificate = x509.load_pem_x509_certificate((tmp_path / "hub" / "keys" / "tls.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "hub.example" in names.get_values_for_type(x509.DNSName)


def test_what_is_held_while_crossing_is_no_success(tmp_path: Path) -> None:
    """Exit code 1 and the reason, when the door took everything in and the crossing held one."""
    sites = make_sites(tmp_path, ["j-mid"])
    make_hospital(tmp_path / "hospital", patients=1, studies=1, slices=1)
    (file,) = (tmp_path / "hospital").rglob("*.dcm")
    ds = pydicom.dcmread(file)
    ds.ConversionType = "WSD"
    ds.save_as(file)
    found = sites.at_gateway("gateway", "ingest", str(file), accept=(1,))
    assert (found["reasons"], found["studies"]) == ({"pixels-may-identify": 1}, {"done": 1})


def test_a_number_that_never_came_is_not_withdrawn(tmp_path: Path) -> None:
    """A number that never came, or never with that issuer, gives no certificate of nothing; ``--unseen`` blocks it."""
    sites = make_sites(tmp_path, ["j-mid"])
    patient = make_hospital(tmp_path / "hospital", patients=1, studies=1, slices=1).patients[0]
    sites.at_gateway("gateway", "ingest", str(tmp_path / "hospital"), "--wait", "0", accept=(1, 3))
    withdraw = ("gateway", "withdraw", "--wait", "0", "--patient-id")
    for number in ((patient.patient_id, "--issuer", "NOBODY"), ("999999",), ("",)):
        done = kaname(*withdraw, *number, "--home", sites.gateway)
        assert (done.returncode, "patient-unknown" in done.stderr) == (1, True)
    assert sites.at_gateway("gateway", "status")["withdrawals"] == {}
    sites.at_gateway(*withdraw, patient.patient_id, accept=(3,))
    sites.at_gateway(*withdraw, "999999", "--unseen", accept=(3,))
    assert sites.at_gateway("gateway", "status")["withdrawals"] == {"requested": 2}
