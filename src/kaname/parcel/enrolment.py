"""Enrolment: a node's request, and the answer of the next tier; two files carried by hand, or sent with a code.

A gateway enrols with a hub, a hub with a cloud, both in the same way: the one who asks will deliver, the one who
answers will receive. The request proves that its maker holds the signing key and the TLS key that it names. The answer
carries the client certificate, the receiver's authority and its signing key, and is signed with that key. Both files
show a fingerprint in plain sight: the two people compare them by telephone, since nothing else tells them that the file
is the right one.

Files of a keys folder (0700, each file 0600): ``signing.pem``, ``tls.key``, ``tls.crt``, ``authority.crt``; at a
receiver ``authority.key``; after a new key ``signing.before``. ``partner.json`` stands beside the client's TLS files
(:func:`client_folder`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from kaname.access import certificates
from kaname.access.keyfile import read_secret, replace_secret
from kaname.access.signing import (
    PublicKey,
    SigningKey,
    open_statement,
    read_canonical,
    read_statement,
    sign_statement,
)
from kaname.clock import SYSTEM, Clock
from kaname.errors import NotYet, Refused
from kaname.ledger.canonical import Json, canonical
from kaname.parcel.fields import DIGEST, NAME, PEM, REGISTRY, STAMP, URL, Fields

Role = Literal["gateway", "hub"]
"""What a node that delivers is."""
ROLES: tuple[Role, ...] = ("gateway", "hub")
CODE = "enrolment-invalid"
REQUEST = "enrolment-request"
ANSWER = "enrolment-answer"
CLIENT_DAYS = 825
SIGNING_FILE = "signing.pem"
NEXT_FILE = "signing.next.pem"
"""A signing key that the next tier was told of, until it has answered."""
BEFORE_FILE = "signing.before"
"""Public keys that this folder signed with before, a line each."""
PARTNER_FILE = "partner.json"
FILE_LIMIT_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Request:
    """What a node asks for, as a person at the next tier has to see it before admitting it."""

    name: str
    role: Role
    registries: tuple[str, ...]
    key: PublicKey
    csr: bytes
    at: str


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted node: what the receiver writes down, and the file that goes back."""

    name: str
    role: Role
    registries: tuple[str, ...]
    key: PublicKey
    certificate: str
    """Fingerprint of the client certificate: SHA-256 of its DER form."""
    answer: bytes


@dataclass(frozen=True, slots=True)
class PartnerRecord:
    """The next tier, as who is enrolled with it keeps it (``partner.json``)."""

    name: str
    url: str
    key: PublicKey
    gateway: str
    """The name under which this node was admitted."""
    registries: tuple[str, ...]
    at: str


def client_folder(keys: Path) -> Path:
    """Where a node keeps what it needs as somebody's client.

    That is its keys folder; or, where that holds an authority and a server of its own, the folder ``upstream`` in it.
    """
    return keys / "upstream" if (keys / "authority.key").exists() else keys


def is_enrolled(keys: Path) -> bool:
    """Whether this node delivers to somebody."""
    return (client_folder(keys) / PARTNER_FILE).exists()


def delivers(keys: Path, registry: str) -> bool:
    """Whether this node delivers what it has of a registry.

    Raises:
        Refused: as :func:`read_partner`.
    """
    return is_enrolled(keys) and registry in read_partner(keys).registries


def signing_key(keys: Path) -> SigningKey:
    """The signing key of a keys folder, made when there is none.

    Raises:
        Refused: ``key-permissions``, ``key-invalid``.
    """
    path = keys / SIGNING_FILE
    return SigningKey.load(path) if path.exists() else SigningKey.new(path)


def own_keys(keys: Path) -> dict[str, PublicKey]:
    """The public key that a keys folder signs with, and those that it signed with before, by key id.

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """
    before = keys / BEFORE_FILE
    texts = read_secret(before).decode("ascii").split() if before.exists() else []
    known = [*(PublicKey.from_text(text) for text in texts), SigningKey.load(keys / SIGNING_FILE).public]
    return {key.id: key for key in known}


def succeed(keys: Path) -> None:
    """Has the key in ``signing.next.pem`` take the place of the signing key, whose public half is kept.

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """
    texts = [key.text for key in own_keys(keys).values()]
    SigningKey.load(keys / NEXT_FILE)
    replace_secret(keys / BEFORE_FILE, "".join(f"{text}\n" for text in texts).encode("ascii"))
    (keys / NEXT_FILE).replace(keys / SIGNING_FILE)


