"""A hub and a cloud become partners by two files, and a gateway asks whether everything arrived."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kaname.access.introductions import Introduced, introduce
from kaname.access.partners import list_partners
from kaname.access.signing import SigningKey
from kaname.cli import kaname
from kaname.database import reading, writing
from kaname.errors import NotYet, Refused
from kaname.gateway import reconcile as reconciling
from kaname.gateway.reconcile import Reconciled
from kaname.intake import onward
from kaname.node import open_node
from kaname.parcel.reconciliation import Comparison, Difference
from kaname.settings import load

TAKEN = ("--registry", "j-mid", "--registry", "basic")


def call(*arguments: str | Path) -> Result:
    """Runs the command line in this process."""
    return CliRunner().invoke(kaname, [str(one) for one in arguments])


def answer(*arguments: str | Path) -> Any:
    """What a command that must succeed prints as JSON."""
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(code: str, *arguments: str | Path) -> dict[str, Any]:
    """Runs a command that must be refused with that code; returns the facts."""
    error = call(*arguments).exception
    assert isinstance(error, Refused | NotYet)
    assert error.code == code
    return error.facts


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """A gateway, a hub and a cloud that do not know each other."""
    found = {role: tmp_path / role for role in ("gateway", "hub", "cloud")}
    for role, home in found.items():
        answer("init", "--role", role, "--name", f"a-{role}", *TAKEN, "--home", home)
    return found


def test_a_hub_enrols_with_a_cloud(homes: dict[str, Path], tmp_path: Path) -> None:
    """Two files and two fingerprints; afterwards each lists the other, and what waited may leave."""
    hub, cloud, request, back = homes["hub"], homes["cloud"], tmp_path / "request", tmp_path / "answer"
    asked = answer("partner", "enrol", "--request", request, "--home", hub)
    node = open_node(load(hub))
    with writing(node.index) as connection:
        onward.wait_for_next_tier(connection, "1" * 64, "j-mid", 1, "2026-11-21T12:00:00Z")
        onward.settle(connection, "1" * 64, "held", reason="not-enrolled", at="2026-11-21T12:00:00Z")
    heard = ("--fingerprint", asked["fingerprint"])
    admitted = answer("partner", "admit", request, "--answer", back, *heard, "--home", cloud)
    assert (admitted["admitted"], admitted["role"]) == ("a-hub", "hub")
    mine = ("--fingerprint", admitted["hub_fingerprint"])
    enrolled = answer("partner", "enrol", "--answer", back, *mine, "--home", hub)
    assert (enrolled["cloud"], enrolled["again"]) == ("a-cloud", 1)
    assert [(p["name"], p["role"]) for p in answer("partner", "list", "--home", hub)] == [("a-cloud", "cloud")]
    assert list_partners(node.index)[0].registries == ("basic", "j-mid")
    assert answer("partner", "again", "--home", hub) == {"again": 0}
    with reading(node.index) as connection:
        row = onward.row_of(connection, "1" * 64)
    assert row is not None
    assert (row.state, row.attempt) == ("waiting", 1)
    told = open_node(load(cloud))
    key = SigningKey.from_seed(bytes(32)).public
    with writing(told.index) as connection:
        introduce(connection, Introduced("facility-1", key, ("j-mid",), "a-hub", "2026-11-21T12:00:00Z"))
    listed = answer("partner", "list", "--home", cloud)
    assert [(p["name"], p["role"], p["introduced_by"]) for p in listed] == [
        ("a-hub", "hub", ""),
        ("facility-1", "gateway", "a-hub"),
    ]


def test_everybody_enrols_with_the_next_tier(homes: dict[str, Path], tmp_path: Path) -> None:
    """A cloud admits no gateway, a hub no hub; a cloud and a gateway enrol with nobody here."""
    answer("gateway", "enrol", "--request", tmp_path / "from-gateway", "--home", homes["gateway"])
    answer("partner", "enrol", "--request", tmp_path / "from-hub", "--home", homes["hub"])
    for name, site in (("from-gateway", "cloud"), ("from-hub", "hub")):
        admit = ("partner", "admit", tmp_path / name, "--answer", tmp_path / "answer", "--home", homes[site])
        assert refused("enrolment-invalid", *admit) == {"part": "role"}
    for site in ("cloud", "gateway"):
        refused("wrong-role", "partner", "enrol", "--request", tmp_path / "x", "--home", homes[site])
    assert call("partner", "enrol", "--home", homes["hub"]).exit_code == 2


@pytest.mark.parametrize(
    ("comparison", "status"),
    [
        (Comparison(2, 0), 0),
        (Comparison(1, 1), 3),
        (Comparison(1, 1, (Difference(2, "missing", "2" * 64),)), 1),
    ],
)
def test_reconciliation_has_an_exit_code(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, comparison: Comparison, status: int
) -> None:
    """No difference, none yet, or a difference with its sequence number: told by the exit code, too."""
    refused("not-enrolled", "gateway", "reconcile", "--home", homes["gateway"])
    monkeypatch.setattr(reconciling, "reconcile", lambda *_: (Reconciled("society", comparison),))
    done = call("gateway", "reconcile", "--registry", "j-mid", "--home", homes["gateway"], "--json")
    assert done.exit_code == status
    (told,) = json.loads(done.stdout)
    assert (told["registry"], told["tier"], told["difference"]) == ("j-mid", "society", len(comparison.differences))
    assert [one["sequence"] for one in told["differences"]] == [2] * len(comparison.differences)
