"""A hub whose door is open and a gateway that nobody knows yet, over real mutual TLS on the loopback."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from kaname.access.certificates import client_context
from kaname.gateway.batches import form_batches
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.receive import receive
from kaname.gateway.sources import Source
from kaname.intake.admission import Guest, invite
from kaname.node import Node
from kaname.parcel.ask import Body, Partner, ask
from kaname.parcel.enrolment import read_partner
from kaname.parcel.joining import Line, join
from kaname.settings import Settings
from kaname.testing.deliveries import REGISTRY, series
from kaname.testing.objects import to_bytes
from kaname.testing.tiers import Door
from kaname.upkeep.home import make_home

WAIT_SECONDS = 20.0
NAME = "facility-7"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Both nodes."""

    hub: Node
    door: Door
    gateway: Node

    @property
    def keys(self) -> Path:
        """The gateway's keys folder."""
        return self.gateway.settings.keys

    def invited(self, name: str = NAME) -> Line:
        """The line that the hub's operator hands over, once the door has noticed."""
        line = invite(self.hub, self.door.url, Guest(name, "gateway", (REGISTRY,)), hours=24)
        until(self.lets_strangers_in)
        return line

    def enrol(self, line: Line) -> None:
        """The gateway pastes the line.

        Raises:
            Refused, NotYet: as :func:`kaname.parcel.joining.join`.
        """
        join(self.keys, line.text, NAME, (REGISTRY,), self.gateway.clock, role="gateway")

    def joined(self) -> Hospital:
        """The gateway, enrolled."""
        self.enrol(self.invited())
        return open_hospital(self.gateway)

    def stranger(self, method: str, path: str, content: bytes = b"") -> httpx.Response:
        """One request of somebody who trusts the hub and shows no certificate."""
        trusting = ssl.create_default_context(cafile=str(self.hub.settings.keys / "authority.crt"))
        with httpx.Client(verify=trusting, trust_env=False) as client:
            return client.request(method, self.door.url + path, content=content)

    def lets_strangers_in(self) -> bool:
        """Whether a connection without a certificate reaches any route."""
        try:
            self.stranger("GET", "/")
        except httpx.TransportError:
            return False
        return True

    def ask(self, path: str, keys: Path | None = None, body: bytes | None = None) -> int:
        """The status of one request with the gateway's certificate, or that of another folder."""
        record = read_partner(self.keys)
        partner = Partner(record.url, client_context(keys or self.keys), record.key)
        return ask(partner, "GET" if body is None else "POST", path, None if body is None else Body(body)).status


@contextmanager
def newcomer(root: Path) -> Generator[Newcomer]:
    """Makes both homes; the hub's door is open as long as the context lasts."""
    hub = make_home(Settings(root / "hub", "hub", "society", registries=(REGISTRY, "basic")))
    gateway = make_home(Settings(root / "gateway", "gateway", NAME, registries=(REGISTRY, "basic")))
    door = Door(hub)
    with door.open():
        yield Newcomer(hub, door, gateway)
    for node in (hub, gateway):
        node.index.dispose()


def until(true: Callable[[], bool]) -> None:
    """Waits for what another thread has to notice."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def arrived(hospital: Hospital, folder: Path, number: int) -> str:
    """A study of two images arrives; returns its batch."""
    folder.mkdir(exist_ok=True)
    for position, ds in enumerate(series("00012345", study=number)):
        file = folder / f"{number}-{position}.dcm"
        file.write_bytes(to_bytes(ds))
        assert receive(hospital, Source(file), hospital.engine(REGISTRY)).state == "received"
    (batch,) = form_batches(hospital)
    return batch
