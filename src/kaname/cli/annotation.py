"""``kaname annotation``: tasks, agreement, settled labels. Readings come in by the API alone: each has its reader."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from kaname.annotation import exchange, flow
from kaname.annotation.marks import marked_json
from kaname.annotation.model import Task
from kaname.annotation.questions import question_json
from kaname.cli.options import home_of, home_option, json_option, show
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical
from kaname.node import Node, open_node
from kaname.settings import load


@click.group
def annotation() -> None:
    """Readers' tasks: make, show, agreement, export, resend."""


@annotation.command
@click.argument("name")
@click.option("--registry", required=True, help="Whose series; its file says what is asked.")
@click.option("--modality", default="", help="Only series of this modality, e.g. CT.")
@click.option("--series", multiple=True, help="Only this Series Instance UID; may be repeated.")
@home_option
@json_option
def make(name: str, registry: str, modality: str, series: tuple[str, ...], home: Path | None, as_json: bool) -> None:
    """Make the task NAME of what the archive holds, or add to it what came since."""
    node = _open(home)
    made = flow.make(node, name, registry, modality=modality, series=series, actor="operator")
    counts: dict[str, Json] = {"cases": made.cases, "added": made.added, "without_frames": made.without_frames}
    show(_row(made.task) | counts, as_json=as_json)


@annotation.command("show")
@click.argument("name", required=False)
@home_option
@json_option
def show_(name: str | None, home: Path | None, as_json: bool) -> None:
    """Show every task, or the task NAME, with its open, disputed and settled cases."""
    node = _open(home)
    found = flow.tasks(node, node.settings.registries) if name is None else (flow.task_of(node, name),)
    listed: list[Json] = [_row(task) | asdict(flow.progress(node, task.name)) for task in found]
    show(listed[0] if name else listed, as_json=as_json)


@annotation.command
@click.argument("name")
@home_option
@json_option
def agreement(name: str, home: Path | None, as_json: bool) -> None:
    """How far every two readers of NAME agree: share of cases, Cohen's kappa with its 95 % interval."""
    show([_plain(asdict(pair)) for pair in flow.agreement(_open(home), name)], as_json=as_json)


@annotation.command
@click.argument("name")
@home_option
@json_option
def export(name: str, home: Path | None, as_json: bool) -> None:
    """Print the settled labels of NAME with the marks that decided."""
    labels = flow.labels(_open(home), name)
    show([asdict(label) | {"marks": marked_json(label.marks)} for label in labels], as_json=as_json)


@annotation.command
@click.argument("name")
@home_option
@json_option
def resend(name: str, home: Path | None, as_json: bool) -> None:
    """Have cases of NAME told upstream again that upstream refused."""
    show({"cases": exchange.resend(_open(home), name, actor="operator")}, as_json=as_json)


def _open(home: Path | None) -> Node:
    settings = load(home_of(home))
    if settings.role == "gateway":
        raise Refused("wrong-role")
    return open_node(settings)


def _row(task: Task) -> dict[str, Json]:
    question = question_json(task.question)
    return {
        "name": task.name,
        "registry": task.registry,
        "readers": task.readers,
        "question": question,
        "made_at": task.made_at,
    }


def _plain(value: dict[str, Json]) -> dict[str, Json]:
    """As JSON reads it back: tuples are lists."""
    return json.loads(canonical(value))
