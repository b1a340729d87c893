"""``kaname model``: versions, packages, deployments, predictions."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from kaname.cli.options import home_of, home_option, json_option, show
from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.models import compare as comparing
from kaname.models import deploy as deploying
from kaname.models import flow, predict
from kaname.models.model import ModelVersion
from kaname.node import Node, open_node
from kaname.settings import load

by_option = click.option("--by", default="operator", show_default=True, help="Who does this: a name as of a token.")


@click.group
def model() -> None:
    """Models: list, show, compare, export, deploy, predict."""


def _open(home: Path | None) -> Node:
    settings = load(home_of(home))
    if settings.role == "gateway":
        raise Refused("wrong-role")
    return open_node(settings)


def _line(one: ModelVersion) -> dict[str, Json]:
    card = one.card
    return {
        "name": card.name,
        "version": card.version,
        "digest": card.digest,
        "dataset": f"{card.dataset_name} v{card.dataset_version}",
        "auc": one.evaluation["auc"],
    }


@model.command("list")
@home_option
@json_option
def list_(home: Path | None, as_json: bool) -> None:
    """List registered versions, and what is at work here."""
    node = _open(home)
    registries = node.settings.registries
    rows: list[Json] = [_line(one) for one in flow.versions(node, registries)]
    work: list[Json] = [
        {"name": d.card.name, "version": d.card.version, "digest": d.card.digest, "deployed_at": d.deployed_at}
        for d in flow.at_work(node, registries)
    ]
    if as_json:
        show({"versions": rows, "at_work": work}, as_json=True)
    else:
        show(rows + work, as_json=False)


@model.command("show")
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="Number of the version; default: the newest.")
@home_option
@json_option
def show_(name: str, version: int | None, home: Path | None, as_json: bool) -> None:
    """Show a version: what it was made from, and how it was judged."""
    show(flow.show(_open(home), name, version).to_json(), as_json=as_json)


@model.command
@click.argument("name")
@click.argument("first", type=click.IntRange(1))
@click.argument("second", type=click.IntRange(1))
@home_option
@json_option
def compare(name: str, first: int, second: int, home: Path | None, as_json: bool) -> None:
    """Compare versions FIRST and SECOND on the test set that was sealed before either was trained."""
    found: Json = json.loads(json.dumps(asdict(comparing.compare(_open(home), name, first, second))))
    show(found, as_json=as_json)


@model.command
@click.argument("name")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--version", type=click.IntRange(1), help="Number of the version; default: the newest.")
@by_option
@home_option
@json_option
def export(name: str, target: Path, version: int | None, by: str, home: Path | None, as_json: bool) -> None:
    """Write a version that the airlock let go into the package TARGET, signed by this node."""
    card = deploying.export(_open(home), name, version, target, actor=by)
    show({"name": card.name, "version": card.version, "digest": card.digest, "package": str(target)}, as_json=as_json)


@model.command
@click.argument("package", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by_option
@home_option
@json_option
def deploy(package: Path, by: str, home: Path | None, as_json: bool) -> None:
    """Put the model of PACKAGE to work on what arrives here from now on."""
    done = deploying.deploy(_open(home), package, actor=by)
    show(
        {
            "name": done.card.name,
            "version": done.card.version,
            "digest": done.card.digest,
            "signer": done.signer,
            "deployed_at": done.deployed_at,
        },
        as_json=as_json,
    )


@model.command("predict")
@click.argument("digest")
@click.argument("study")
@home_option
@json_option
def predict_(digest: str, study: str, home: Path | None, as_json: bool) -> None:
    """Run the deployed model DIGEST on STUDY (a Study Instance UID) now."""
    show({"packs": list(predict.predict_study(_open(home), digest, study))}, as_json=as_json)
