"""Opens a node: its doors and its worker in one process, until somebody asks it to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TextIO

import uvicorn
from starlette.types import ASGIApp

from kaname.errors import Refused
from kaname.node import Node, open_node
from kaname.settings import Settings
from kaname.upkeep.worker import working
from kaname.web.app import make_app, make_peer_app, make_viewer_app
from kaname.web.peer import clear_inbox
from kaname.web.peertls import PeerProtocol, PeerTls

GRACE_SECONDS = 10
"""How long answers under way may take once the node was asked to stop."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
OtherDoor = Callable[[Node], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True)
class Door:
    """One server on one socket."""

    name: str
    server: _Server
    listener: socket.socket
    scheme: str

    @property
    def address(self) -> str:
        """e.g. ``http://127.0.0.1:8470``, with the port that was really given."""
        host, port = self.listener.getsockname()[:2]
        return f"{self.scheme}://[{host}]:{port}" if ":" in host else f"{self.scheme}://{host}:{port}"


def serve(settings: Settings, out: TextIO, more_doors: Mapping[str, OtherDoor]) -> None:
    """Opens the node of ``settings`` and returns when it was stopped by SIGTERM or SIGINT.

    First the worker starts, on what a killed process left behind; then the doors open; then one JSON line on ``out``
    says where: ``{"ready": true, "name", "role", "door", "peer"}`` (no ``peer`` on a gateway), and the other doors.

    Args:
        settings: Of the node.
        out: Where the line goes.
        more_doors: Doors of another kind, by the name that the line gives them: each is open while its context lasts,
            and gives its address.

    Raises:
        Refused: ``port-taken``; ``key-missing`` and its like when the keys of the partners' door cannot be used.
        NotYet: ``work-elsewhere`` when another process serves this home.
    """
    node = open_node(settings)
    with ExitStack() as opened:
        listener = opened.enter_context(_listening(settings.host, settings.port))
        doors = [_door("door", make_app(node), listener)]
        if settings.role != "gateway":
            peer = PeerTls(node)
            peer_listener = opened.enter_context(_listening(settings.host, settings.peer_port))
            doors.append(peer_door(peer, peer_listener))
        if settings.role != "gateway" and settings.viewer_port:
            viewer_listener = opened.enter_context(_listening(settings.host, settings.viewer_port))
            doors.append(_door("viewer", make_viewer_app(node), viewer_listener))
        opened.enter_context(working(node))
        if settings.role != "gateway":
            clear_inbox(node)
        where = {name: opened.enter_context(door(node)) for name, door in more_doors.items()}
        asyncio.run(_run(doors, node, out, where))


class _Server(uvicorn.Server):
    """A server that says when it listens, and leaves signals to :func:`_run`: two would take them from each other."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Takes none."""
        yield


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket]:
    """A listening socket; port 0 takes any that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise Refused("port-taken", host=host, port=port) from error
    # Accepted connections inherit it. Head and body of an answer are two sends: without it the second waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with listener:
        yield listener


def _door(name: str, app: ASGIApp, listener: socket.socket) -> Door:
    return Door(name, _Server(_config(app)), listener, "http")


def peer_door(peer: PeerTls, listener: socket.socket) -> Door:
    """A server that nobody reaches without a certificate of this node's own authority, unless somebody is to join."""
    app = make_peer_app(peer.node, limit_bytes=peer.node.settings.parcel_limit_bytes)
    config = _config(app)
    config.http = PeerProtocol
    config.ssl_context_factory = peer.context_of
    config.callback_notify, config.timeout_notify = peer.look, 0  # a notice each second
    return Door("peer", _Server(config), listener, "https")


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


async def _run(doors: Sequence[Door], node: Node, out: TextIO, others: Mapping[str, str]) -> None:
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, _stop, doors)
    async with asyncio.TaskGroup() as running:
        for door in doors:
            running.create_task(door.server.serve(sockets=[door.listener]))
        for door in doors:
            await door.server.ready.wait()
        where = {door.name: door.address for door in doors} | dict(others)
        print(json.dumps({"ready": True, "name": node.settings.name, "role": node.settings.role} | where), file=out)
        out.flush()


def _stop(doors: Sequence[Door]) -> None:
    for door in doors:
        door.server.should_exit = True
