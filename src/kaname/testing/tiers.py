"""A hub and a cloud in one process that talk over real mutual TLS on the loopback, and a facility in front of them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kaname.access.partners import Partner as Admitted
from kaname.access.partners import admit as write_down
from kaname.node import Node
from kaname.parcel.enrolment import accept_answer, admit, make_request, signing_key
from kaname.settings import Settings
from kaname.testing.deliveries import REGISTRY, Facility
from kaname.upkeep.home import make_home
from kaname.web.peer import clear_inbox
from kaname.web.peertls import PeerTls
from kaname.web.serve import peer_door

REGISTRIES = (REGISTRY, "basic")


class Door:
    """The door for partners of one node, on a port that stays its own while the door is shut."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._port = _free_port()

    @property
    def url(self) -> str:
        """Where partners reach it."""
        return f"https://127.0.0.1:{self._port}"

    @contextmanager
    def open(self) -> Generator[None]:
        """Answers partners for as long as the context lasts."""
        clear_inbox(self._node)
        with socket.create_server(("127.0.0.1", self._port)) as listener:
            door = peer_door(PeerTls(self._node), listener)
            thread = threading.Thread(target=lambda: asyncio.run(door.server.serve(sockets=[listener])))
            thread.start()
            try:
                yield
            finally:
                door.server.should_exit = True
                thread.join()


@dataclass(frozen=True, slots=True)
class Tiers:
    """Hub and cloud, enrolled with each other; the facility is known to the hub alone."""

    facility: Facility
    hub: Node
    cloud: Node
    hub_door: Door
    cloud_door: Door


def make_tiers(root: Path, registries: Sequence[str] = REGISTRIES) -> Tiers:
    """Makes both homes and enrols the hub with the cloud for these registries. No door is open yet."""
    hub = make_home(Settings(root / "hub", "hub", "society", registries=REGISTRIES))
    cloud = make_home(Settings(root / "cloud", "cloud", "research", registries=REGISTRIES))
    door = Door(cloud)
    request = make_request(hub.settings.keys, "society", registries, role="hub")
    key = signing_key(cloud.settings.keys)
    admission = admit(request, cloud.settings.keys, key, "research", door.url)
    hub_here = Admitted("society", "hub", admission.key, admission.registries, admission.certificate)
    write_down(cloud.index, hub_here, clock=cloud.clock)
    record = accept_answer(hub.settings.keys, admission.answer)
    write_down(hub.index, Admitted(record.name, "cloud", record.key, record.registries), clock=hub.clock)
    return Tiers(Facility(root / "facility").admitted_to(hub), hub, cloud, Door(hub), door)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
