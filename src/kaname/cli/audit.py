"""``kaname audit``: the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.cli.options import home_of, home_option, json_option, show
from kaname.ledger.canonical import Json
from kaname.node import open_node
from kaname.settings import load


@click.group
def audit() -> None:
    """The ledger: verify, show."""


@audit.command
@home_option
@json_option
def verify(home: Path | None, as_json: bool) -> None:
    """Walk the whole chain of events; the first that does not fit is named."""
    head = open_node(load(home_of(home))).ledger.verify()
    show({"events": head.sequence, "head": head.digest}, as_json=as_json)


@audit.command("show")
@click.option("--after", default=0, help="Number of the last event not wanted.")
@click.option("--action", help="Only events of this kind.")
@home_option
@json_option
def show_(after: int, action: str | None, home: Path | None, as_json: bool) -> None:
    """Show events in their order."""
    ledger = open_node(load(home_of(home))).ledger
    rows: list[Json] = [
        {"sequence": e.sequence, "at": e.at, "actor": e.actor, "action": e.action, "about": e.about, **e.facts}
        for e in ledger.events(after=after, action=action)
    ]
    show(rows, as_json=as_json)
