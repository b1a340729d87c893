"""Delivery: parcels and withdrawals go to a partner over mutual TLS, signed receipts and certificates come back.

Nothing is believed because of the connection: every answer is a statement, checked against the partner's key and
against what was sent.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import httpx

from kaname.access.certificates import client_context
from kaname.access.signing import PublicKey
from kaname.errors import NotYet, Refused
from kaname.parcel.enrolment import read_partner
from kaname.parcel.seal import Parcel
from kaname.parcel.statements import Certificate, Receipt

ANSWER_LIMIT_BYTES = 1 << 24
TIMEOUT = httpx.Timeout(connect=10, write=60, read=600, pool=10)
"""Seconds. A receiver inspects the whole parcel before it answers."""
PARCEL_TYPE = "application/x-tar"
STATEMENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Partner:
    """A node that this one delivers to: its door, the TLS that pins its authority, and the key it signs with."""

    url: str
    tls: ssl.SSLContext = field(repr=False)
    key: PublicKey

    @classmethod
    def enrolled(cls, keys: Path) -> Partner:
        """The partner that the keys folder is enrolled with.

        Raises:
            NotYet: ``not-enrolled``.
            Refused: ``key-…`` when a file of the folder cannot be used.
        """
        record = read_partner(keys)
        return cls(record.url, client_context(keys), record.key)


def deliver(parcel: Parcel, partner: Partner) -> Receipt:
    """Sends a parcel and returns the partner's receipt, accepted or refused. Sending again is safe.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``object-missing`` when the parcel file is gone; ``receipt-invalid`` when the answer is no receipt of
            this partner for this parcel.
    """
    try:
        source = parcel.path.open("rb")
    except FileNotFoundError as error:
        raise Refused("object-missing", digest=parcel.digest) from error
    with source:
        answer = _ask(partner, "POST", "/peer/v1/parcels", source, PARCEL_TYPE)
    return _receipt(_statement(answer, "receipt-invalid"), parcel, partner)


def ask_receipt(parcel: Parcel, partner: Partner) -> Receipt | None:
    """The receipt of a parcel that may have arrived already; ``None`` when the partner knows nothing of it.

    Raises:
        NotYet, Refused: as :func:`deliver`.
    """
    answer = _ask(partner, "GET", f"/peer/v1/receipts/{parcel.digest}")
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    return _receipt(_statement(answer, "receipt-invalid"), parcel, partner)


def send_withdrawal(statement: bytes, partner: Partner) -> Certificate:
    """Sends a signed withdrawal and returns the partner's certificate. Sending again is safe.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``certificate-invalid`` when the answer is no certificate of this partner for this withdrawal.
    """
    answer = _ask(partner, "POST", "/peer/v1/withdrawals", statement, STATEMENT_TYPE)
    data = _statement(answer, "certificate-invalid")
    certificate = Certificate.open(data, {partner.key.id: partner.key})
    if not certificate.answers(statement):
        raise Refused("certificate-invalid", part="answer")
    return certificate


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content: bytes


def _receipt(data: bytes, parcel: Parcel, partner: Partner) -> Receipt:
    receipt = Receipt.open(data, {partner.key.id: partner.key})
    if not receipt.answers(parcel.manifest):
        raise Refused("receipt-invalid", part="answer")
    return receipt


def _ask(
    partner: Partner, method: str, path: str, content: bytes | BinaryIO | None = None, content_type: str = ""
) -> _Answer:
    headers = {"accept-encoding": "identity"} | ({"content-type": content_type} if content_type else {})
    with (
        _outcomes(),
        httpx.Client(verify=partner.tls, timeout=TIMEOUT, trust_env=False) as client,
        client.stream(method, partner.url + path, content=content, headers=headers) as response,
    ):
        return _Answer(response.status_code, _read(response))


def _read(response: httpx.Response) -> bytes:
    """The body as it came, one byte over the limit at most (which then is no statement)."""
    body = bytearray()
    for chunk in response.iter_raw(1 << 16):
        body += chunk
        if len(body) > ANSWER_LIMIT_BYTES:
            break
    return bytes(body)


def _statement(answer: _Answer, code: str) -> bytes:
    """The body of a good answer; every other status is an outcome of ours."""
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
