"""One attempt at a run: lay out the data, run the job between its walls, keep what it left. Nothing stays behind.

An attempt has a folder of its own under ``HOME/runs``. What a killed attempt left is removed before the next one
begins, data first of all.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from kaname.compute.model import Ended, Output, Run
from kaname.compute.outputs import MOST_BYTES, MOST_FILES, collect, keep_log
from kaname.compute.sandbox import Place, Sandbox, confined, find_sandbox
from kaname.compute.watch import TAKEN_AWAY, Limits, watched
from kaname.datasets.flow import show
from kaname.datasets.loader import LIST
from kaname.datasets.mount import mount
from kaname.errors import NotYet, Refused
from kaname.node import Node
from kaname.pack import pack_key

CODE = "job.py"
PYTHON = ("-B", "-s", "-P")
"""No bytecode is written, no packages of the user's own, nothing from the working folder."""


def code_key(digest: str) -> str:
    """Where a submitted job rests in the store."""
    return f"code/{digest}"


def attempt_run(node: Node, run: Run) -> Ended:
    """Runs a run's job to its end.

    Raises:
        NotYet: ``sandbox-missing`` when the job is not trusted and there is no sandbox; ``storage-full``,
            ``storage-unreachable``.
    """
    sandbox = find_sandbox()
    if sandbox is None and not run.spec.trusted:
        raise NotYet("sandbox-missing")
    with _place(node, run) as place:
        try:
            mounted = mount(node, show(node, run.spec.dataset, run.spec.version), place.data, run.spec.splits)
            _look_again(node, place)
            _lay_code(node, run, place)
        except Refused as error:
            return Ended("refused", error.code)
        material = place.data / LIST
        command, environment = _command(node, run, place, sandbox), _environment(run, place, sandbox)
        seen = watched(command, environment, place.out, _limits(run), material.exists)
        if seen.broken == TAKEN_AWAY or not material.exists():
            return Ended("refused", TAKEN_AWAY)
        outputs, reason = _outputs(node, run, place) if not seen.broken and not seen.exit_code else ((), "")
        log = keep_log(node.store, run.id, seen.log)
    failed = seen.broken or ("job-failed" if seen.exit_code else "")
    return Ended(
        state="failed" if failed else "refused" if reason else "finished",
        reason=failed or reason,
        sandbox="bubblewrap" if sandbox else "none",
        material=mounted.digest,
        outputs=outputs,
        log=log,
        exit_code=seen.exit_code,
        seconds=round(seen.seconds, 3),
        peak_bytes=seen.peak_bytes,
    )


def take_away(node: Node, run_id: str) -> None:
    """Removes the data laid out for a run that may be under way: its job is stopped, and leaves nothing."""
    for attempt in (node.settings.home / "runs" / run_id).glob("*"):
        _remove(attempt / "data")


def clear(node: Node, run_id: str) -> None:
    """Removes every folder of a run's attempts; to be called when none is under way."""
    _remove(node.settings.home / "runs" / run_id)


@contextmanager
def _place(node: Node, run: Run) -> Generator[Place]:
    clear(node, run.id)
    place = Place((node.settings.home / "runs" / run.id / node.clock.new_id()).resolve())
    place.root.mkdir(parents=True)
    (node.settings.home / "runs").chmod(0o700)
    place.code.mkdir()
    place.out.mkdir()
    try:
        yield place
    finally:
        clear(node, run.id)


def _look_again(node: Node, place: Place) -> None:
    """A withdrawal deletes packs first and takes laid out data away afterwards: one of both catches every copy.

    Raises:
        Refused: ``object-missing``.
    """
    for pack in (place.data / "packs").iterdir():
        if node.store.size(pack_key(pack.stem)) is None:
            raise Refused("object-missing", pack=pack.stem)


def _lay_code(node: Node, run: Run, place: Place) -> None:
    if not run.spec.trusted:
        (place.code / CODE).write_bytes(node.store.get(code_key(run.spec.code_digest)))


def _outputs(node: Node, run: Run, place: Place) -> tuple[tuple[Output, ...], str]:
    """What was collected, or why nothing was."""
    try:
        return collect(node.store, run.id, place.out), ""
    except Refused as error:
        return (), error.code


def _limits(run: Run) -> Limits:
    # One file and one byte more than may be kept: what is just too much is refused by name, not killed on its way.
    return Limits(run.spec.seconds, run.spec.memory_bytes, output_files=MOST_FILES + 1, output_bytes=MOST_BYTES + 1)


def _command(node: Node, run: Run, place: Place, sandbox: Sandbox | None) -> list[str]:
    python = [sys.executable, *PYTHON]
    limits = [str(run.spec.memory_bytes), str(MOST_BYTES)]
    program = [*python, "-m", "kaname.compute.start", *limits, *python, *run.spec.command[1:]]
    if sandbox is None:
        return program
    hidden = [node.settings.home.resolve()]
    if node.settings.objects and "://" not in node.settings.objects:
        hidden.append(Path(node.settings.objects).resolve())
    return confined(sandbox, place, program, _environment(run, place, sandbox), hidden)


def _environment(run: Run, place: Place, sandbox: Sandbox | None) -> dict[str, str]:
    """All that the job finds in its environment. One thread: the same run gives the same bytes."""
    data, out = ("/data", "/out") if sandbox else (str(place.data), str(place.out))
    return {
        "KANAME_DATA": data,
        "KANAME_OUT": out,
        "KANAME_SEED": str(run.spec.seed),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "HOME": "/tmp" if sandbox else str(place.code),  # noqa: S108 -- the sandbox's own
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin",
    }


def _remove(folder: Path) -> None:
    """Removes a folder, also where a job took the rights from its own folders."""
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise NotYet("storage-unreachable")
