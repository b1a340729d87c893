"""A hub with something in every room, and browsers in front of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kaname.access.model import DUTIES, Duty, Grant
from kaname.access.sessions import make_signin
from kaname.node import Node
from kaname.testing.busy import busy_hub
from kaname.testing.gallery import TASKS, make_gallery
from kaname.web.app import make_app

HOST = "http://door"
VIEWER_PORT = 8472


class Browser:
    """Keeps cookies and says where a form comes from, as a browser does."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.app = make_app(node)
        self.cookies = httpx.Cookies()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; redirects are not followed."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies=self.cookies) as client:
                answer = await client.request(method, path, **options)
                self.cookies = client.cookies
                return answer

        return asyncio.run(go())

    def get(self, path: str) -> httpx.Response:
        """A page."""
        return self.ask("GET", path)

    def send(self, path: str, origin: str = HOST, **fields: str) -> httpx.Response:
        """A form."""
        return self.ask("POST", path, data=fields, headers={"Origin": origin})

    def sign_in(
        self, *registries: str, duties: tuple[Duty, ...] = ("browse", "pixels"), name: str = "doctor"
    ) -> httpx.Response:
        """Signs somebody in, ``doctor`` by default."""
        return self.sign_in_as(Grant.of_program(name, registries, duties))

    def sign_in_as(self, grant: Grant) -> httpx.Response:
        """Signs somebody in with what they may do."""
        secret = make_signin(self.node.index, grant, place="console", clock=self.node.clock)
        return self.send("/signin", once=secret)

    def form_token(self) -> str:
        """What this session's forms carry."""
        return re.findall(r'name="form" value="([0-9a-f]{64})"', self.get("/").text)[0]


@pytest.fixture(scope="session")
def browse() -> Callable[[Node], Browser]:
    """Opens a browser in front of a node."""
    return Browser


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub with something in every room, for tests that only look."""
    folder = tmp_path_factory.mktemp("busy")
    made = busy_hub(folder / "home", folder)
    yield replace(made, settings=replace(made.settings, viewer_port=VIEWER_PORT))
    made.index.dispose()


@pytest.fixture
def looker(busy: Node) -> Browser:
    """A browser of somebody who may see both registries."""
    browser = Browser(busy)
    assert browser.sign_in("j-mid", "basic").status_code == 303
    return browser


@pytest.fixture
def everything(busy: Node) -> Browser:
    """A browser of somebody who may do everything."""
    browser = Browser(busy)
    assert browser.sign_in("j-mid", "basic", duties=DUTIES).status_code == 303
    return browser


@pytest.fixture
def stranger(busy: Node) -> Browser:
    """A browser of somebody who may see the other registry alone."""
    browser = Browser(busy)
    assert browser.sign_in("basic", duties=DUTIES).status_code == 303
    return browser


class Guest(Browser):
    """In front of the gallery: whoever signs in may look, read and decide, unless told otherwise."""

    def fetch(self, path: str, **headers: str) -> httpx.Response:
        """A picture or a page, with headers of one's own."""
        return self.ask("GET", path, headers=headers)

    def fill(self, path: str, **fields: str) -> httpx.Response:
        """A form of this session."""
        return self.send(path, form=self.form_token(), **fields)

    def named(
        self, name: str, *registries: str, duties: tuple[Duty, ...] = ("browse", "pixels", "read", "adjudicate")
    ) -> Guest:
        """The same browser, once ``name`` has signed in; to every registry if none is named."""
        assert self.sign_in(*registries or tuple(TASKS.values()), duties=duties, name=name).status_code == 303
        return self


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub with an image of every kind; tests may add readings and take nothing away."""
    folder = tmp_path_factory.mktemp("gallery")
    node = make_gallery(folder / "home", folder / "files", name="<b>Name</b>")
    yield node
    node.index.dispose()


@pytest.fixture
def guest(gallery: Node) -> Guest:
    """A browser in front of the gallery that nobody has signed in with."""
    return Guest(gallery)


@pytest.fixture
def reader(guest: Guest) -> Guest:
    """A doctor who may look, read and decide in every registry."""
    return guest.named("doctor")
