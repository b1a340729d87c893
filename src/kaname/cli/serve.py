"""``kaname serve``: the doors and the worker of one node."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from kaname.cli.options import home_of, home_option
from kaname.inference.memory import share_heaps
from kaname.node import Node
from kaname.settings import load


@click.command
@click.option("--supervised", is_flag=True, help="Stop, too, when standard input ends: with whoever started it.")
@home_option
def serve(supervised: bool, home: Path | None) -> None:
    """Open this node's doors and start its worker; one JSON line says where, when all of it is ready.

    It stops on SIGTERM or Ctrl-C, behind the answers under way. Work that was begun goes on at the next start.
    """
    from kaname.web.serve import serve as open_doors

    share_heaps()
    if supervised:
        threading.Thread(target=_stop_with_input, name="kaname-supervised", daemon=True).start()
    settings = load(home_of(home))
    dimse = settings.role == "gateway" and settings.dimse_port > 0
    open_doors(settings, sys.stdout, {"dimse": _associations} if dimse else {})


@contextmanager
def _associations(node: Node) -> Generator[str]:
    """The DIMSE door of a gateway; gives ``AE@host:port``."""
    from kaname.dimse.door import listening
    from kaname.gateway.hospital import open_hospital

    with listening(open_hospital(node)) as port:
        yield f"{node.settings.ae_title}@{node.settings.host}:{port}"


def _stop_with_input() -> None:
    """A supervisor that dies, however it dies, closes the pipe."""
    while os.read(sys.stdin.fileno(), 1 << 16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
