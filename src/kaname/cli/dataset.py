"""``kaname dataset``: frozen lists."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from kaname.annotation.marks import marked_json
from kaname.cli.options import home_of, home_option, json_option, show
from kaname.datasets import flow
from kaname.datasets import verify as verification
from kaname.datasets.listing import counts
from kaname.datasets.model import DatasetVersion, Frozen
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical
from kaname.node import Node, open_node
from kaname.settings import load

version_option = click.option("--version", type=click.IntRange(1), help="Number of the version; default: the newest.")


@click.group
def dataset() -> None:
    """Frozen datasets: freeze, show, diff, verify."""


@dataset.command
@click.argument("name")
@click.option("--registry", required=True, help="Whose series.")
@click.option("--modality", help="Only series of this modality, e.g. CT.")
@click.option("--task", default="", help="Annotation task: freeze its settled labels and marks, and only what has one.")
@home_option
@json_option
def freeze(name: str, registry: str, modality: str | None, task: str, home: Path | None, as_json: bool) -> None:
    """Freeze all series that the question asks for into the next version of NAME.

    Every subject is in one split: train, validation or test (8 : 1 : 1). The same content again is the version that has
    it: no new one is made.
    """
    node = _open(home)
    found = flow.freeze(node, name, registry, modality, task=task, actor="operator")
    show(_row(found) | _splits(flow.content(node, found)), as_json=as_json)


@dataset.command("show")
@click.argument("name", required=False)
@version_option
@click.option(
    "--members",
    is_flag=True,
    help="List series, labels with their marks, clinical items and holes, too.",
)
@home_option
@json_option
def show_(name: str | None, version: int | None, members: bool, home: Path | None, as_json: bool) -> None:
    """Show every dataset, every version of NAME, or one version with its splits and labels."""
    node = _open(home)
    if name is None:
        show([_row(found) for found in flow.names(node, node.settings.registries)], as_json=as_json)
    elif version is None and not members:
        show([_row(found) for found in flow.versions(node, name)], as_json=as_json)
    else:
        found = flow.show(node, name, version)
        frozen = flow.content(node, found)
        listed: dict[str, Json] = {
            "members": [asdict(member) for member in frozen.members],
            "labelled": [asdict(label) | {"marks": marked_json(label.marks)} for label in frozen.labels],
            "items": [{**asdict(record), "items": dict(record.items)} for record in frozen.items],
            "holes": [_plain(asdict(hole)) for hole in frozen.holes],
        }
        show(_row(found) | _splits(frozen) | (listed if members else {}), as_json=as_json)


@dataset.command
@click.argument("name")
@click.argument("earlier", type=click.IntRange(1))
@click.argument("later", type=click.IntRange(1))
@home_option
@json_option
def diff(name: str, earlier: int, later: int, home: Path | None, as_json: bool) -> None:
    """What changed from version EARLIER of NAME to version LATER."""
    show(_plain(asdict(flow.diff(_open(home), name, earlier, later))), as_json=as_json)


@dataset.command
@click.argument("name")
@version_option
@home_option
@json_option
def verify(name: str, version: int | None, home: Path | None, as_json: bool) -> None:
    """Check the list of NAME, every byte it names, and that what its holes name is really gone."""
    found = verification.verify(_open(home), name, version)
    show(_row(found.dataset) | {"packs": found.packs, "gone": found.gone}, as_json=as_json)


def _open(home: Path | None) -> Node:
    settings = load(home_of(home))
    if settings.role == "gateway":
        raise Refused("wrong-role")
    return open_node(settings)


def _row(found: DatasetVersion) -> dict[str, Json]:
    return _plain(asdict(found))


def _splits(frozen: Frozen) -> dict[str, Json]:
    """Subjects, instances and labelled frames of each split."""
    return {
        "splits": {
            part.split: {"subjects": part.subjects, "instances": part.instances, "labels": {**part.labels}}
            for part in counts(frozen)
        }
    }


def _plain(value: dict[str, Json]) -> dict[str, Json]:
    """As JSON reads it back: tuples are lists."""
    return json.loads(canonical(value))
