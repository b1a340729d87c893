"""Renewal: an enrolled node asks for a new client certificate, and may hand over to a new signing key.

What it asks with is the request of enrolment, signed with the key that it will sign with from now on. Around it stands
a statement signed with the key that it signs with today: so a new key is vouched for by the old one and by itself. The
answer is that of enrolment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kaname.access.signing import PublicKey, SigningKey, read_canonical, sign_statement
from kaname.clock import Clock
from kaname.ledger.canonical import Json, canonical
from kaname.parcel.ask import Body, Partner, ask, content_of
from kaname.parcel.enrolment import (
    CODE,
    SIGNING_FILE,
    PartnerRecord,
    Request,
    Role,
    accept_answer,
    make_request,
    next_key,
    read_partner,
    read_request,
    succeed,
)
from kaname.parcel.fields import STAMP, URL
from kaname.parcel.statements import opened_fields

RENEWAL = "renewal-request"
PATH = "/peer/v1/renewals"


@dataclass(frozen=True, slots=True)
class Renewal:
    """What an enrolled node asks for."""

    url: str
    """Under which it reaches the door."""
    request: Request
    statement: bytes
    """The enrolment request, signed with the key of the future."""


def renew(keys: Path, clock: Clock, *, role: Role, new_key: bool = False) -> PartnerRecord:
    """Renews the client certificate; with ``new_key`` a new signing key takes over.

    Cut off at any moment, the same call goes on: until it has ended the old key and certificate are used, and count.

    Raises:
        NotYet: ``not-enrolled``, ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``.
        Refused: ``enrolment-invalid`` when the answer is none; ``key-…``.
    """
    record, partner = read_partner(keys), Partner.enrolled(keys)
    today = SigningKey.load(keys / SIGNING_FILE)
    future = next_key(keys) if new_key else today
    request = make_request(keys, record.gateway, record.registries, clock, role=role, key=future)
    body: dict[str, Json] = {"at": clock.stamp(), "request": read_canonical(request), "url": record.url}
    answer = ask(partner, "POST", PATH, Body(sign_statement(RENEWAL, body, today)))
    renewed = accept_answer(keys, content_of(answer, CODE), record.key.fingerprint, future.public)
    if new_key:
        succeed(keys)
    return renewed


def read_renewal(data: bytes, keys: Mapping[str, PublicKey]) -> Renewal:
    """Reads a renewal that is signed with one of ``keys``.

    Raises:
        Refused: ``enrolment-invalid``.
    """
    fields = opened_fields(data, RENEWAL, keys, CODE, ("at", "request", "url"))
    fields.text("at", STAMP)
    statement = canonical(fields.any("request"))
    return Renewal(fields.text("url", URL), read_request(statement), statement)
