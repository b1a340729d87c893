"""``kaname init``: a new home."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from kaname.access.accounts import add_account, random_password
from kaname.access.certificates import self_issue
from kaname.access.model import PEOPLE, Grant
from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.settings import Settings
from kaname.upkeep.home import make_home


@click.command
@click.option(
    "--role",
    required=True,
    type=click.Choice(["gateway", "hub", "cloud", "clinic"]),
    help="What it is; a clinic has no work yet.",
)
@click.option("--name", required=True, help="Short name, unique among its partners (a facility code, no clear name).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that its doors listen on.")
@click.option(
    "--known-as", multiple=True, help="Name or address by which partners reach this node: goes into its certificate."
)
@click.option(
    "--port",
    default=8470,
    show_default=True,
    help="User's door (DICOMweb), plain HTTP: for this machine or a TLS proxy.",
)
@click.option("--peer-port", default=8471, show_default=True, help="Partners' door (mutual TLS); a gateway opens none.")
@click.option(
    "--registry",
    "taken",
    multiple=True,
    default=("j-mid", "basic"),
    show_default=True,
    help="Takes part in this registry; may be repeated.",
)
@click.option(
    "--administrator",
    default="admin",
    show_default=True,
    help="Name of the first person, who may do everything; the password is made up and shown once.",
)
@click.option(
    "--trial", is_flag=True, help="Ask nobody for a second factor: for trials on one machine, never for real work."
)
@home_option
@json_option
def init(
    role: str,
    name: str,
    host: str,
    known_as: tuple[str, ...],
    port: int,
    peer_port: int,
    taken: tuple[str, ...],
    administrator: str,
    trial: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Make a home: settings, keys, database, first administrator. Nothing has a default password."""
    settings = Settings(
        home=home_of(home).absolute(),
        role=role,  # pyright: ignore[reportArgumentType] - click checked the choice
        name=name,
        host=host,
        port=port,
        peer_port=peer_port,
        registries=registries(taken),
    )
    if trial:
        settings = replace(settings, second_factor=())
    node = make_home(settings)
    if known_as and role != "gateway":
        self_issue(settings.keys, name, sorted({host, "localhost", "127.0.0.1", *known_as}))
    password = random_password()
    parts = Grant.of_person(administrator, settings.registries, PEOPLE).parts
    add_account(node.index, administrator, parts, password, node.clock)
    node.ledger.append("user-added", administrator, actor="operator", facts={"roles": list(PEOPLE)})
    made = {"home": str(node.settings.home), "role": role, "name": name}
    show({**made, "administrator": administrator, "password": password}, as_json=as_json)
