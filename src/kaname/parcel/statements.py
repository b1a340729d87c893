"""What partners sign besides parcels: the receipt, the withdrawal, and the certificate that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from kaname.access.signing import (
    PublicKey,
    SigningKey,
    open_statement,
    read_canonical,
    read_statement,
    sign_statement,
)
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical
from kaname.parcel.fields import DIGEST, LINE, NAME, REGISTRY, STAMP, SUBJECT, WORD, Fields
from kaname.parcel.manifest import Manifest

Outcome = Literal["accepted", "refused"]
Trace = Literal["deleted", "none", "kept"]
OUTCOMES: tuple[Outcome, ...] = ("accepted", "refused")
TRACES: tuple[Trace, ...] = ("deleted", "none", "kept")
TIERS_MAX = 4
"""How deep certificates of further tiers may stand in one another."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receiver says about one parcel. Exactly one stands for a parcel, whenever it is asked for."""

    parcel: str
    """Digest of the parcel's manifest."""
    gateway: str
    registry: str
    sequence: int
    outcome: Outcome
    reason: str
    """Reason code when refused, else empty."""
    instances: int
    """Instances taken in; 0 when refused."""
    instances_digest: str
    """:attr:`Manifest.instances_digest` of what was taken in; empty when refused."""
    ledger_sequence: int
    """Number of the receiver's ledger event about it."""
    ledger_head: str
    """Digest of that event: binds the receipt to everything that the receiver wrote before."""
    at: str
    """UTC, ``YYYY-MM-DDThh:mm:ssZ``."""
    statement: bytes = field(default=b"", repr=False, compare=False)
    """The signed bytes that it was read from: the evidence to keep."""

    def sign(self, key: SigningKey) -> bytes:
        """The signed statement."""
        return sign_statement(
            "receipt",
            {
                "at": self.at,
                "gateway": self.gateway,
                "instances": self.instances,
                "instances_digest": self.instances_digest,
                "ledger_head": self.ledger_head,
                "ledger_sequence": self.ledger_sequence,
                "outcome": self.outcome,
                "parcel": self.parcel,
                "reason": self.reason,
                "registry": self.registry,
                "sequence": self.sequence,
            },
            key,
        )

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey]) -> Receipt:
        """Reads a signed receipt.

        Raises:
            Refused: ``receipt-invalid``.
        """
        names = ("at", "gateway", "instances", "instances_digest", "ledger_head", "ledger_sequence")
        names = (*names, "outcome", "parcel", "reason", "registry", "sequence")
        fields = opened_fields(data, "receipt", keys, "receipt-invalid", names)
        outcome: Outcome = fields.choice("outcome", OUTCOMES)
        accepted = outcome == "accepted"
        reason = fields.text("reason", WORD, empty=accepted)
        instances = fields.number("instances", 0)
        instances_digest = fields.text("instances_digest", DIGEST, empty=not accepted)
        if bool(reason) == accepted or bool(instances_digest) != accepted or (instances and not accepted):
            raise Refused("receipt-invalid", part="outcome")
        return cls(
            parcel=fields.text("parcel", DIGEST),
            gateway=fields.text("gateway", NAME),
            registry=fields.text("registry", REGISTRY),
            sequence=fields.number("sequence", 1),
            outcome=outcome,
            reason=reason,
            instances=instances,
            instances_digest=instances_digest,
            ledger_sequence=fields.number("ledger_sequence", 1),
            ledger_head=fields.text("ledger_head", DIGEST),
            at=fields.text("at", STAMP),
            statement=data,
        )

    def answers(self, manifest: Manifest) -> bool:
        """Whether this is about that parcel, and about all of it."""
        same = (self.parcel, self.gateway, self.registry, self.sequence) == (
            manifest.digest,
            manifest.gateway,
            manifest.registry,
            manifest.sequence,
        )
        taken = (self.instances, self.instances_digest) == (manifest.instances, manifest.instances_digest)
        return same and (taken or self.outcome == "refused")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A gateway takes one subject back out of one registry."""

    registry: str
    subject: str
    gateway: str
    sequence: int
    """Counts the withdrawals of a gateway for a registry, from 1."""
    at: str
    """UTC, ``YYYY-MM-DDThh:mm:ssZ``."""
    statement: bytes = field(default=b"", repr=False, compare=False)
    """The signed bytes that it was read from."""

    def sign(self, key: SigningKey) -> bytes:
        """The signed statement."""
        body: dict[str, Json] = {
            "at": self.at,
            "gateway": self.gateway,
            "registry": self.registry,
            "sequence": self.sequence,
            "subject": self.subject,
        }
        return sign_statement("withdrawal", body, key)

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey]) -> Withdrawal:
        """Reads a signed withdrawal.

        Raises:
            Refused: ``statement-invalid``.
        """
        names = ("at", "gateway", "registry", "sequence", "subject")
        fields = opened_fields(data, "withdrawal", keys, "statement-invalid", names)
        return cls(
            registry=fields.text("registry", REGISTRY),
            subject=fields.text("subject", SUBJECT),
            gateway=fields.text("gateway", NAME),
            sequence=fields.number("sequence", 1),
            at=fields.text("at", STAMP),
            statement=data,
        )


@dataclass(frozen=True, slots=True)
class Hole:
    """A dataset version that was made because a member went."""

    name: str
    version: int
    digest: str
    """SHA-256 of the version's list."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place where copies could be: what was done there."""

    name: str
    """e.g. ``caches``, ``embeddings``, ``indexes``, ``exports``, ``backups``."""
    outcome: Trace
    """``none``: this node has no such place, or nothing of the subject was there."""
    until: str
    """When what is kept goes (UTC stamp); empty unless kept."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model version that was trained on a dataset version which named the subject: it stays, and is named."""

    name: str
    version: int
    digest: str
    """SHA-256 over what the version was made from and is."""