def start_over(keys: Path) -> None:
    """Makes a new signing key, and drops TLS key and certificate: for a node whose keys were revoked.

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """
    next_key(keys)
    succeed(keys)
    for name in ("tls.crt", "tls.key"):
        (client_folder(keys) / name).unlink(missing_ok=True)


def next_key(keys: Path) -> SigningKey:
    """The signing key to come; one that an earlier attempt left is used.

    Raises:
        Refused: ``key-permissions``, ``key-invalid``.
    """
    path = keys / NEXT_FILE
    return SigningKey.load(path) if path.exists() else SigningKey.new(path)


def make_request(
    keys: Path,
    name: str,
    registries: Sequence[str],
    clock: Clock = SYSTEM,
    *,
    role: Role = "gateway",
    key: SigningKey | None = None,
) -> bytes:
    """The request file of a node that will deliver; its keys are made when the folder has none.

    ``key`` is what it will sign with, if that is not the signing key of the folder.

    Raises:
        Refused: ``enrolment-invalid`` when name or registries are no names; ``key-permissions``, ``key-invalid``.
    """
    key = key or signing_key(keys)
    body: dict[str, Json] = {
        "at": clock.stamp(),
        "csr": certificates.make_request(client_folder(keys), name).decode("ascii"),
        "fingerprint": key.public.fingerprint,
        "name": name,
        "public_key": key.public.text,
        "registries": [*sorted(registries)],
        "role": role,
    }
    data = sign_statement(REQUEST, body, key)
    read_request(data)  # what is written can be read
    return data


def read_request(data: bytes) -> Request:
    """Reads a request file and checks that it proves what it names.

    Raises:
        Refused: ``enrolment-invalid``.
    """
    names = ("at", "csr", "fingerprint", "name", "public_key", "registries", "role")
    fields, key = self_signed(data, REQUEST, *names)
    request = Request(
        name=fields.text("name", NAME),
        role=fields.choice("role", ROLES),
        registries=fields.texts("registries", REGISTRY),
        key=key,
        csr=fields.text("csr", PEM).encode("ascii"),
        at=fields.text("at", STAMP),
    )
    if not request.registries:
        raise Refused(CODE, part="registries")
    if certificates.request_name(request.csr) != request.name:
        raise Refused(CODE, part="csr")
    return request


def admit(  # noqa: PLR0913 -- the receiver's half: authority, key, name, url
    request: bytes,
    authority: Path,
    key: SigningKey,
    name: str,
    url: str,
    clock: Clock = SYSTEM,
    *,
    registries: Sequence[str] | None = None,
) -> Admission:
    """Admits a node: issues its client certificate and signs the answer file.

    ``authority`` is the receiver's keys folder, ``key``, ``name`` and ``url`` are the receiver's. Whether to admit the
    node in its role is decided before, by whoever has read the request; for which ``registries``, too, if not for all
    that it asks for.

    Raises:
        Refused: ``enrolment-invalid``; ``key-…`` when the folder holds no usable authority.
    """
    asked = read_request(request)
    granted = asked.registries if registries is None else tuple(sorted(registries))
    certificate = certificates.issue(authority, asked.csr, CLIENT_DAYS, clock)
    body: dict[str, Json] = {
        "at": clock.stamp(),
        "authority": read_secret(authority / "authority.crt").decode("ascii"),
        "certificate": certificate.decode("ascii"),
        "fingerprint": key.public.fingerprint,
        "gateway": asked.name,
        "gateway_key": asked.key.text,
        "name": name,
        "public_key": key.public.text,
        "registries": [*granted],
        "url": url,
    }
    answer = sign_statement(ANSWER, body, key)
    _read_answer(answer)  # what is written can be read
    fingerprint = certificates.fingerprint(certificates.read_certificate(certificate))
    return Admission(asked.name, asked.role, granted, asked.key, fingerprint, answer)


