"""The verbs of compute: submit a run, run it, see what became of it. Submitting or running again changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import get_args

from sqlalchemy import Connection

from kaname.access.projects import Project, need_open
from kaname.access.projects import find as find_project
from kaname.compute import rows
from kaname.compute.execute import attempt_run, code_key
from kaname.compute.model import Ended, Run, RunSpec
from kaname.compute.outputs import key_of
from kaname.database import reading, writing
from kaname.datasets.flow import NAME, show
from kaname.datasets.model import Split
from kaname.errors import NotYet, Refused
from kaname.ledger import Json, canonical
from kaname.node import Node
from kaname.store import digest_bytes
from kaname.work import Do, Outcome, shielded

DIGEST = re.compile(r"[0-9a-f]{64}")
ID_DIGITS = 32
CODE_BYTES = 512 << 10
JOB = "/code/job.py"
RECIPES = "kaname.models."
"""Where trusted recipes are."""
LEAST_BYTES, MOST_BYTES = 64 << 20, 1 << 40
MOST_SECONDS = 7 * 24 * 3600
MOST_WORDS, MOST_COMMAND_BYTES = 64, 4096
MOST_SEED = 2**32 - 1


def keep_code(node: Node, code: bytes) -> str:
    """Keeps a job that somebody brings, one Python file; returns its digest, for ``RunSpec.code_digest``.

    Raises:
        Refused: ``run-invalid`` when it is empty or longer than 512 KiB.
        NotYet: ``storage-full``, ``storage-unreachable``.
    """
    if not 0 < len(code) <= CODE_BYTES:
        raise Refused("run-invalid", entry="code", bytes=len(code))
    digest = digest_bytes(code)
    node.store.put(code_key(digest), code)
    return digest


def submit(node: Node, spec: RunSpec, actor: str, project: str = "") -> str:
    """Puts a run on the list; returns its id. The same spec by the same actor in the same project is the same run.

    Args:
        node: A node of the de-identified side.
        spec: What is to be run.
        actor: Who asks.
        project: That the run belongs to; empty for the registry's own.

    Raises:
        Refused: ``run-invalid`` with the ``entry`` of the spec that is wrong; ``not-found`` when there is no such
            version of a dataset, or no such project in its registry; ``project-dataset`` when it does not open it.
        Forbidden: ``project-closed``.
        NotYet: ``quota-used``, ``storage-full``, ``index-busy``.
    """
    wrong = _wrong_entry(node, spec)
    if wrong or not actor:
        raise Refused("run-invalid", entry=wrong or "actor")
    dataset = show(node, spec.dataset, spec.version)
    told: dict[str, Json] = {"actor": actor, "spec": rows.spec_json(spec)}
    if project:
        told["project"] = project
    run_id = digest_bytes(canonical(told))[:ID_DIGITS]
    facts: dict[str, Json] = {
        "code": spec.code_digest,
        "dataset": dataset.digest,
        "project": project,
        "registry": dataset.question.registry,
        "seed": spec.seed,
        "splits": list(spec.splits),
        "trusted": spec.trusted,
    }
    with writing(node.index) as connection:
        if rows.is_new(connection, run_id):
            at = node.clock.stamp()
            if project:
                _admitted(connection, need_open(connection, project, dataset.question.registry, at), spec)
            rows.add(connection, run_id, spec, actor, dataset, project=project, at=at)
            node.ledger.append("run-submitted", run_id, actor=actor, facts=facts, connection=connection)
    return run_id


def runs_waiting(node: Node) -> tuple[str, ...]:
    """Ids of runs that have not ended, in the order of their submission."""
    with reading(node.index) as connection:
        return rows.open_ids(connection)


def run_job(node: Node, do: Do, run_id: Json) -> Json:
    """The worker's flow: one durable step. Killed anywhere, the job is run again from its beginning."""
    return do(partial(carry_out, node), run_id)


def carry_out(node: Node, run_id: str) -> Json:
    """Runs a run and writes down how it ended; one that has ended already is left alone. Returns state and reason.

    Raises:
        Refused: ``not-found``.
        NotYet: ``project-suspended``, ``quota-used``, ``sandbox-missing``, ``storage-full``, ``storage-unreachable``,
            ``index-busy``.
    """
    run = find(node, run_id)
    if run.state in rows.OPEN:
        with writing(node.index) as connection:
            rows.begin(connection, run_id)
        try:
            ended = shielded(_attempt, node, run)
        except NotYet as error:
            with writing(node.index) as connection:
                rows.put_off(connection, run_id, error.code)
            raise
        if isinstance(ended, Outcome):
            ended = Ended("refused" if ended.state == "refused" else "failed", ended.reason)
        end(node, run, ended)
        run = find(node, run_id)
    return {"run": run_id, "state": run.state, "reason": run.reason}


