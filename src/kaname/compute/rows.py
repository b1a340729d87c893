"""Rows of runs: written once when submitted, once more when ended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, text, update

from kaname.compute.index import RUNS
from kaname.compute.model import Ended, Output, Run, RunSpec
from kaname.datasets.model import DatasetVersion
from kaname.errors import Refused
from kaname.ledger import Json, canonical

OPEN = ("queued", "running")
SUBMIT_LOCK = 0x72756E73
"""Key of the PostgreSQL advisory lock that puts submissions in a row (SQLite has the write lock)."""


def spec_json(spec: RunSpec) -> dict[str, Json]:
    """The spec as JSON has it."""
    fields: dict[str, Json] = json.loads(json.dumps(asdict(spec)))
    return fields


def is_new(connection: Connection, run_id: str) -> bool:
    """Whether there is no such run yet; submissions stand in a row from here to the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SUBMIT_LOCK})
    return connection.execute(select(RUNS.c.id).where(RUNS.c.id == run_id)).first() is None


def add(  # noqa: PLR0913 -- what a run is
    connection: Connection, run_id: str, spec: RunSpec, actor: str, dataset: DatasetVersion, *, project: str, at: str
) -> None:
    """Writes a new run down as queued."""
    connection.execute(
        insert(RUNS).values(
            id=run_id,
            spec=canonical(spec_json(spec)).decode(),
            name=spec.name,
            actor=actor,
            registry=dataset.question.registry,
            project=project,
            dataset=dataset.name,
            dataset_digest=dataset.digest,
            state="queued",
            submitted_at=at,
        )
    )


def of_id(connection: Connection, run_id: str) -> Run:
    """One run.

    Raises:
        Refused: ``not-found``.
    """
    row = connection.execute(select(RUNS).where(RUNS.c.id == run_id)).one_or_none()
    if row is None:
        raise Refused("not-found")
    return _run(row)


def of_registries(
    connection: Connection, registries: Iterable[str], limit: int, projects: Iterable[str] | None = None
) -> tuple[Run, ...]:
    """Runs on datasets of these registries, the newest first.

    Args:
        connection: A transaction.
        registries: Of which all runs are meant, or, with ``projects``, those in no project.
        limit: How many at most.
        projects: Of which all runs are meant, too; ``None`` makes no difference between projects.
    """
    query = select(RUNS).where(RUNS.c.registry.in_(list(registries)))
    if projects is not None:
        own = RUNS.c.registry.in_(list(registries)) & (RUNS.c.project == "")
        query = select(RUNS).where(own | RUNS.c.project.in_(list(projects)))
    rows = connection.execute(query.order_by(RUNS.c.submitted_at.desc(), RUNS.c.id).limit(limit))
    return tuple(_run(row) for row in rows)


def project_of(connection: Connection, run_id: str) -> str:
    """The project that a run was submitted in; empty for none, and for a run of another node."""
    return connection.scalar(select(RUNS.c.project).where(RUNS.c.id == run_id)) or ""


def seconds_of(connection: Connection, project: str) -> float:
    """How long the jobs of a project have run, all together."""
    return connection.scalar(select(func.sum(RUNS.c.seconds)).where(RUNS.c.project == project)) or 0.0


def on_datasets(connection: Connection, digests: Iterable[str]) -> tuple[Run, ...]:
    """Runs on these dataset versions, in the order of their submission."""
    query = select(RUNS).where(RUNS.c.dataset_digest.in_(list(digests)))
    return tuple(_run(row) for row in connection.execute(query.order_by(RUNS.c.submitted_at, RUNS.c.id)))


def open_ids(connection: Connection) -> tuple[str, ...]:
    """Runs that have not ended, in the order of their submission."""
    query = select(RUNS.c.id).where(RUNS.c.state.in_(OPEN)).order_by(RUNS.c.submitted_at, RUNS.c.id)
    return tuple(connection.scalars(query))


def begin(connection: Connection, run_id: str) -> None:
    """The run is under way."""
    connection.execute(
        update(RUNS).where(RUNS.c.id == run_id, RUNS.c.state.in_(OPEN)).values(state="running", reason="")
    )


def put_off(connection: Connection, run_id: str, reason: str) -> None:
    """The run waits again, and why."""
    values = {"state": "queued", "reason": reason}
    connection.execute(update(RUNS).where(RUNS.c.id == run_id, RUNS.c.state.in_(OPEN)).values(values))


def end(connection: Connection, run_id: str, ended: Ended, at: str) -> bool:
    """Writes down how a run ended; ``False`` when that was written before."""
    leaves = bool(ended.outputs or ended.log)
    done = connection.execute(
        update(RUNS)
        .where(RUNS.c.id == run_id, RUNS.c.state.in_(OPEN))
        .values(
            state=ended.state,
            reason=ended.reason,
            sandbox=ended.sandbox,
            material=ended.material,
            outputs=canonical([asdict(output) for output in ended.outputs]).decode(),
            log=ended.log,
            exit_code=ended.exit_code,
            seconds=ended.seconds,
            peak_bytes=ended.peak_bytes,
            handed="due" if leaves else "no",
            ended_at=at,
        )
    )
    return done.rowcount == 1


def due_ids(connection: Connection) -> tuple[str, ...]:
    """Ended runs that the airlock has not taken yet, in the order in which they ended."""
    query = select(RUNS.c.id).where(RUNS.c.handed == "due").order_by(RUNS.c.ended_at, RUNS.c.id)
    return tuple(connection.scalars(query))


def hand_on(connection: Connection, run_id: str) -> None:
    """The airlock has taken the run, if there was anything to take."""
    connection.execute(update(RUNS).where(RUNS.c.id == run_id, RUNS.c.handed == "due").values(handed="done"))


def _run(row: Row[*tuple[Any, ...]]) -> Run:
    return Run(
        id=row.id,
        spec=spec_of(json.loads(row.spec)),
        actor=row.actor,
        registry=row.registry,
        project=row.project,
        dataset_digest=row.dataset_digest,
        state=row.state,
        reason=row.reason,
        sandbox=row.sandbox,
        material=row.material,
        outputs=tuple(Output(**one) for one in json.loads(row.outputs)),
        log=row.log,
        exit_code=row.exit_code,
        seconds=row.seconds,
        peak_bytes=row.peak_bytes,
        submitted_at=row.submitted_at,
        ended_at=row.ended_at,
    )


def spec_of(fields: dict[str, Any]) -> RunSpec:
    """The spec that :func:`spec_json` wrote."""
    lists: dict[str, Any] = {"command": tuple(fields["command"]), "splits": tuple(fields["splits"])}
    return RunSpec(**(fields | lists))
