"""``kaname user``: access tokens."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.access.tokens import DUTIES, Duty, make_token
from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.ledger import Json
from kaname.node import open_node
from kaname.settings import load


@click.group
def user() -> None:
    """Access tokens."""


@user.command
@click.option("--name", required=True, help="Who will use it (a short name for the ledger, no clear name).")
@click.option(
    "--registry", "permitted", multiple=True, required=True, help="Registry that it may read; may be repeated."
)
@click.option(
    "--duty",
    "duties",
    multiple=True,
    type=click.Choice(DUTIES),
    default=("browse",),
    show_default=True,
    help="What it permits; may be repeated.",
)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366), help="Days that it is valid.")
@home_option
@json_option
def token(
    name: str, permitted: tuple[str, ...], duties: tuple[Duty, ...], days: int, home: Path | None, as_json: bool
) -> None:
    """Make a token for DICOMweb and the API. It is shown once and kept nowhere."""
    node = open_node(load(home_of(home)))
    taken = registries(permitted)
    secret = make_token(node.index, name=name, registries=taken, days=days, clock=node.clock, duties=duties)
    facts: dict[str, Json] = {"days": days, "duties": list(duties), "registries": list(taken)}
    node.ledger.append("token-made", name, actor="operator", facts=facts)
    show({"token": secret, "days": days}, as_json=as_json)
