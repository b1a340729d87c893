"""The demonstration's way to the doors of a site: tokens from the command line, then HTTP like any program outside."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from kaname.testing.chain import Chain, write_secret
from kaname.testing.supervisor import Supervisor

PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 0.25


class DoorStaysShutError(AssertionError):
    """A site did not answer in five minutes, or not with what was asked for."""


@dataclass(slots=True)
class Door:
    """One person at the door of one site. A site that is being started again is waited for."""

    chain: Chain
    sites: Supervisor
    site: str
    name: str
    """Who it is."""
    token: str = field(repr=False)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=60), repr=False)

    def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        """One request, made again while the site does not answer or answers that it cannot now.

        Raises:
            DoorStaysShutError: when five minutes were not enough, or the answer is an error.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        headers = {"Authorization": f"Bearer {self.token}", **how.pop("headers", {})}
        while True:
            answer: httpx.Response | None = None
            try:
                url = self.sites.doors(self.site)["door"] + path
                answer = self.client.request(method, url, headers=headers, **how)
            except httpx.TransportError:
                pass
            if answer is not None and answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                if answer.is_error:
                    raise DoorStaysShutError(f"{method} {path}: {answer.status_code} {answer.text[:400]}")
                return answer
            if time.monotonic() > deadline:
                raise DoorStaysShutError(f"{method} {path}: {answer.status_code if answer else 'no answer'}")
            time.sleep(PAUSE_SECONDS)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of one request."""
        return self.ask("GET", path, params=params).json()

    def post(self, path: str, body: Any) -> Any:
        """The JSON that answers a JSON body."""
        return self.ask("POST", path, json=body).json()


@dataclass(slots=True)
class Doors:
    """Makes people's tokens once and keeps them beside the sites: a second run comes with the same ones."""

    chain: Chain
    sites: Supervisor
    opened: dict[tuple[str, str], Door] = field(default_factory=dict[tuple[str, str], Door])

    def of(self, site: str, name: str, duties: Sequence[str], registries: Sequence[str]) -> Door:
        """The door of a site as that person sees it."""
        if (site, name) in self.opened:
            return self.opened[site, name]
        file = self.chain.root / "tokens" / f"{site}-{name}.json"
        if not file.exists():
            write_secret(file, json.dumps(self._made(site, name, duties, registries)))
        door = Door(self.chain, self.sites, site, name, json.loads(file.read_text())["token"])
        return self.opened.setdefault((site, name), door)

    def fresh(self, site: str, name: str, duties: Sequence[str], registries: Sequence[str]) -> Door:
        """The same with a token made just now, as what leaves the airlock asks for."""
        made = self._made(site, name, duties, registries)
        return Door(self.chain, self.sites, site, name, made["token"])

    def curator(self, site: str, registry: str) -> Door:
        """The door of a site as the curator of one registry sees it."""
        return self.of(site, f"curator-{registry}", ("browse", "pixels", "curate"), (registry,))

    def _made(self, site: str, name: str, duties: Sequence[str], registries: Sequence[str]) -> dict[str, Any]:
        words = [word for duty in duties for word in ("--duty", duty)]
        words += [word for registry in registries for word in ("--registry", registry)]
        made: dict[str, Any] = self.chain.at(site, "user", "token", "--name", name, *words)
        return made


def until(done: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Waits until something is so.

    Raises:
        DoorStaysShutError: when it is not in that time.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise DoorStaysShutError(f"waited {seconds:.0f} s for: {what}")
        time.sleep(PAUSE_SECONDS)
