"""``kaname airlock``: what may leave a run, and who says so."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from kaname.airlock import flow
from kaname.airlock.model import Request, State
from kaname.cli.options import home_of, home_option, json_option, show
from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.node import Node, open_node
from kaname.settings import load

by_option = click.option("--by", required=True, help="Who does this: a name as of a token.")


@click.group
def airlock() -> None:
    """The airlock: list, look, review, cancel."""


@airlock.command("list")
@click.option("--state", type=click.Choice(get_args(State)), help="Only requests in this state.")
@home_option
@json_option
def list_(state: State | None, home: Path | None, as_json: bool) -> None:
    """Show the requests for release, the newest first."""
    node = _open(home)
    show([_row(request) for request in flow.requests(node, node.settings.registries, state)], as_json=as_json)


@airlock.command
@click.argument("request_id", metavar="ID")
@click.argument("name")
@home_option
def look(request_id: str, name: str, home: Path | None) -> None:
    """Show a file of request ID before deciding: NAME is log, or that of a .json file."""
    click.echo(flow.look(_open(home), request_id, name).decode(errors="replace"), nl=False)


@airlock.command
@click.argument("request_id", metavar="ID")
@click.option("--approve/--reject", "approve", default=None, help="The decision.")
@click.option("--reason", required=True, help="Why, in one sentence; kept with the request.")
@by_option
@home_option
@json_option
def review(request_id: str, approve: bool | None, reason: str, by: str, home: Path | None, as_json: bool) -> None:
    """Decide about request ID. Whoever asked cannot decide."""
    if approve is None:
        raise click.UsageError("Give --approve or --reject.")
    show(_row(flow.review(_open(home), request_id, approve=approve, actor=by, reason=reason)), as_json=as_json)


@airlock.command
@click.argument("request_id", metavar="ID")
@by_option
@home_option
@json_option
def cancel(request_id: str, by: str, home: Path | None, as_json: bool) -> None:
    """Take request ID back, before it is decided."""
    show(_row(flow.cancel(_open(home), request_id, by)), as_json=as_json)


def _open(home: Path | None) -> Node:
    settings = load(home_of(home))
    if settings.role != "cloud":  # nowhere else does the worker run jobs
        raise Refused("wrong-role")
    return open_node(settings)


def _row(request: Request) -> dict[str, Json]:
    fields: dict[str, Json] = json.loads(json.dumps(asdict(request)))
    return fields
