"""``kaname archive``: is everything still what it was?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kaname.cli.options import home_of, home_option, json_option, show
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node, open_node
from kaname.settings import load


@click.group
def archive() -> None:
    """The archive: verify, rebuild."""


@archive.command
@home_option
@json_option
def verify(home: Path | None, as_json: bool) -> None:
    """Read and hash every pack and series index; damaged and missing ones are named, here and in the ledger."""
    from kaname.archive.verify import verify as look

    found = look(_node(home))
    result: dict[str, Json] = {
        "packs": found.packs,
        "size_bytes": found.size_bytes,
        "damaged": list(found.damaged),
        "missing": list(found.missing),
    }
    show(result, as_json=as_json)
    if found.damaged or found.missing:
        sys.exit(1)


@archive.command
@home_option
@json_option
def rebuild(home: Path | None, as_json: bool) -> None:
    """Make the catalogue again from packs, intake's rows and the ledger. Stop `kaname serve` first."""
    from kaname.archive.rebuild import rebuild as make_again

    show({"parcels": make_again(_node(home))}, as_json=as_json)


def _node(home: Path | None) -> Node:
    settings = load(home_of(home))
    if settings.role == "gateway":
        raise Refused("wrong-role")
    return open_node(settings)
