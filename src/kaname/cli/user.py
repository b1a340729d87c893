"""``kaname user``: access tokens."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.access.tokens import make_token
from kaname.cli.options import home_of, home_option, json_option, registries, show
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
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366), help="Days that it is valid.")
@home_option
@json_option
def token(name: str, permitted: tuple[str, ...], days: int, home: Path | None, as_json: bool) -> None:
    """Make a token for DICOMweb and the API. It is shown once and kept nowhere."""
    node = open_node(load(home_of(home)))
    secret = make_token(node.index, name=name, registries=registries(permitted), days=days, clock=node.clock)
    node.ledger.append("token-made", name, actor="operator", facts={"registries": list(permitted), "days": days})
    show({"token": secret, "days": days}, as_json=as_json)
