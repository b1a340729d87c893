"""``kaname user``: access tokens, and sign-ins to the console."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kaname.access.sessions import SIGNIN_MINUTES, make_signin, revoke_grants
from kaname.access.tokens import DUTIES, Duty, Grant, make_token
from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import open_node
from kaname.settings import load

F = Callable[..., Any]


def _grant_options(function: F) -> F:
    """Who, in which registries, with which duties."""
    for option in (
        click.option(
            "--duty",
            "duties",
            multiple=True,
            type=click.Choice(DUTIES),
            default=("browse",),
            show_default=True,
            help="What it permits; may be repeated.",
        ),
        click.option(
            "--registry", "permitted", multiple=True, required=True, help="Registry that it opens; may be repeated."
        ),
        click.option("--name", required=True, help="Who will use it (a short name for the ledger, no clear name)."),
    ):
        function = option(function)
    return function


@click.group
def user() -> None:
    """Access tokens and sign-ins."""


@user.command
@_grant_options
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


@user.command
@_grant_options
@click.option("--at", "address", default="", help="Address of the console, where a proxy stands before it.")
@home_option
@json_option
def signin(
    name: str, permitted: tuple[str, ...], duties: tuple[Duty, ...], address: str, home: Path | None, as_json: bool
) -> None:
    """Make an address that signs one person in to the console, once. It is shown once and kept nowhere."""
    node = open_node(load(home_of(home)))
    settings = node.settings
    if settings.role == "gateway":
        raise Refused("no-console")
    taken = registries(permitted)
    secret = make_signin(node.index, Grant(name, taken, duties), place="console", clock=node.clock)
    facts: dict[str, Json] = {"duties": list(duties), "registries": list(taken)}
    node.ledger.append("signin-made", name, actor="operator", facts=facts)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    console = address.rstrip("/") or f"http://{host}:{settings.port}"
    show({"address": f"{console}/signin?once={secret}", "minutes": SIGNIN_MINUTES}, as_json=as_json)


@user.command
@click.option("--name", required=True, help="Whose.")
@home_option
@json_option
def revoke(name: str, home: Path | None, as_json: bool) -> None:
    """Take every token, sign-in and open session from somebody, at once."""
    node = open_node(load(home_of(home)))
    gone = revoke_grants(node.index, name)
    facts: dict[str, Json] = {"revoked": gone}
    node.ledger.append("user-revoked", name, actor="operator", facts=facts)
    show(facts, as_json=as_json)
