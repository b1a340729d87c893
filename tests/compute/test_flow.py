"""A run from its submission to its end, good or bad."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kaname.access import projects
from kaname.access.organisations import make
from kaname.access.remembered import changing
from kaname.archive.index import PACKS
from kaname.compute import execute, flow
from kaname.compute.flow import carry_out, ended_runs, find, keep_code, run_job, runs, runs_on, runs_waiting, submit
from kaname.compute.model import Ended, Run
from kaname.compute.outputs import key_of
from kaname.compute.watch import CUT
from kaname.database import reading
from kaname.datasets.flow import show
from kaname.errors import NotYet, Refused
from kaname.node import Node
from kaname.pack import pack_key

from .conftest import spec_of

needs_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: make system")
WELL = "print('hello')\nopen('/out/model.json', 'w').write('[1]')\nopen('/out/b.json', 'w').write('2')"
THREE = """
import os, time
for n in range(3):
    if not os.fork():
        x = bytearray(b"x") * (60 << 20)
        time.sleep(60)
time.sleep(60)
"""
"""Three processes that hold 60 MiB each."""
THIS = ("python", "-m", "this")
"""A module of the standard library that prints and ends well."""


def now(step: Callable[..., Any], *arguments: Any) -> Any:
    """Does a step at once."""
    return step(*arguments)


@needs_bwrap
def test_a_run_ends_with_its_outputs_by_digest(hub: Node) -> None:
    """Queued, run once, kept under digests; what it used and saw stands in its row and in the ledger."""
    run_id = submit(hub, spec_of(hub, WELL), "researcher")
    assert runs_waiting(hub) == (run_id,)
    assert ended_runs(hub) == ()
    assert run_job(hub, now, run_id) == {"run": run_id, "state": "finished", "reason": ""}
    run = find(hub, run_id)
    assert [(output.name, hub.store.get(key_of(run.id, output.digest))) for output in run.outputs] == [
        ("b.json", b"2"),
        ("model.json", b"[1]"),
    ]
    assert hub.store.get(key_of(run.id, run.log)) == b"hello\n"
    assert (run.sandbox, run.exit_code, run.actor, run.registry) == ("bubblewrap", 0, "researcher", "j-mid")
    assert run.dataset_digest == show(hub, "lungs").digest
    assert run.peak_bytes > 0
    assert (runs_waiting(hub), ended_runs(hub)) == ((), (run_id,))
    events = list(hub.ledger.events(about=run_id))
    assert [(event.action, event.actor) for event in events] == [
        ("run-submitted", "researcher"),
        ("run-ended", "society"),
    ]
    assert events[0].facts["dataset"] == run.dataset_digest
    assert events[1].facts["material"] == run.material != ""
    assert not (hub.settings.home / "runs" / run_id).exists(), "the data laid out for it are gone"


@needs_bwrap
def test_a_run_that_has_ended_is_left_alone(hub: Node, running: Callable[..., Run]) -> None:
    """Running it again, after a crash for instance, changes nothing and writes no second event."""
    run = running(WELL)
    carry_out(hub, run.id)
    assert find(hub, run.id) == run
    assert len(list(hub.ledger.events(about=run.id))) == 2


def test_the_same_spec_again_is_the_same_run(hub: Node) -> None:
    """One row and one event; another actor, seed or code is another run."""
    spec = spec_of(hub, WELL)
    first = submit(hub, spec, "researcher")
    assert submit(hub, spec, "researcher") == first
    assert submit(hub, spec, "other") != first
    assert submit(hub, replace(spec, seed=1), "researcher") != first
    assert submit(hub, spec_of(hub, WELL + "\n"), "researcher") != first
    assert len(runs(hub, ["j-mid"])) == 4
    assert runs(hub, ["basic"]) == ()
    assert len(runs_on(hub, [show(hub, "lungs").digest])) == 4


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ({"name": "../x"}, "name"),
        ({"command": ()}, "command"),
        ({"command": ("sh", "-c", "id")}, "command"),
        ({"command": ("python", "-m", "kaname.models.recipes.classify")}, "command"),
        ({"command": ("python", "/code/job.py", "a\0b")}, "command"),
        ({"command": ("python", "/code/job.py", *["x"] * 64)}, "command"),
        ({"command": ("python", "/code/job.py"), "trusted": True}, "command"),
        ({"command": ("python", "-m", "os"), "trusted": True}, "command"),
        ({"splits": ()}, "splits"),
        ({"splits": ("train", "train")}, "splits"),
        ({"splits": ("train", "test")}, "splits"),
        ({"code_digest": "x"}, "code"),
        ({"code_digest": "0" * 64}, "code"),
        ({"seed": -1}, "seed"),
        ({"memory_bytes": 1}, "memory_bytes"),
        ({"seconds": 0}, "seconds"),
    ],
)
def test_a_wrong_spec_is_refused_by_its_entry(hub: Node, entries: dict[str, Any], wrong: str) -> None:
    """Nothing is queued; a job never sees the test split, and trust is for recipes of this package."""
    with pytest.raises(Refused, match="run-invalid") as caught:
        submit(hub, spec_of(hub, WELL, **entries), "researcher")
    assert caught.value.facts["entry"] == wrong
    assert runs_waiting(hub) == ()


def test_a_run_needs_a_dataset_an_actor_and_code(hub: Node) -> None:
    """Each absence has its reason."""
    with pytest.raises(Refused, match="not-found"):
        submit(hub, spec_of(hub, WELL, version=2), "researcher")
    with pytest.raises(Refused, match="run-invalid"):
        submit(hub, spec_of(hub, WELL), "")
    for code in (b"", b"#" * (flow.CODE_BYTES + 1)):
        with pytest.raises(Refused, match="run-invalid"):
            keep_code(hub, code)
    with pytest.raises(Refused, match="not-found"):
        find(hub, "0" * 32)


@needs_bwrap
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.mkdir('/out/folder')", "output-not-allowed"),
        ("import os; os.symlink('/data/list.json', '/out/a.json')", "output-not-allowed"),
        ("import os; os.mkfifo('/out/pipe')", "output-not-allowed"),
        ("import os; open('/out/a', 'w').close(); os.link('/out/a', '/out/b')", "output-not-allowed"),
        ("import socket; socket.socket(socket.AF_UNIX).bind('/out/s')", "output-not-allowed"),
        ("open('/out/.hidden', 'w').close()", "output-not-allowed"),
        ("open('/out/肺.json', 'w').close()", "output-not-allowed"),
        ("for n in range(33): open(f'/out/{n}', 'w').close()", "output-too-large"),
    ],
)
def test_outputs_that_may_not_be_refuse_the_run(running: Callable[..., Run], code: str, reason: str) -> None:
    """Folders, links, devices, odd names, too many, too much: nothing of it is kept."""
    run = running(code)
    assert (run.state, run.reason, run.outputs) == ("refused", reason, ())


@needs_bwrap
def test_outputs_that_are_too_large_together_are_not_kept(running: Callable[..., Run]) -> None:
    """The job is stopped while it writes them, or refused when it has."""
    run = running("for n in range(3): open(f'/out/{n}', 'wb').truncate(300 << 20)")
    assert (run.state, run.reason) in {("refused", "output-too-large"), ("failed", "job-output")}
    assert run.outputs == ()


@needs_bwrap
@pytest.mark.parametrize(
    ("code", "entries", "reason"),
    [
        ("import sys; sys.exit(3)", {}, "job-failed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", {}, "job-failed"),
        ("while True: pass", {"seconds": 1}, "job-time"),
        ("while True: pass\n", {"seconds": 1, "seed": 2}, "job-time"),
        ("for n in range(100):\n open(f'/out/{n}', 'w').close()\nwhile True: pass", {}, "job-output"),
        (
            "import os\nfor n in range(100):\n if not os.fork():\n  while True: pass\nwhile True: pass",
            {},
            "job-processes",
        ),
        (
            THREE,
            {"memory_bytes": 100 << 20},
            "job-memory",
        ),
    ],
)
def test_a_job_that_fails_or_takes_too_much_is_stopped(
    running: Callable[..., Run], code: str, entries: dict[str, Any], reason: str
) -> None:
    """Time, memory of all processes together, their number, files: each limit has its reason."""
    run = running(code, **entries)
    assert (run.state, run.reason, run.outputs) == ("failed", reason, ())


@needs_bwrap
def test_a_long_log_is_cut_and_keeps_nobody_waiting(hub: Node, running: Callable[..., Run]) -> None:
    """The beginning is kept; the job writes on undisturbed."""
    run = running("import sys\nfor n in range(2000): print('x' * 1000)\nopen('/out/a.json', 'w').write('1')")
    assert run.state == "finished"
    log = hub.store.get(key_of(run.id, run.log))
    assert len(log) < 300_000
    assert log.endswith(CUT)


def test_where_there_is_no_sandbox_nobodys_code_runs(hub: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits, and says why; it goes on by itself once there is one."""
    monkeypatch.setattr(execute, "find_sandbox", lambda: None)
    run_id = submit(hub, spec_of(hub, WELL), "researcher")
    with pytest.raises(NotYet, match="sandbox-missing") as caught:
        carry_out(hub, run_id)
    assert caught.value.reason.waits_for == "time"
    assert (find(hub, run_id).state, find(hub, run_id).reason) == ("queued", "sandbox-missing")
    assert runs_waiting(hub) == (run_id,)


