import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kaname.annotation import flow
from kaname.annotation.model import Given, Mark, Sought
from kaname.archive.flow import shelve
from kaname.cli.annotation import annotation
from kaname.cli.dataset import dataset
from kaname.errors import KanameError, Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.settings import write
from kaname.testing.deliveries import Facility, make_hub, series


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A hub that holds four slices of one patient."""
    node = make_hub(tmp_path / "home")
    write(node.settings)
    facility = Facility(tmp_path / "facility").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1, 2, 3, 4)))).digest)
    yield node
    node.index.dispose()


def ask(command: Any, hub: Node, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = CliRunner().invoke(command, [*arguments, "--home", str(hub.settings.home), "--json"])
    if isinstance(done.exception, KanameError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_task_on_the_command_line(hub: Node) -> None:
    """Made, read, measured, exported, frozen with its labels."""
    made = ask(annotation, hub, "make", "nodules", "--registry", "j-mid", "--modality", "CT")
    assert (made["cases"], made["added"], made["question"]["geometries"]) == (4, 4, ["image", "box"])
    for place, case in enumerate(flow.cases(hub, "nodules", Sought("open"))):
        for reader in "ab":
            label = "absent" if place == 0 or (place == 1 and reader == "a") else "present"
            flow.take(hub, "nodules", reader, "reading", [Given(case.id, (Mark("image", label),))])
    shown = ask(annotation, hub, "show", "nodules")
    assert (shown["open"], shown["disputed"], shown["settled"]) == (0, 1, 3)
    assert ask(annotation, hub, "show") == [shown]
    (pair,) = ask(annotation, hub, "agreement", "nodules")
    assert (pair["readers"], pair["observed"], pair["kappa"]) == (["a", "b"], 0.75, 0.5)
    assert pair["low"] < 0.5 < pair["high"]
    labels = ask(annotation, hub, "export", "nodules")
    assert sorted(label["label"] for label in labels) == ["absent", "present", "present"]
    assert ask(annotation, hub, "resend", "nodules") == {"cases": 0}
    frozen = ask(dataset, hub, "freeze", "lungs", "--registry", "j-mid", "--task", "nodules")
    assert frozen["splits"]["train"] == {"subjects": 1, "instances": 4, "labels": {"absent": 1, "present": 2}}
    listed = ask(dataset, hub, "show", "lungs", "--members")
    assert [label["label"] for label in listed["labelled"]] == [label["label"] for label in labels]


def test_a_gateway_has_no_tasks(tmp_path: Path, hub: Node) -> None:
    """In a hospital nobody reads for research here."""
    write(replace(hub.settings, home=tmp_path / "gateway", role="gateway"))
    done = CliRunner().invoke(annotation, ["show", "--home", str(tmp_path / "gateway")])
    assert isinstance(done.exception, Refused)
    assert done.exception.code == "wrong-role"
