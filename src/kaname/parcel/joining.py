"""Enrolment over the network: one line that the next tier made, and one request that answers it.

The line says where the door is, what its TLS key and the tier's signing key are, and a code that lets one node in once.
Nothing is trusted at first sight: the TLS key is compared before anything is sent, the signing key before anything is
believed. The code stays where it was pasted: what travels is signed with a key that is made from it. Request and answer
are those of the two files (:mod:`kaname.parcel.enrolment`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kaname.access.certificates import pinned_context
from kaname.access.invitations import ID_LENGTH, key_of
from kaname.access.signing import PublicKey, read_canonical, sign_statement
from kaname.clock import Clock
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical
from kaname.parcel.ask import Body, ask_door, content_of
from kaname.parcel.enrolment import (
    PartnerRecord,
    Request,
    Role,
    accept_answer,
    is_enrolled,
    make_request,
    read_partner,
    read_request,
    self_signed,
)
from kaname.parcel.fields import DIGEST, STAMP, URL

JOINING = "enrolment-joining"
PATH = "/enrolment/v1/requests"
CODE = "invitation-invalid"
FORM = "kaname1"
ID = re.compile(f"[0-9a-f]{{{ID_LENGTH}}}")
HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Line:
    """What the next tier hands to who is to join."""

    url: str
    """Of its door for partners."""
    key: str
    """Fingerprint of its signing key."""
    door: str
    """Fingerprint of its TLS key."""
    invitation: str
    code: str

    @property
    def text(self) -> str:
        """The line, without anything that a shell would read."""
        return ",".join((FORM, self.url, self.key, self.door, f"{self.invitation}-{self.code}"))

    @classmethod
    def read(cls, text: str) -> Line:
        """Reads the line.

        Raises:
            Refused: ``invitation-invalid`` when it is none.
        """
        parts = text.strip().split(",")
        if len(parts) != len(("form", "url", "key", "door", "code")) or parts[0] != FORM:
            raise Refused(CODE, part="line")
        _, url, key, door, last = parts
        invitation, _, code = last.partition("-")
        forms = ((url, URL), (key, DIGEST), (door, DIGEST), (invitation, ID))
        if not all(form.fullmatch(value) for value, form in forms):
            raise Refused(CODE, part="line")
        return cls(url, key, door, invitation, code)


@dataclass(frozen=True, slots=True)
class Joining:
    """A request that comes with a code."""

    invitation: str
    code_key: PublicKey
    """Made from the code: this is what it is signed with."""
    url: str
    """Under which the door was reached."""
    request: Request
    statement: bytes
    """The enrolment request, as its node signed it."""


def join(keys: Path, line: str, name: str, registries: Sequence[str], clock: Clock, *, role: Role) -> PartnerRecord:
    """Enrols a node with the tier that made the line; its keys are made when the folder has none.

    Cut off at any moment, the same call again ends in the same state, for ten minutes.

    Raises:
        Refused: ``invitation-invalid`` when it is no such line, or was not accepted; ``enrolment-invalid`` when this
            node has another partner already, or the answer is not that tier's; ``key-…``.
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``.
    """
    said = Line.read(line)
    if is_enrolled(keys) and read_partner(keys).key.fingerprint != said.key:
        raise Refused("enrolment-invalid", part="partner")
    request = make_request(keys, name, registries, clock, role=role)
    where = urlsplit(said.url)
    tls = pinned_context(where.hostname or "", where.port or HTTPS_PORT, said.door)
    answer = ask_door(said.url, tls, "POST", PATH, Body(joining(said, request, clock)))
    return accept_answer(keys, content_of(answer, CODE), said.key)


def joining(line: Line, request: bytes, clock: Clock) -> bytes:
    """The signed request of who has the line.

    Raises:
        Refused: ``invitation-invalid`` when its code is none.
    """
    key = key_of(line.code)
    body: dict[str, Json] = {
        "at": clock.stamp(),
        "fingerprint": key.public.fingerprint,
        "invitation": line.invitation,
        "public_key": key.public.text,
        "request": read_canonical(request),
        "url": line.url,
    }
    return sign_statement(JOINING, body, key)


def read_joining(data: bytes) -> Joining:
    """Reads such a request, and checks that it proves what it names. Whether the code is right is asked elsewhere.

    Raises:
        Refused: ``enrolment-invalid``.
    """
    names = ("at", "fingerprint", "invitation", "public_key", "request", "url")
    fields, code_key = self_signed(data, JOINING, *names)
    fields.text("at", STAMP)
    statement = canonical(fields.any("request"))
    return Joining(fields.text("invitation", ID), code_key, fields.text("url", URL), read_request(statement), statement)
