"""A hub with its console and viewer, served on loopback, and a real Chromium in front of it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pydicom
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from starlette.types import ASGIApp

from kaname.access.model import Grant
from kaname.access.sessions import make_signin
from kaname.archive import retrieve
from kaname.archive.derived import store
from kaname.archive.flow import shelve
from kaname.archive.query import search
from kaname.archive.question import ask
from kaname.dicom.objects.prediction import Judged, PredictingModel, prediction_report
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.store import digest_bytes
from kaname.testing.busy import busy_hub
from kaname.testing.deliveries import Facility
from kaname.testing.gallery import make_gallery
from kaname.testing.hospital import make_hospital
from kaname.web.app import make_app, make_viewer_app
from kaname.web.viewer import prepared

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "build" / "axe" / "axe.min.js"
PICTURES = ROOT / "build" / "browser"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WAIT_MS = 60_000
HOSTILE_NAME = "<script>ran()</script><b>\u202e" + "名" * 10_000
"""Markup, a turn of the reading direction, and ten thousand letters."""


@dataclass(frozen=True, slots=True)
class Served:
    """A hub that answers."""

    node: Node
    console: str
    viewer: str

    def signin(self, *registries: str) -> str:
        """An address that signs somebody in."""
        grant = Grant.of_person(
            "doctor",
            registries or ("j-mid", "basic"),
            ("doctor", "curator", "checker", "auditor", "reader", "adjudicator"),
        )
        secret = make_signin(self.node.index, grant, place="console", clock=self.node.clock)
        return f"{self.console}/signin?once={secret}"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser, with a Japanese font where a package brings one.

    Closed behind each module: as long as it is open an event loop runs here, and other tests want to start their own.
    """
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: make system")
    with sync_playwright() as playwright:
        environment = {**os.environ, "XDG_DATA_HOME": str(_fonts(tmp_path_factory.mktemp("share")))}
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS), env=dict(environment))
        yield browser
        browser.close()


def _fonts(share: Path) -> Path:
    found = importlib.util.find_spec("matplotlib_fontja")
    if found is not None and found.origin is not None:
        (share / "fonts").symlink_to(Path(found.origin).parent / "fonts")
    return share


@pytest.fixture
def window(chromium: Browser) -> Iterator[BrowserContext]:
    """A window without history; whatever it asks for beyond this machine fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    strangers: list[str] = []

    def note(url: str) -> None:
        asked = urlsplit(url)
        if asked.scheme not in {"blob", "data"} and asked.hostname not in {"127.0.0.1", "localhost"}:
            strangers.append(url)

    context.on("request", lambda request: note(request.url))
    yield context
    context.close()
    assert strangers == []


@pytest.fixture
def page(window: BrowserContext, served: Served) -> Page:
    """A page of somebody who has pressed the button of a sign-in."""
    opened = window.new_page()
    opened.goto(served.signin())
    opened.get_by_role("main").get_by_role("button").click()
    opened.wait_for_url(f"{served.console}/")
    return opened


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.is_file():
        pytest.skip("axe-core is not fetched: python tools/make_viewer.py --axe")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def ohif() -> None:
    """The viewer's files are there."""
    if not (prepared() / "index.html").is_file():
        pytest.skip("the viewer is not prepared: python tools/make_viewer.py")


@pytest.fixture(scope="session")
def picture() -> Callable[[Page, str], Path]:
    """Keeps a picture of a page for people to look at."""
    PICTURES.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> Path:
        path = PICTURES / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub with something in every room, and a CT study of five slices with the report of a model."""
    folder = tmp_path_factory.mktemp("hub")
    node = busy_hub(folder / "home", folder)
    make_hospital(folder / "pacs", patients=1, studies=1, slices=5, size=256)
    scan = [pydicom.dcmread(file) for file in sorted(folder.joinpath("pacs").rglob("*.dcm"))]
    shelve(node, accept(node, Facility(folder / "mid", 1, "j-mid").parcel(scan, 5)).digest)
    _predict(node, folder / "report.dcm")
    with ExitStack() as opened:
        console, viewer = (opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2))
        port, viewer_port = (listener.getsockname()[1] for listener in (console, viewer))
        node = replace(node, settings=replace(node.settings, port=port, viewer_port=viewer_port))
        opened.enter_context(_answering(make_app(node), console))
        opened.enter_context(_answering(make_viewer_app(node), viewer))
        yield Served(node, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{viewer_port}")
    node.index.dispose()


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub with an image of every kind and a task about each; every image has a name that wants to be a page."""
    folder = tmp_path_factory.mktemp("gallery")
    node = make_gallery(folder / "home", folder / "files", name=HOSTILE_NAME)
    with socket.create_server(("127.0.0.1", 0)) as console:
        port = console.getsockname()[1]
        node = replace(node, settings=replace(node.settings, port=port))
        with _answering(make_app(node), console):
            yield Served(node, f"http://127.0.0.1:{port}", "")
    node.index.dispose()


def _predict(node: Node, file: Path) -> None:
    """Stores what a model says of the first slice of the longest study."""
    studies = [json.loads(text) for text in search(node, ask("study", []), ("j-mid",)).documents]
    longest = max(studies, key=lambda study: study["00201208"]["Value"][0])
    (first, *_) = retrieve.instances(node, ("j-mid",), longest["0020000D"]["Value"][0])
    model = PredictingModel("nodules", "1", digest_bytes(b"model"), "present", 0.5)
    file.write_bytes(prediction_report([Judged(first.member.metadata, "present", 0.93)], model))
    store(node, [file], registry="j-mid", actor="nodules 1")


@contextmanager
def _answering(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield
    server.should_exit = True
    thread.join()