@dataclass(frozen=True, slots=True)
class TierCertificate:
    """What the next tier certified for the same withdrawal, kept whole with the key that it verifies with."""

    name: str
    """Of that tier."""
    key: PublicKey
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Certificate:
    """A receiver certifies that a subject is gone, here and further on, and names what is kept until when."""

    withdrawal: str
    """SHA-256 of the withdrawal statement that it answers."""
    registry: str
    subject: str
    deleted: tuple[str, ...]
    """Names of the stored objects that were deleted."""
    datasets: tuple[Hole, ...]
    models: tuple[ModelRef, ...]
    places: tuple[Place, ...]
    upstream: tuple[TierCertificate, ...]
    """Certificates of the tiers that this one had passed parcels on to."""
    ledger_sequence: int
    ledger_head: str
    at: str
    """UTC, ``YYYY-MM-DDThh:mm:ssZ``."""
    statement: bytes = field(default=b"", repr=False, compare=False)
    """The signed bytes that it was read from: the evidence to keep."""

    def sign(self, key: SigningKey) -> bytes:
        """The signed statement."""
        return sign_statement(
            "certificate",
            {
                "at": self.at,
                "datasets": [{"digest": d.digest, "name": d.name, "version": d.version} for d in self.datasets],
                "deleted": list(self.deleted),
                "ledger_head": self.ledger_head,
                "ledger_sequence": self.ledger_sequence,
                "models": [{"digest": m.digest, "name": m.name, "version": m.version} for m in self.models],
                "places": [{"name": p.name, "outcome": p.outcome, "until": p.until} for p in self.places],
                "registry": self.registry,
                "subject": self.subject,
                "upstream": [_tier_json(tier) for tier in self.upstream],
                "withdrawal": self.withdrawal,
            },
            key,
        )

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey], *, depth: int = 1) -> Certificate:
        """Reads a signed certificate, and those of further tiers in it (``depth`` counts them from outside in).

        Raises:
            Refused: ``certificate-invalid``.
        """
        names = ("at", "datasets", "deleted", "ledger_head", "ledger_sequence", "models")
        names = (*names, "places", "registry", "subject", "upstream", "withdrawal")
        fields = opened_fields(data, "certificate", keys, "certificate-invalid", names)

        def further(value: Json) -> TierCertificate:
            return _tier(value, depth + 1)

        certificate = cls(
            withdrawal=fields.text("withdrawal", DIGEST),
            registry=fields.text("registry", REGISTRY),
            subject=fields.text("subject", SUBJECT),
            deleted=fields.texts("deleted", LINE),
            datasets=fields.items("datasets", _hole),
            models=fields.items("models", _model),
            places=fields.items("places", _place),
            upstream=fields.items("upstream", further),
            ledger_sequence=fields.number("ledger_sequence", 1),
            ledger_head=fields.text("ledger_head", DIGEST),
            at=fields.text("at", STAMP),
            statement=data,
        )
        if any(not certificate.agrees(tier.certificate) for tier in certificate.upstream):
            raise Refused("certificate-invalid", part="upstream")
        return certificate

    def agrees(self, other: Certificate) -> bool:
        """Whether another tier's certificate is about the same withdrawal."""
        mine = (self.withdrawal, self.registry, self.subject)
        return mine == (other.withdrawal, other.registry, other.subject)

    def answers(self, withdrawal: bytes) -> bool:
        """Whether this is about that withdrawal statement.

        Raises:
            Refused: ``statement-invalid`` when ``withdrawal`` is no statement.
        """
        body = read_statement(withdrawal).body
        named = {"registry": self.registry, "subject": self.subject}
        digest = sha256(withdrawal).hexdigest()
        return self.withdrawal == digest and isinstance(body, dict) and named.items() <= body.items()