def accept_answer(keys: Path, answer: bytes, fingerprint: str = "", own: PublicKey | None = None) -> PartnerRecord:
    """Takes the receiver's answer into the keys folder; ``partner.json`` is written last and makes it valid.

    ``fingerprint`` is the receiver's as heard by telephone; when given it must be the one in the file. ``own`` is the
    key that was asked for, if that is not the signing key of the folder.

    Raises:
        Refused: ``enrolment-invalid`` when the answer is not for the keys of this folder, contradicts itself, has
            another fingerprint, or comes from another receiver than the one enrolled with; ``key-…``.
    """
    found = _read_answer(answer)
    record = found.record
    if fingerprint and fingerprint != record.key.fingerprint:
        raise Refused(CODE, part="fingerprint")
    if found.gateway_key != (own or SigningKey.load(keys / SIGNING_FILE).public):
        raise Refused(CODE, part="gateway_key")
    client = client_folder(keys)
    if _public(found.certificate) != certificates.own_public_key(client):
        raise Refused(CODE, part="certificate")
    if is_enrolled(keys) and read_partner(keys).key != record.key:
        raise Refused(CODE, part="partner")
    replace_secret(client / "tls.crt", found.certificate.public_bytes(serialization.Encoding.PEM))
    replace_secret(client / "authority.crt", found.authority.public_bytes(serialization.Encoding.PEM))
    replace_secret(client / PARTNER_FILE, canonical(_record_json(record)))
    return record


def read_partner(keys: Path) -> PartnerRecord:
    """The next tier that the keys folder is enrolled with.

    Raises:
        NotYet: ``not-enrolled``.
        Refused: ``key-permissions``; ``enrolment-invalid`` when the file is broken.
    """
    path = client_folder(keys) / PARTNER_FILE
    if not path.exists():
        raise NotYet("not-enrolled")
    try:
        value = read_canonical(read_secret(path))
    except Refused as error:
        raise Refused(CODE if error.code == "statement-invalid" else error.code, file=PARTNER_FILE) from error
    return _record(Fields(value, CODE, "at", "gateway", "name", "public_key", "registries", "url"))


@dataclass(frozen=True, slots=True)
class _Answer:
    record: PartnerRecord
    gateway_key: PublicKey
    certificate: x509.Certificate
    authority: x509.Certificate


def _read_answer(data: bytes) -> _Answer:
    names = ("at", "authority", "certificate", "fingerprint", "gateway", "gateway_key")
    fields, _ = self_signed(data, ANSWER, *names, "name", "public_key", "registries", "url")
    answer = _Answer(
        _record(fields),
        fields.key("gateway_key"),
        _certificate(fields, "certificate"),
        _certificate(fields, "authority"),
    )
    try:
        answer.authority.verify_directly_issued_by(answer.authority)
        answer.certificate.verify_directly_issued_by(answer.authority)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise Refused(CODE, part="authority") from error
    if certificates.common_name(answer.certificate.subject) != answer.record.gateway:
        raise Refused(CODE, part="gateway")
    return answer


def self_signed(data: bytes, kind: str, *names: str) -> tuple[Fields, PublicKey]:
    """The members of a statement that is signed with the key it carries, and that key.

    Raises:
        Refused: ``enrolment-invalid``.
    """
    if len(data) > FILE_LIMIT_BYTES:
        raise Refused(CODE, part="size")
    try:
        fields = Fields(read_statement(data).body, CODE, *names)
        key = fields.key("public_key")
        open_statement(data, kind, {key.id: key})
    except Refused as error:
        raise Refused(CODE, **error.facts) from error
    if fields.text("fingerprint", DIGEST) != key.fingerprint:
        raise Refused(CODE, part="fingerprint")
    return fields, key


def _certificate(fields: Fields, name: str) -> x509.Certificate:
    try:
        return certificates.read_certificate(fields.text(name, PEM).encode("ascii"))
    except Refused as error:
        raise Refused(CODE, part=name) from error


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _record(fields: Fields) -> PartnerRecord:
    return PartnerRecord(
        name=fields.text("name", NAME),
        url=fields.text("url", URL),
        key=fields.key("public_key"),
        gateway=fields.text("gateway", NAME),
        registries=fields.texts("registries", REGISTRY),
        at=fields.text("at", STAMP),
    )


def _record_json(record: PartnerRecord) -> dict[str, Json]:
    return {
        "at": record.at,
        "gateway": record.gateway,
        "name": record.name,
        "public_key": record.key.text,
        "registries": list(record.registries),
        "url": record.url,
    }
