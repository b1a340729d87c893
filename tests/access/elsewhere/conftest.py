"""An identity provider that answers what a test likes, and a node that has it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import Key, RSAKey
from sqlalchemy import Engine

from kaname.access.accounts import accounts
from kaname.access.elsewhere import FILE, Elsewhere, elsewhere_of
from kaname.access.keyfile import write_secret
from kaname.access.oidc import Begun, SignInElsewhere
from kaname.access.sessions import Session
from kaname.clock import Clock
from kaname.database import connect, migrate
from kaname.errors import Forbidden, NotYet
from kaname.settings import Settings

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
RSA = RSAKey.generate_key(2048, {"kid": "first"})


class Pretender:
    """A provider of which a test decides every answer."""

    def __init__(self) -> None:
        self.keys: list[Key] = [RSA]
        self.key, self.algorithm = RSA, "RS256"
        self.header: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.token: Callable[[dict[str, Any]], str] | None = None
        self.instead: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []
        pretender = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                pretender.forms.append({name: values[0] for name, values in parse_qs(sent).items()})
                self._answer()

            def _answer(self) -> None:
                pretender.asked.append(self.path)
                status, body = pretender.instead.get(self.path) or pretender.answer(self.path)
                self.send_response(status)
                self.send_header("Location", "/jwks")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except ConnectionError:
                    return

            def log_message(self, *_said: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str) -> tuple[int, bytes]:
        """As a good provider would, but for what a test changed."""
        if path == "/jwks":
            found: dict[str, Any] = {"keys": [key.as_dict(private=False) for key in self.keys]}
        elif path == "/token":
            found = {"access_token": "access", "id_token": (self.token or self.signed)(self.claims)}
        else:
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            found = {"issuer": self.issuer} | dict(
                zip(names, (f"{self.issuer}/{one}" for one in ("auth", "token", "jwks")), strict=True)
            )
            found |= self.document
        return 200, json.dumps(found).encode()

    def signed(self, claims: dict[str, Any]) -> str:
        """A token of these claims, those that are ``None`` left out."""
        header = {"alg": self.algorithm, "kid": self.key.kid} | self.header
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({n: v for n, v in header.items() if v}, said, self.key, algorithms=[self.algorithm])


@pytest.fixture
def pretender() -> Iterator[Pretender]:
    """A provider."""
    one = Pretender()
    yield one
    one.server.shutdown()
    one.server.server_close()


class Door:
    """A node, and a browser that goes to the provider and comes back."""

    def __init__(self, index: Engine, home: Path, pretender: Pretender) -> None:
        self.index, self.pretender = index, pretender
        write_secret(home / "keys" / "oidc-secret", b"a secret: with/signs\n")
        lines = f'issuer = "{pretender.issuer}"\nclient_id = "kaname"\naddress = "https://kaname.example.jp"\n'
        lines += 'organisation = "hospital-a"\ntitle = "A"\nsecret_file = "oidc-secret"\nstrong_amr = ["mfa", "hwk"]\n'
        lines += 'strong_acr = ["urn:two"]\n[[map]]\ngroup = "readers"\nrole = "reader"\nregistry = "j-mid"\n'
        (home / FILE).write_text(lines)
        about = elsewhere_of(Settings(home, "hub", "hub"))
        assert about is not None
        self.about: Elsewhere = about
        self.minutes = 0.0
        self.clock = Clock(now=lambda: NOW + timedelta(minutes=self.minutes))
        self.signing = SignInElsewhere(about, index, self.clock)

    def away(self, **claims: Any) -> tuple[Begun, dict[str, str]]:
        """What the browser keeps, and the query that it will come back with; the provider will say ``claims``."""
        begun = self.signing.begin()
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.address).query).items()}
        at = int(self.clock.now().timestamp())
        own = {"iss": self.pretender.issuer, "sub": "s-1", "aud": "kaname", "exp": at + 300, "iat": at}
        own |= {"nonce": asked["nonce"], "auth_time": at, "preferred_username": "yamada", "groups": ["readers"]}
        self.pretender.claims = own | claims
        return begun, {"code": "c", "state": asked["state"]}

    def come(self, **claims: Any) -> Session:
        """Away and back."""
        begun, answer = self.away(**claims)
        return self.signing.finish(begun.secret, answer)

    def refused(self, code: str = "elsewhere-refused", **claims: Any) -> str:
        """Away, and not in: the part that was wrong."""
        with pytest.raises((Forbidden, NotYet), match=code) as caught:
            self.come(**claims)
        assert accounts(self.index, self.clock) == ()
        return str(caught.value.facts.get("part", ""))


@pytest.fixture
def door(tmp_path: Path, pretender: Pretender) -> Iterator[Door]:
    """A node that has a provider."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    yield Door(engine, tmp_path, pretender)
    engine.dispose()
