"""``kaname train``: a recipe of Kaname's own on a frozen dataset."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.cli.options import home_of, home_option, json_option, show
from kaname.errors import Refused
from kaname.models.train import spec_of
from kaname.node import open_node
from kaname.settings import load


@click.command
@click.argument("recipe")
@click.option("--dataset", required=True, help="Name of the frozen dataset.")
@click.option("--version", type=click.IntRange(1), help="Number of the version; default: the newest.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of every draw of the training.")
@click.option("--by", default="operator", show_default=True, help="Who does this: a name as of a token.")
@home_option
@json_option
def train(recipe: str, dataset: str, version: int | None, seed: int, by: str, home: Path | None, as_json: bool) -> None:
    """Train RECIPE on a dataset version, in the sandbox; a serving node runs it. The same again is the same run."""
    from kaname.compute.flow import submit

    settings = load(home_of(home))
    if settings.role == "gateway":
        raise Refused("wrong-role")
    node = open_node(settings)
    run = submit(node, spec_of(node, recipe, dataset, version, seed), by)
    show({"run": run, "recipe": recipe, "dataset": dataset}, as_json=as_json)
