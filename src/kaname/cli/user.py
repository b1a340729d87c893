"""``kaname user``: people with a password, one-time sign-ins to the console, and access tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kaname.access.accounts import accounts, add_account, random_password, set_password
from kaname.access.sessions import SIGNIN_MINUTES, make_signin, revoke_grants
from kaname.access.tokens import DUTIES, Duty, Grant, make_token
from kaname.cli.options import home_of, home_option, json_option, registries, show
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
    """People who sign in, and access tokens."""


def _ask_option(function: F) -> F:
    """Whether the password is typed in or made up."""
    return click.option("--ask", is_flag=True, help="Ask for the password; else one is made up and shown once.")(
        function
    )


def _password(*, ask: bool) -> tuple[str, dict[str, Json]]:
    """The password, and what is shown of it: nothing where the person typed it."""
    if ask:
        return click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True), {}
    made = random_password()
    return made, {"password": made}


@user.command
@_grant_options
@_ask_option
@home_option
@json_option
def add(
    name: str, permitted: tuple[str, ...], duties: tuple[Duty, ...], ask: bool, home: Path | None, as_json: bool
) -> None:
    """Let somebody sign in to the console by name and password. Nothing is kept of the password but its hash."""
    node = open_node(load(home_of(home)))
    taken = registries(permitted)
    password, shown = _password(ask=ask)
    add_account(node.index, Grant(name, taken, duties), password, node.clock)
    facts: dict[str, Json] = {"duties": list(duties), "registries": list(taken)}
    node.ledger.append("user-added", name, actor="operator", facts=facts)
    show({"name": name, **shown}, as_json=as_json)


@user.command
@click.option("--name", required=True, help="Whose.")
@_ask_option
@home_option
@json_option
def password(name: str, ask: bool, home: Path | None, as_json: bool) -> None:
    """Set a new password; open sessions of that person end."""
    node = open_node(load(home_of(home)))
    new, shown = _password(ask=ask)
    set_password(node.index, name, new, node.clock)
    node.ledger.append("user-password", name, actor="operator")
    show({"name": name, **shown}, as_json=as_json)


@user.command("list")
@home_option
@json_option
def list_(home: Path | None, as_json: bool) -> None:
    """Everybody who has a password, with duties and registries."""
    node = open_node(load(home_of(home)))
    rows: list[Json] = [
        {
            "name": one.grant.name,
            "duties": list(one.grant.duties),
            "registries": list(one.grant.registries),
            "password_set": one.changed_at,
            "locked": one.locked,
        }
        for one in accounts(node.index, node.clock)
    ]
    show(rows, as_json=as_json)


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
    """Take the password and every token, sign-in and open session from somebody, at once."""
    node = open_node(load(home_of(home)))
    gone = revoke_grants(node.index, name)
    facts: dict[str, Json] = {"revoked": gone}
    node.ledger.append("user-revoked", name, actor="operator", facts=facts)
    show(facts, as_json=as_json)
