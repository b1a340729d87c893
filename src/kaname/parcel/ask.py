"""One request to a partner over mutual TLS, and what its answer means.

Nothing is believed because of the connection: whoever asks reads the answer as a statement, checked against the
partner's key and against what was asked.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import httpx

from kaname.access.certificates import client_context
from kaname.access.signing import PublicKey
from kaname.errors import NotYet, Refused
from kaname.parcel.enrolment import client_folder, delivers, read_partner

ANSWER_LIMIT_BYTES = 1 << 24
TIMEOUT = httpx.Timeout(connect=10, write=60, read=600, pool=10)
"""Seconds. A receiver inspects the whole parcel before it answers."""
STATEMENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Partner:
    """A node that this one delivers to: its door, the TLS that pins its authority, and the key it signs with."""

    url: str
    tls: ssl.SSLContext = field(repr=False)
    key: PublicKey
    name: str = ""
    registries: tuple[str, ...] = ()
    """Which it takes from this node."""

    @classmethod
    def enrolled(cls, keys: Path) -> Partner:
        """The partner that the keys folder is enrolled with.

        Raises:
            NotYet: ``not-enrolled``.
            Refused: ``key-…`` when a file of the folder cannot be used.
        """
        record = read_partner(keys)
        return cls(record.url, client_context(client_folder(keys)), record.key, record.name, record.registries)

    @classmethod
    def upstream(cls, keys: Path, registry: str) -> Partner | None:
        """The same for a node that may stand alone; ``None`` when nobody takes what it has of that registry.

        Raises:
            Refused: ``key-…`` when a file of the folder cannot be used.
        """
        return cls.enrolled(keys) if delivers(keys, registry) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status and body, the latter cut one byte over its limit at the earliest."""

    status: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: its content, its media type, and its length where the content is streamed in pieces."""

    content: bytes | BinaryIO | Iterable[bytes]
    media_type: str = STATEMENT_TYPE
    length: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What announces it."""
        length = {} if self.length is None else {"content-length": str(self.length)}
        return {"content-type": self.media_type} | length


def ask(partner: Partner, method: str, path: str, body: Body | None = None) -> Answer:
    """Sends one request and waits for the whole answer.

    Raises:
        NotYet: ``receiver-unreachable``; for a person ``receiver-untrusted``.
        Refused, NotYet: what reading the content of ``body`` raises; the request is broken off then.
    """
    return ask_door(partner.url, partner.tls, method, path, body)


def ask_door(url: str, tls: ssl.SSLContext, method: str, path: str, body: Body | None = None) -> Answer:
    """The same at a door whose node is no partner yet.

    Raises:
        NotYet, Refused: as :func:`ask`.
    """
    headers = {"accept-encoding": "identity"} | (body.headers if body else {})
    content = body.content if body else None
    with (
        _outcomes(),
        httpx.Client(verify=tls, timeout=TIMEOUT, trust_env=False) as client,
        client.stream(method, url + path, content=content, headers=headers) as response,
    ):
        return Answer(response.status_code, _read(response))


def content_of(answer: Answer, code: str) -> bytes:
    """The body of a good answer.

    Raises:
        NotYet: ``receiver-busy`` and, for a person, ``not-enrolled``.
        Refused: ``code`` for every other answer.
    """
    status = answer.status
    if (
        status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        raise NotYet("receiver-busy", status=status)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise NotYet("not-enrolled", status=status)
    if status != HTTPStatus.OK:
        raise Refused(code, status=status)
    if len(answer.content) > ANSWER_LIMIT_BYTES:
        raise Refused(code, part="size")
    return answer.content


def _read(response: httpx.Response) -> bytes:
    """The body as it came, one byte over the limit at most (which then is no statement)."""
    body = bytearray()
    for chunk in response.iter_raw(1 << 16):
        body += chunk
        if len(body) > ANSWER_LIMIT_BYTES:
            break
    return bytes(body)


@contextmanager
def _outcomes() -> Generator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise NotYet("receiver-untrusted" if _untrusted(error) else "receiver-unreachable") from error


def _untrusted(error: BaseException | None) -> bool:
    """Whether the other end's certificate is why: somewhere down the chain of causes."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
