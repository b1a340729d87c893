"""What an identity provider publishes and answers: fetched within bounds, and only from origins that were named.

Nothing here follows a redirect, reads a proxy from the environment or takes more than :data:`LIMIT_BYTES`. What the
provider publishes of itself is looked at again after :data:`KEPT_SECONDS`; a key that is not known yet makes the keys
be fetched once more, but not twice within :data:`AGAIN_SECONDS`, so that nobody makes this node ask by showing names of
keys.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

from kaname.clock import Clock
from kaname.errors import Forbidden, NotYet

if TYPE_CHECKING:
    import httpx

LIMIT_BYTES = 256 << 10
"""Largest answer that is read. A document with 64 keys of 4096 bits has 60 kB."""
SECONDS = 10.0
"""Longest that one answer may take, from the first byte asked to the last one read."""
STEP_SECONDS = 5.0
"""Longest pause within it."""
KEPT_SECONDS = 3600
AGAIN_SECONDS = 60
KEYS_MOST = 64
AT_ONCE = BoundedSemaphore(4)
"""Sign-ins that wait for a provider in this process: a slow one does not take all threads of a door."""
SERVER_ERROR = 500
UNAUTHORIZED = 401
OK = 200


@dataclass(frozen=True, slots=True)
class Client:
    """This node, as the provider knows it."""

    issuer: str
    """As it stands in the provider's tokens, letter by letter."""
    origins: tuple[str, ...]
    """``scheme://host[:port]`` that may be asked: the issuer's own and those that were named."""
    client_id: str
    address: str
    """Where the provider sends browsers back to."""
    authority: str = ""
    """File of the certificates that vouch for the provider; empty for those that the machine trusts."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a provider says of itself (OpenID Connect Discovery 1.0 section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_methods: tuple[str, ...]
    """How a client may show its secret."""
    names_itself: bool
    """Whether its answers carry ``iss`` (RFC 9207)."""


class Provider:
    """One identity provider. Safe to be used by many threads."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self._clock = clock
        self._lock = Lock()
        self._published: tuple[datetime, Published] | None = None
        self._keys: tuple[datetime, tuple[Mapping[str, Any], ...]] | None = None

    def published(self) -> Published:
        """What the provider says of itself.

        Raises:
            NotYet: ``elsewhere-unreachable`` when it does not answer, or not with what it has to publish.
        """
        with self._lock:
            if self._published is None or self._age(self._published[0]) > KEPT_SECONDS:
                found = self._json(f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration")
                self._published = self._clock.now(), self._checked(found)
            return self._published[1]

    def keys(self, unknown: str | None = None) -> Sequence[Mapping[str, Any]]:
        """The provider's public keys, as JWK (RFC 7517).

        Args:
            unknown: Name of a key that was not among them a moment ago.

        Raises:
            NotYet: ``elsewhere-unreachable``.
        """
        address = self.published().jwks_uri
        with self._lock:
            patience = KEPT_SECONDS if unknown is None else AGAIN_SECONDS
            if self._keys is None or self._age(self._keys[0]) > patience:
                listed = self._json(address).get("keys")
                if not isinstance(listed, list) or len(cast("list[Any]", listed)) > KEYS_MOST:
                    raise _unreachable("keys")
                kept = [cast("dict[str, Any]", key) for key in cast("list[Any]", listed) if isinstance(key, dict)]
                self._keys = self._clock.now(), tuple(kept)
            return self._keys[1]

    def exchange(self, code: str, verifier: str, secret: bytes) -> Mapping[str, Any]:
        """What the provider gives for a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

        Raises:
            Forbidden: ``elsewhere-refused`` when it does not take the code.
            NotYet: ``elsewhere-unreachable``, also when it does not know this node.
        """
        published = self.published()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.client.address}
        form |= {"code_verifier": verifier}
        credentials: tuple[str, str] | None = None
        if not secret:
            form["client_id"] = self.client.client_id
        elif "client_secret_basic" in published.token_methods:  # the secret is form-encoded first: RFC 6749, 2.3.1
            credentials = quote(self.client.client_id, safe=""), quote(secret.decode(), safe="")
        else:
            form |= {"client_id": self.client.client_id, "client_secret": secret.decode()}
        status, body = self._ask("POST", published.token_endpoint, form, credentials)
        if status >= SERVER_ERROR or status == UNAUTHORIZED:
            raise _unreachable("client" if status == UNAUTHORIZED else "status")
        if status != OK:
            raise Forbidden("elsewhere-refused", part="code")
        return _object(body)

    def _age(self, at: datetime) -> float:
        return abs((self._clock.now() - at).total_seconds())

    def _checked(self, found: Mapping[str, Any]) -> Published:
        if found.get("issuer") != self.client.issuer:
            raise _unreachable("issuer")
        challenges = found.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(challenges, list) or "S256" not in challenges:
            raise _unreachable("pkce")
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if not isinstance(methods, list):
            raise _unreachable("methods")
        addresses = [found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(isinstance(one, str) and origin_of(one) in self.client.origins for one in addresses):
            raise _unreachable("origin")
        return Published(
            *cast("list[str]", addresses),
            token_methods=tuple(str(one) for one in cast("list[object]", methods)),
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        )

    def _json(self, address: str) -> Mapping[str, Any]:
        status, body = self._ask("GET", address)
        if status != OK:
            raise _unreachable("status")
        return _object(body)

    def _ask(
        self,
        method: str,
        address: str,
        form: Mapping[str, str] | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> tuple[int, bytes]:
        import httpx

        if origin_of(address) not in self.client.origins:
            raise _unreachable("origin")
        trusted = ssl.create_default_context(cafile=self.client.authority or None)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if not AT_ONCE.acquire(timeout=STEP_SECONDS):
            raise _unreachable("busy")
        try:
            with (
                httpx.Client(verify=trusted, timeout=STEP_SECONDS, trust_env=False, follow_redirects=False) as client,
                client.stream(method, address, data=form, auth=credentials, headers=headers) as answer,
            ):
                return answer.status_code, _read(answer)
        except httpx.HTTPError as error:
            raise _unreachable("network") from error
        finally:
            AT_ONCE.release()


def origin_of(address: str) -> str:
    """``scheme://host[:port]`` of an address; empty for what is none, or names somebody (``user@host``)."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc:
        return ""
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _read(answer: httpx.Response) -> bytes:
    """The body, no longer than :data:`LIMIT_BYTES` and no later than :data:`SECONDS` from now."""
    if answer.headers.get("content-encoding", "identity") != "identity":  # none was asked for, and it could swell
        raise _unreachable("encoding")
    body, start = b"", time.monotonic()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > LIMIT_BYTES or time.monotonic() - start > SECONDS:
            raise _unreachable("size" if len(body) > LIMIT_BYTES else "time")
    return body


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _unreachable("json") from error
    if not isinstance(found, dict):
        raise _unreachable("json")
    return cast("dict[str, Any]", found)


def _unreachable(part: str) -> NotYet:
    return NotYet("elsewhere-unreachable", part=part)
