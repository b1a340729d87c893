"""``kaname job``: programs that travel to the data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from kaname.airlock.flow import log_of
from kaname.cli.options import home_of, home_option, json_option, show
from kaname.compute import flow
from kaname.compute.model import MEMORY_BYTES, SECONDS, Run, RunSpec
from kaname.datasets.flow import show as show_dataset
from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.node import Node, open_node
from kaname.settings import load

by_option = click.option("--by", default="operator", show_default=True, help="Who does this: a name as of a token.")


@click.group
def job() -> None:
    """Jobs on frozen datasets, in a sandbox: submit, list, show, logs."""


@job.command
@click.argument("code", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", nargs=-1)
@click.option("--dataset", required=True, help="Name of the frozen dataset.")
@click.option("--version", type=click.IntRange(1), help="Number of the version; default: the newest.")
@click.option("--name", help="Name of the run; default: that of the file.")
@click.option("--seed", type=click.IntRange(0, flow.MOST_SEED), default=0, help="The job's KANAME_SEED.")
@click.option("--memory-mib", type=click.IntRange(64), default=MEMORY_BYTES >> 20, show_default=True)
@click.option("--seconds", type=click.IntRange(1), default=SECONDS, show_default=True, help="Longest time.")
@click.option("--project", default="", help="Project that it is submitted in; default: the registry's own.")
@by_option
@home_option
@json_option
def submit(
    code: Path,
    arguments: tuple[str, ...],
    dataset: str,
    version: int | None,
    name: str | None,
    seed: int,
    memory_mib: int,
    seconds: int,
    project: str,
    by: str,
    home: Path | None,
    as_json: bool,
) -> None:
    """Submit CODE, one Python file, with ARGUMENTS; a serving node runs it.

    It finds the training and validation data in the folder that KANAME_DATA names, and leaves .onnx, .safetensors and
    .json files in the one that KANAME_OUT names. There is no network. The same job again is the same run.
    """
    node = _open(home)
    spec = RunSpec(
        name=name or code.stem,
        command=("python", flow.JOB, *arguments),
        dataset=dataset,
        version=show_dataset(node, dataset, version).version,
        splits=("train", "validation"),
        code_digest=flow.keep_code(node, code.read_bytes()),
        seed=seed,
        memory_bytes=memory_mib << 20,
        seconds=seconds,
    )
    show(_row(flow.find(node, flow.submit(node, spec, by, project))), as_json=as_json)


@job.command("list")
@home_option
@json_option
def list_(home: Path | None, as_json: bool) -> None:
    """Show the runs, the newest first."""
    node = _open(home)
    rows: list[Json] = [
        {
            "id": run.id,
            "name": run.spec.name,
            "project": run.project,
            "dataset": run.spec.dataset,
            "version": run.spec.version,
            "state": run.state,
            "reason": run.reason,
            "sandbox": run.sandbox,
            "by": run.actor,
            "submitted_at": run.submitted_at,
        }
        for run in flow.runs(node, node.settings.registries)
    ]
    show(rows, as_json=as_json)


@job.command("show")
@click.argument("run_id", metavar="ID")
@home_option
@json_option
def show_(run_id: str, home: Path | None, as_json: bool) -> None:
    """Show one run: what it was, how it ended, its outputs by digest."""
    show(_row(flow.find(_open(home), run_id)), as_json=as_json)


@job.command
@click.argument("run_id", metavar="ID")
@home_option
def logs(run_id: str, home: Path | None) -> None:
    """Show what the job of run ID printed, once it has passed the airlock."""
    click.echo(log_of(_open(home), run_id).decode(errors="replace"), nl=False)


def _open(home: Path | None) -> Node:
    settings = load(home_of(home))
    if settings.role != "cloud":  # nowhere else does the worker run jobs
        raise Refused("wrong-role")
    return open_node(settings)


def _row(run: Run) -> dict[str, Json]:
    fields: dict[str, Json] = json.loads(json.dumps(asdict(run)))
    return fields
