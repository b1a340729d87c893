"""``kaname gateway reconcile``: are all parcels where they should be?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kaname.cli import DONE, NOT_YET, REFUSED
from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.gateway.hospital import open_hospital
from kaname.node import open_node
from kaname.settings import load


@click.command
@click.option("--registry", "names", multiple=True, help="Only these registries; default: all of this gateway.")
@home_option
@json_option
def reconcile(names: tuple[str, ...], home: Path | None, as_json: bool) -> None:
    """Compare this gateway's parcels with the signed lists of the hub and of the tier behind it.

    Exit code 0: no difference. 1: differences, each with its sequence number. 3: none, but some are still under way.
    """
    from kaname.gateway.reconcile import reconcile as compare

    hospital = open_hospital(open_node(load(home_of(home))))
    taken = registries(names or hospital.node.settings.registries)
    found = {name: compare(hospital, name) for name in taken}
    show([{"registry": name, **one.to_json()} for name, tiers in found.items() for one in tiers], as_json=as_json)
    every = [one.comparison for tiers in found.values() for one in tiers]
    sys.exit(REFUSED if any(c.differences for c in every) else NOT_YET if any(c.underway for c in every) else DONE)