def _hole(value: Json) -> Hole:
    fields = Fields(value, "certificate-invalid", "digest", "name", "version")
    return Hole(fields.text("name", NAME), fields.number("version", 1), fields.text("digest", DIGEST))


def _model(value: Json) -> ModelRef:
    fields = Fields(value, "certificate-invalid", "digest", "name", "version")
    return ModelRef(fields.text("name", NAME), fields.number("version", 1), fields.text("digest", DIGEST))


def _tier_json(tier: TierCertificate) -> Json:
    return {
        "certificate": read_canonical(tier.certificate.statement),
        "name": tier.name,
        "public_key": tier.key.text,
    }


def _tier(value: Json, depth: int) -> TierCertificate:
    fields = Fields(value, "certificate-invalid", "certificate", "name", "public_key")
    if depth > TIERS_MAX:
        raise Refused("certificate-invalid", part="upstream")
    key = fields.key("public_key")
    certificate = Certificate.open(canonical(fields.any("certificate")), {key.id: key}, depth=depth)
    return TierCertificate(fields.text("name", NAME), key, certificate)


def _place(value: Json) -> Place:
    fields = Fields(value, "certificate-invalid", "name", "outcome", "until")
    outcome: Trace = fields.choice("outcome", TRACES)
    kept = outcome == "kept"
    until = fields.text("until", STAMP, empty=not kept)
    if until and not kept:
        raise Refused("certificate-invalid", part="until")
    return Place(fields.text("name", WORD), outcome, until)


def opened_fields(data: bytes, kind: str, keys: Mapping[str, PublicKey], code: str, names: tuple[str, ...]) -> Fields:
    """The members of the body of a statement of that kind, signed by one of ``keys``.

    Raises:
        Refused: ``code`` when form, kind, key or signature is wrong, or when the members are not ``names``.
    """
    try:
        body = open_statement(data, kind, keys)
    except Refused as error:
        raise Refused(code, **error.facts) from error
    return Fields(body, code, *names)
