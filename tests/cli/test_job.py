"""``kaname job`` and ``kaname airlock``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kaname.airlock.flow import check, draft
from kaname.archive.flow import shelve
from kaname.cli import kaname
from kaname.compute.flow import carry_out
from kaname.datasets.flow import freeze
from kaname.errors import Forbidden, NotYet, Refused
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.settings import Role, Settings, write
from kaname.testing.deliveries import Facility, make_hub, series

CODE = "import sys\nprint('learning', sys.argv[1:])\nopen('/out/model.json', 'w').write('[1]')\n"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A research cloud with one frozen dataset, its settings written down."""
    node = make_hub(tmp_path / "home")
    write(replace(node.settings, role="cloud"))
    facility = Facility(tmp_path / "facility", 1, "j-mid").admitted_to(node)
    shelve(node, accept(node, facility.parcel(series(slices=(1,)))).digest)
    freeze(node, "lungs", "j-mid")
    yield node
    node.index.dispose()


def run(home: Path, *arguments: str) -> Result:
    """A command of this home, in this process."""
    return CliRunner().invoke(kaname, [*arguments, "--home", str(home)])


def answer(home: Path, *arguments: str) -> Any:
    """Its JSON."""
    done = run(home, *arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def submitted(home: Path, folder: Path) -> dict[str, Any]:
    """A job that was just submitted."""
    (folder / "learn.py").write_text(CODE)
    return answer(home, "job", "submit", str(folder / "learn.py"), "fast", "--dataset", "lungs", "--by", "researcher")


def test_a_job_is_submitted_and_listed(hub: Node, tmp_path: Path) -> None:
    """Its name is the file's, its version the newest; submitting again is the same run."""
    home = hub.settings.home
    made = submitted(home, tmp_path)
    assert (made["state"], made["spec"]["name"], made["spec"]["version"]) == ("queued", "learn", 1)
    assert made["spec"]["command"] == ["python", "/code/job.py", "fast"]
    assert submitted(home, tmp_path) == made
    assert [row["id"] for row in answer(home, "job", "list")] == [made["id"]]
    assert answer(home, "job", "show", made["id"]) == made
    assert isinstance(run(home, "job", "logs", made["id"]).exception, NotYet)


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: make system")
def test_a_job_runs_and_its_log_leaves_through_the_airlock(hub: Node, tmp_path: Path) -> None:
    """Submit, run, look, approve by somebody else, read the log."""
    home = hub.settings.home
    made = submitted(home, tmp_path)
    carry_out(hub, made["id"])
    check(hub, draft(hub, made["id"]))
    (request,) = answer(home, "airlock", "list", "--state", "in-review")
    assert run(home, "airlock", "look", request["id"], "model.json").stdout == "[1]"
    decide = ("airlock", "review", request["id"], "--approve", "--reason", "Fine.", "--by")
    assert isinstance(run(home, *decide, "researcher").exception, Forbidden)
    assert answer(home, *decide, "checker")["state"] == "approved"
    assert run(home, "job", "logs", made["id"]).stdout == "learning ['fast']\n"


def test_a_request_is_taken_back(hub: Node, tmp_path: Path) -> None:
    """By the one who asked."""
    home = hub.settings.home
    request_id = draft(hub, submitted(home, tmp_path)["id"])
    assert isinstance(run(home, "airlock", "cancel", request_id, "--by", "other").exception, Forbidden)
    assert answer(home, "airlock", "cancel", request_id, "--by", "researcher")["state"] == "cancelled"


def test_a_decision_is_named(hub: Node) -> None:
    """Without approve or reject there is none."""
    done = run(hub.settings.home, "airlock", "review", "0", "--reason", "Fine.", "--by", "checker")
    assert done.exit_code == 2


@pytest.mark.parametrize("role", ["gateway", "hub"])
def test_other_roles_have_neither(tmp_path: Path, role: Role) -> None:
    """Jobs and the airlock are where research is."""
    write(Settings(home=tmp_path, role=role, name="elsewhere"))
    for group in ("job", "airlock"):
        done = run(tmp_path, group, "list")
        assert isinstance(done.exception, Refused)
        assert done.exception.code == "wrong-role"
