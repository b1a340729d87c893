"""``kaname serve``: the doors and the worker of one node."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click

from kaname.cli.options import home_of, home_option
from kaname.settings import load


@click.command
@click.option("--supervised", is_flag=True, help="Stop, too, when standard input ends: with whoever started it.")
@home_option
def serve(supervised: bool, home: Path | None) -> None:
    """Open this node's doors and start its worker; one JSON line says where, when all of it is ready.

    It stops on SIGTERM or Ctrl-C, behind the answers under way. Work that was begun goes on at the next start.
    """
    from kaname.web.serve import serve as open_doors

    if supervised:
        threading.Thread(target=_stop_with_input, name="kaname-supervised", daemon=True).start()
    open_doors(load(home_of(home)), sys.stdout, {})


def _stop_with_input() -> None:
    """A supervisor that dies, however it dies, closes the pipe."""
    while os.read(sys.stdin.fileno(), 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