def find(node: Node, run_id: str) -> Run:
    """One run.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        return rows.of_id(connection, run_id)


def runs(
    node: Node, registries: Iterable[str], limit: int = 100, projects: Iterable[str] | None = None
) -> tuple[Run, ...]:
    """Runs on datasets of these registries, the newest first.

    With ``projects``: the registries' own, in no project, and all of those projects.
    """
    with reading(node.index) as connection:
        return rows.of_registries(connection, registries, limit, projects)


def project_of(node: Node, run_id: str) -> str:
    """The project that a run was submitted in; empty for none, and for a run of another node."""
    with reading(node.index) as connection:
        return rows.project_of(connection, run_id)


def seconds_used(node: Node, project: str) -> float:
    """How long the jobs of a project have run, all together."""
    with reading(node.index) as connection:
        return rows.seconds_of(connection, project)


def runs_on(node: Node, dataset_digests: Iterable[str]) -> tuple[Run, ...]:
    """Every run on one of these dataset versions: what may have seen a subject that they name."""
    with reading(node.index) as connection:
        return rows.on_datasets(connection, dataset_digests)


def ended_runs(node: Node) -> tuple[str, ...]:
    """Ids of ended runs that left something and that the airlock has not taken yet."""
    with reading(node.index) as connection:
        return rows.due_ids(connection)


def end(node: Node, run: Run, ended: Ended) -> None:
    """Writes down how a run ended. One that a withdrawal has ended meanwhile stays so, and leaves nothing.

    Raises:
        NotYet: ``storage-unreachable``, ``index-busy``.
    """
    facts: dict[str, Json] = {
        "exit_code": ended.exit_code,
        "log": ended.log,
        "material": ended.material,
        "outputs": [{"digest": output.digest, "size_bytes": output.size_bytes} for output in ended.outputs],
        "reason": ended.reason,
        "sandbox": ended.sandbox,
        "state": ended.state,
    }
    with writing(node.index) as connection:
        if rows.end(connection, run.id, ended, node.clock.stamp()):
            node.ledger.append("run-ended", run.id, actor=node.settings.name, facts=facts, connection=connection)
            return
    known = find(node, run.id)
    for digest in {*_left(ended)} - {*_left(known)}:
        node.store.delete(key_of(run.id, digest))


def _admitted(connection: Connection, project: Project, spec: RunSpec) -> None:
    """Returns when a project may run something on that dataset now.

    Raises:
        Refused: ``project-dataset``.
        NotYet: ``quota-used``.
    """
    if spec.dataset not in project.datasets:
        raise Refused("project-dataset")
    most = project.quota.get("seconds")
    if most is not None and rows.seconds_of(connection, project.id) >= most:
        raise NotYet("quota-used")


def _attempt(node: Node, run: Run) -> Ended:
    """One attempt, when the run's project still stands: it may have been suspended or closed while the run waited."""
    if run.project:
        with reading(node.index) as connection:
            project = find_project(connection, run.project)
            state = project.standing(node.clock.stamp())
            if state == "suspended":
                raise NotYet("project-suspended")
            if state != "open":
                return Ended("refused", "project-closed")
            _admitted(connection, project, run.spec)
    return attempt_run(node, run)


def _left(ended: Ended | Run) -> tuple[str, ...]:
    """Digests of what it kept."""
    return tuple(digest for digest in (*(output.digest for output in ended.outputs), ended.log) if digest)


def _wrong_entry(node: Node, spec: RunSpec) -> str:
    """Name of the first entry that cannot be; empty when all can."""
    splits: tuple[Split, ...] = get_args(Split)
    checks = {
        "name": bool(NAME.fullmatch(spec.name)),
        "command": _is_command(spec),
        "splits": 0 < len(spec.splits) == len(set(spec.splits)) and set(spec.splits) <= set(splits) - {"test"},
        "code": bool(DIGEST.fullmatch(spec.code_digest))
        and (spec.trusted or node.store.size(code_key(spec.code_digest)) is not None),
        "seed": 0 <= spec.seed <= MOST_SEED,
        "memory_bytes": LEAST_BYTES <= spec.memory_bytes <= MOST_BYTES,
        "seconds": 0 < spec.seconds <= MOST_SECONDS,
    }
    return next((name for name, good in checks.items() if not good), "")


def _is_command(spec: RunSpec) -> bool:
    """``python /code/job.py …`` of what somebody brought, ``python -m kaname.models.… …`` of a trusted recipe."""
    words = spec.command
    if len(words) > MOST_WORDS or sum(len(word.encode()) for word in words) > MOST_COMMAND_BYTES:
        return False
    if any("\0" in word for word in words):
        return False
    if spec.trusted:
        return words[:2] == ("python", "-m") and len(words) > 2 and words[2].startswith(RECIPES)  # noqa: PLR2004
    return words[:2] == ("python", JOB)
