"""``kaname serve``: the doors and the worker of one node."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kaname.cli.options import home_of, home_option
from kaname.settings import load


@click.command
@home_option
def serve(home: Path | None) -> None:
    """Open this node's doors and start its worker; one JSON line says where, when all of it is ready.

    It stops on SIGTERM or Ctrl-C, behind the answers under way. Work that was begun goes on at the next start.
    """
    from kaname.web.serve import serve as open_doors

    open_doors(load(home_of(home)), sys.stdout, {})
