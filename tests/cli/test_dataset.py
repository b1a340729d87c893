import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kaname.archive.flow import shelve
from kaname.cli.dataset import dataset
from kaname.errors import KanameError, Refused
from kaname.governance.withdraw import obey
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.settings import write
from kaname.testing.deliveries import Facility, make_hub, series


@pytest.fixture
def facility(tmp_path: Path) -> Facility:
    """A facility with two patients."""
    return Facility(tmp_path / "facility")


@pytest.fixture
def hub(tmp_path: Path, facility: Facility) -> Iterator[Node]:
    """A hub that holds a study of each."""
    node = make_hub(tmp_path / "home")
    write(node.settings)
    facility.admitted_to(node)
    for sequence, patient in ((1, "00012345"), (2, "777")):
        parcel = facility.parcel(series(patient, study=sequence), sequence)
        shelve(node, accept(node, parcel).digest)
    yield node
    node.index.dispose()


def ask(hub: Node, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = CliRunner().invoke(dataset, [*arguments, "--home", str(hub.settings.home), "--json"])
    if isinstance(done.exception, KanameError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_dataset_on_the_command_line(hub: Node, facility: Facility) -> None:
    """Frozen, shown, verified, withdrawn from, compared."""
    frozen = ask(hub, "freeze", "lungs", "--registry", "j-mid", "--modality", "CT")
    assert (frozen["version"], frozen["series"], frozen["instances"]) == (1, 2, 4)
    assert ask(hub, "verify", "lungs")["packs"] == 2
    obey(hub, facility.withdrawal("777"))
    difference = ask(hub, "diff", "lungs", "1", "2")
    assert (len(difference["removed"]), difference["holes"][0]["instances"]) == (1, 2)
    assert [version["superseded_by"] for version in ask(hub, "show", "lungs")] == [2, 0]
    one = ask(hub, "show", "lungs", "--version", "2")
    assert one.pop("splits") == {
        "train": {"subjects": 1, "instances": 2, "labels": {}},
        "validation": {"subjects": 0, "instances": 0, "labels": {}},
        "test": {"subjects": 0, "instances": 0, "labels": {}},
    }
    assert ask(hub, "show") == [one]
    shown = ask(hub, "show", "lungs", "--members")
    assert [member["subject"] for member in shown["members"]] == [facility.subject("00012345")]
    assert shown["holes"] == difference["holes"]
    assert (ask(hub, "verify", "lungs")["packs"], ask(hub, "verify", "lungs")["gone"]) == (1, 1)


def test_a_gateway_has_no_datasets(tmp_path: Path, hub: Node) -> None:
    """In a hospital there is nothing to freeze."""
    write(replace(hub.settings, home=tmp_path / "gateway", role="gateway"))
    done = CliRunner().invoke(dataset, ["show", "--home", str(tmp_path / "gateway")])
    assert isinstance(done.exception, Refused)
    assert done.exception.code == "wrong-role"
