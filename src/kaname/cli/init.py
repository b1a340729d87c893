"""``kaname init``: a new home."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.settings import Settings
from kaname.upkeep.home import make_home


@click.command
@click.option("--role", required=True, type=click.Choice(["gateway", "hub", "cloud", "clinic"]), help="What it is.")
@click.option("--name", required=True, help="Short name, unique among its partners (a facility code, no clear name).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that its doors listen on.")
@click.option("--port", default=8470, show_default=True, help="Console, API, DICOMweb.")
@click.option("--peer-port", default=8471, show_default=True, help="Mutual-TLS door for partners.")
@click.option("--registry", "taken", multiple=True, default=("j-mid", "basic"), show_default=True)
@home_option
@json_option
def init(
    role: str, name: str, host: str, port: int, peer_port: int, taken: tuple[str, ...], home: Path | None, as_json: bool
) -> None:
    """Make a home: settings, keys, database. Nothing has a default password."""
    settings = Settings(
        home=home_of(home).absolute(),
        role=role,  # pyright: ignore[reportArgumentType] - click checked the choice
        name=name,
        host=host,
        port=port,
        peer_port=peer_port,
        registries=registries(taken),
    )
    node = make_home(settings)
    show({"home": str(node.settings.home), "role": role, "name": name}, as_json=as_json)
