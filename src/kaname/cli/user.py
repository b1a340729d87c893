"""``kaname user``: people with a password, one-time sign-ins to the console, and access tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kaname.access.accounts import accounts, add_account, random_password, set_password
from kaname.access.model import DUTIES, PEOPLE, Duty, Grant, Role
from kaname.access.sessions import SIGNIN_MINUTES, make_signin, revoke_grants
from kaname.access.tokens import issue
from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.ledger import Json
from kaname.node import open_node
from kaname.settings import load

F = Callable[..., Any]


def _who_options(function: F) -> F:
    """Who, and in which registries."""
    for option in (
        click.option("--registry", "permitted", multiple=True, required=True, help="Where; may be repeated."),
        click.option("--name", required=True, help="Who will use it (a short name for the ledger, no clear name)."),
    ):
        function = option(function)
    return function


_role_option = click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(PEOPLE), help="What they do; may be repeated."
)
_duty_option = click.option(
    "--duty",
    "duties",
    multiple=True,
    type=click.Choice(DUTIES),
    default=("browse", "pixels"),
    show_default=True,
    help="What it permits; may be repeated.",
)


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
@_who_options
@_role_option
@_ask_option
@home_option
@json_option
def add(
    name: str, permitted: tuple[str, ...], roles: tuple[Role, ...], ask: bool, home: Path | None, as_json: bool
) -> None:
    """Let somebody sign in to the console by name and password. Nothing is kept of the password but its hash."""
    node = open_node(load(home_of(home)))
    taken = registries(permitted)
    password, shown = _password(ask=ask)
    add_account(node.index, name, Grant.of_person(name, taken, roles).parts, password, node.clock)
    facts: dict[str, Json] = {"roles": list(roles), "registries": list(taken)}
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
    """Everybody who has an account, with roles and registries."""
    node = open_node(load(home_of(home)))
    rows: list[Json] = [
        {
            "name": one.name,
            "parts": [f"{part.role} {part.scope}" for part in one.parts],
            "factors": list(one.factors),
            "until": one.until,
            "password_set": one.changed_at if one.password else "",
            "locked": one.locked,
        }
        for one in accounts(node.index, node.clock)
    ]
    show(rows, as_json=as_json)


@user.command
@_who_options
@_duty_option
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 366), help="Days that it is valid.")
@click.option("--from", "origins", multiple=True, help="Network that it may be used from, e.g. 10.1.0.0/16.")
@home_option
@json_option
def token(
    name: str,
    permitted: tuple[str, ...],
    duties: tuple[Duty, ...],
    days: int,
    origins: tuple[str, ...],
    home: Path | None,
    as_json: bool,
) -> None:
    """Make a program's token for DICOMweb and the API. It is shown once and kept nowhere."""
    node = open_node(load(home_of(home)))
    taken = registries(permitted)
    grant = Grant.of_program(name, taken, duties)
    secret = issue(node.index, grant, days=days, clock=node.clock, origins=origins)
    facts: dict[str, Json] = {
        "days": days,
        "duties": list(duties),
        "registries": list(taken),
        "origins": list(origins),
    }
    node.ledger.append("token-made", name, actor="operator", facts=facts)
    show({"token": secret, "days": days}, as_json=as_json)


@user.command
@click.option("--name", required=True, help="Who: of an account, or a short name for the ledger, no clear name.")
@click.option("--registry", "permitted", multiple=True, help="Where, for who has no account; may be repeated.")
@click.option("--role", "roles", multiple=True, type=click.Choice(PEOPLE), help="What they do there, as well.")
@click.option("--at", "address", default="", help="Address of the console, where a proxy stands before it.")
@home_option
@json_option
def signin(
    name: str, permitted: tuple[str, ...], roles: tuple[Role, ...], address: str, home: Path | None, as_json: bool
) -> None:
    """Make an address that signs one person in to the console, once. It is shown once and kept nowhere.

    Whoever has an account comes in with its roles, also when every second factor is lost.
    """
    node = open_node(load(home_of(home)))
    settings = node.settings
    owner = next((one for one in accounts(node.index, node.clock) if one.name == name), None)
    if (owner is None) != bool(permitted and roles) or (owner and (permitted or roles)):
        raise click.UsageError("Name --role and --registry for who has no account, and neither for who has one.")
    grant = Grant(name, owner.parts) if owner else Grant.of_person(name, registries(permitted), roles)
    secret = make_signin(node.index, grant, place="console", clock=node.clock, owner=owner.name if owner else "")
    facts: dict[str, Json] = {"parts": [f"{part.role} {part.scope}" for part in grant.parts]}
    node.ledger.append("signin-made", name, actor="operator", facts=facts)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    console = address.rstrip("/") or f"http://{host}:{settings.port}"
    show({"address": f"{console}/signin?once={secret}", "minutes": SIGNIN_MINUTES}, as_json=as_json)


@user.command
@click.option("--name", required=True, help="Whose.")
@home_option
@json_option
def revoke(name: str, home: Path | None, as_json: bool) -> None:
    """Take the account and every factor, token, sign-in and open session from somebody, at once."""
    node = open_node(load(home_of(home)))
    gone = revoke_grants(node.index, name)
    facts: dict[str, Json] = {"revoked": gone}
    node.ledger.append("user-revoked", name, actor="operator", facts=facts)
    show(facts, as_json=as_json)
