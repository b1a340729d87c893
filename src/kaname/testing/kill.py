"""Ends a process at a chosen line of the package, as ``kill -9`` would: nothing is cleaned up, nothing is finished.

One process stays alive and forks for each try, since starting Python costs more than most tries take; it never opens a
node itself, so that no thread or connection is carried over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, cast

import kaname
from kaname.annotation.exchange import send
from kaname.annotation.flow import make
from kaname.archive.derived import store
from kaname.archive.flow import shelve
from kaname.governance.withdraw import obey
from kaname.intake.flow import accept
from kaname.intake.forward import forward_parcel
from kaname.node import Node, open_node
from kaname.settings import Settings
from kaname.testing.deliveries import REGISTRY

KILLED = 9
PACKAGE = str(Path(kaname.__file__).parent)


def _at_once(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step of a flow without a worker."""
    return step(*arguments)


ACTIONS: dict[str, Callable[[Node, str], object]] = {
    "accept": lambda node, argument: accept(node, Path(argument)),
    "shelve": shelve,
    "derive": lambda node, argument: store(node, [Path(argument)], registry=REGISTRY, actor="reader"),
    "forward": lambda node, argument: forward_parcel(node, _at_once, argument),
    "gather": lambda node, argument: make(node, argument, REGISTRY),
    "tell": send,
    "obey": lambda node, argument: obey(node, Path(argument).read_bytes()),
}


class Killer:
    """Runs an action on a hub's home, up to a line."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self._process = process
        self._home = home

    def run(self, action: str, argument: object, lines: int = 0) -> int:
        """Runs an action; returns how many lines of the package it took.

        Args:
            action: One of :data:`ACTIONS`.
            argument: What it is given besides the node.
            lines: After how many lines it is killed; 0 lets it end.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"home": str(self._home), "action": action, "argument": str(argument), "lines": lines}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@contextmanager
def killer(home: Path) -> Generator[Killer]:
    """A killer of actions on that home."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Killer(process, home)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            _end(order)
        os.waitpid(child, 0)


def _end(order: dict[str, Any]) -> None:
    """The child: does the order, says how many lines it took, and is gone."""
    node = open_node(Settings(Path(order["home"]), "hub", "society", registries=(REGISTRY, "basic")))
    counted = 0

    def say_and_die(status: int) -> None:
        os.write(1, f"{counted}\n".encode())
        os._exit(status)

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal counted
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            counted += 1
            if counted == order["lines"]:
                say_and_die(KILLED)
        return trace

    sys.settrace(cast("Any", trace))
    try:
        ACTIONS[order["action"]](node, order["argument"])
    finally:
        sys.settrace(None)
        say_and_die(0)


if __name__ == "__main__":
    _serve()