def test_where_there_is_no_sandbox_a_trusted_recipe_runs_and_says_so(
    hub: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kaname's own code runs unconfined, and its row says that nothing confined it."""
    monkeypatch.setattr(execute, "find_sandbox", lambda: None)
    monkeypatch.setattr(flow, "RECIPES", "this")
    run_id = submit(hub, spec_of(hub, WELL, command=THIS, trusted=True, code_digest="0" * 64), "researcher")
    carry_out(hub, run_id)
    run = find(hub, run_id)
    assert (run.state, run.sandbox) == ("finished", "none")
    assert b"Zen of Python" in hub.store.get(key_of(run.id, run.log))


def test_a_run_whose_data_are_gone_is_refused(hub: Node, running: Callable[..., Run]) -> None:
    """A subject withdrew after the freeze: the run ends with the reason, and delays nobody."""
    with reading(hub.index) as connection:
        for digest in connection.scalars(PACKS.select().with_only_columns(PACKS.c.digest)):
            hub.store.delete(pack_key(digest))
    run = running(WELL, trusted=False)
    assert (run.state, run.reason, run.sandbox) == ("refused", "object-missing", "")
    assert ended_runs(hub) == (), "it left nothing that could want out"


def test_data_that_go_while_they_are_laid_out_refuse_the_run(
    hub: Node, running: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal between the copy and the start of the job is seen."""
    real = execute.mount

    def mount_then_lose(*arguments: Any) -> object:
        mounted = real(*arguments)
        for pack in (mounted.folder / "packs").iterdir():
            hub.store.delete(pack_key(pack.stem))
        return mounted

    monkeypatch.setattr(execute, "mount", mount_then_lose)
    monkeypatch.setattr(execute, "find_sandbox", object)
    run = running(WELL)
    assert (run.state, run.reason) == ("refused", "object-missing")
    assert not (hub.settings.home / "runs" / run.id).exists()


def test_a_bug_of_ours_ends_the_run_too(running: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as what it is, and the list goes on."""

    def broken(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(execute, "mount", broken)
    monkeypatch.setattr(execute, "find_sandbox", object)
    run = running(WELL)
    assert (run.state, run.reason) == ("failed", "bug")


def in_project(hub: Node, **quota: int) -> str:
    """A run of an open project, submitted."""
    at = hub.clock.stamp()
    with changing(hub.index) as connection:
        make(connection, "univ", "Univ", "university", at)
        projects.make(connection, projects.drafted("ours", "Ours", "j-mid", "univ", at))
        projects.agree(connection, "ours", "a" * 64, "", at)
        projects.open_datasets(connection, "ours", ["lungs"], at)
        projects.grant_quota(connection, "ours", quota, at)
        projects.move(connection, "ours", "open", at)
    return submit(hub, spec_of(hub, WELL), "researcher", "ours")


def moved(hub: Node, state: projects.State) -> None:
    """Moves the project on."""
    with changing(hub.index) as connection:
        projects.move(connection, "ours", state, hub.clock.stamp())


def test_a_run_waits_while_its_project_is_suspended(hub: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs once the project is open again."""
    run_id = in_project(hub)
    moved(hub, "suspended")
    with pytest.raises(NotYet, match="project-suspended"):
        carry_out(hub, run_id)
    waiting = find(hub, run_id)
    assert (waiting.state, waiting.reason) == ("queued", "project-suspended")
    moved(hub, "open")
    monkeypatch.setattr(flow, "attempt_run", lambda _node, _run: Ended("finished"))
    carry_out(hub, run_id)
    assert (find(hub, run_id).state, find(hub, run_id).project) == ("finished", "ours")


def test_a_run_whose_project_was_closed_is_never_run(hub: Node) -> None:
    """It ends as refused, and leaves nothing."""
    run_id = in_project(hub)
    moved(hub, "closed")
    carry_out(hub, run_id)
    ended = find(hub, run_id)
    assert (ended.state, ended.reason, ended.outputs, ended.log) == ("refused", "project-closed", (), "")


def test_a_run_waits_once_the_time_of_its_project_is_used_up(hub: Node) -> None:
    """Also when it was submitted before that."""
    run_id = in_project(hub, seconds=5)
    with changing(hub.index) as connection:
        projects.grant_quota(connection, "ours", {"seconds": 0}, hub.clock.stamp())
    with pytest.raises(NotYet, match="quota-used"):
        carry_out(hub, run_id)
