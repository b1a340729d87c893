"""What partners sign besides parcels: the receipt, the withdrawal, and the certificate that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from kaname.access.signing import PublicKey, SigningKey, open_statement, read_statement, sign_statement
from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.parcel.fields import DIGEST, LINE, NAME, REGISTRY, STAMP, SUBJECT, WORD, Fields
from kaname.parcel.manifest import Manifest

Outcome = Literal["accepted", "refused"]
Trace = Literal["deleted", "none", "kept"]
OUTCOMES: tuple[Outcome, ...] = ("accepted", "refused")
TRACES: tuple[Trace, ...] = ("deleted", "none", "kept")


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
        fields = _opened(data, "receipt", keys, "receipt-invalid", names)
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
        fields = _opened(data, "withdrawal", keys, "statement-invalid", names)
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
class Certificate:
    """A receiver certifies that a subject is gone, and names what is kept until when."""

    withdrawal: str
    """SHA-256 of the withdrawal statement that it answers."""
    registry: str
    subject: str
    deleted: tuple[str, ...]
    """Names of the stored objects that were deleted."""
    datasets: tuple[Hole, ...]
    places: tuple[Place, ...]
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
                "places": [{"name": p.name, "outcome": p.outcome, "until": p.until} for p in self.places],
                "registry": self.registry,
                "subject": self.subject,
                "withdrawal": self.withdrawal,
            },
            key,
        )

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey]) -> Certificate:
        """Reads a signed certificate.

        Raises:
            Refused: ``certificate-invalid``.
        """
        names = ("at", "datasets", "deleted", "ledger_head", "ledger_sequence")
        names = (*names, "places", "registry", "subject", "withdrawal")
        fields = _opened(data, "certificate", keys, "certificate-invalid", names)
        return cls(
            withdrawal=fields.text("withdrawal", DIGEST),
            registry=fields.text("registry", REGISTRY),
            subject=fields.text("subject", SUBJECT),
            deleted=fields.texts("deleted", LINE),
            datasets=fields.items("datasets", _hole),
            places=fields.items("places", _place),
            ledger_sequence=fields.number("ledger_sequence", 1),
            ledger_head=fields.text("ledger_head", DIGEST),
            at=fields.text("at", STAMP),
            statement=data,
        )

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


def _place(value: Json) -> Place:
    fields = Fields(value, "certificate-invalid", "name", "outcome", "until")
    outcome: Trace = fields.choice("outcome", TRACES)
    kept = outcome == "kept"
    until = fields.text("until", STAMP, empty=not kept)
    if until and not kept:
        raise Refused("certificate-invalid", part="until")
    return Place(fields.text("name", WORD), outcome, until)


def _opened(data: bytes, kind: str, keys: Mapping[str, PublicKey], code: str, names: tuple[str, ...]) -> Fields:
    try:
        body = open_statement(data, kind, keys)
    except Refused as error:
        raise Refused(code, **error.facts) from error
    return Fields(body, code, *names)
