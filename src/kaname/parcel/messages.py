"""Signed messages between nodes: what is said besides parcels, receipts, withdrawals and certificates.

A message is of one kind, about one registry, from one sender; what its body holds is for the room that reads the kind.
The receiver answers with a signed acknowledgement, always the same one for the same message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from kaname.access.signing import PublicKey, SigningKey, sign_statement
from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.parcel.ask import Body, Partner, ask, content_of
from kaname.parcel.fields import DIGEST, NAME, REGISTRY, STAMP, WORD
from kaname.parcel.statements import opened_fields

INTRODUCTION = "introduction"
"""Kind: a hub tells the next tier a gateway's key."""
READINGS = "readings"
"""Kind: settled labels with their readings."""
HOLDINGS = "holdings"
"""Kind: a gateway tells how much lies with it. Hubs pass it on as the gateway signed it."""
LEDGER_HEAD = "ledger-head"
"""Kind: a node tells where its ledger ends. Its sequence is the event's own number."""
MESSAGE_LIMIT_BYTES = 1 << 24
"""Largest message statement."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one node says to another."""

    kind: str
    """A word (``[a-z][a-z0-9-]{0,62}``), e.g. :data:`READINGS`."""
    sender: str
    """Name of the node that signs."""
    registry: str
    sequence: int
    """Counts the messages of a sender, kind and registry, from 1: tells an older word from a newer one."""
    body: Json
    """Numbers, UIDs, pseudonyms and our own ids; numbers may have a fraction (``docs/spec/ledger.md``)."""
    at: str
    """UTC, ``YYYY-MM-DDThh:mm:ssZ``."""
    statement: bytes = field(default=b"", repr=False, compare=False)
    """The signed bytes that it was read from."""

    def sign(self, key: SigningKey) -> bytes:
        """The signed statement.

        Raises:
            Refused: ``too-large`` when no receiver would take it.
            ValueError, TypeError: when the body is no JSON (a bug).
        """
        body: dict[str, Json] = {
            "at": self.at,
            "body": self.body,
            "kind": self.kind,
            "registry": self.registry,
            "sender": self.sender,
            "sequence": self.sequence,
        }
        data = sign_statement("message", body, key)
        if len(data) > MESSAGE_LIMIT_BYTES:
            raise Refused("too-large", limit_bytes=MESSAGE_LIMIT_BYTES)
        return data

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey]) -> Message:
        """Reads a signed message. Whether the key is the sender's is for the receiver to judge.

        Raises:
            Refused: ``statement-invalid``.
        """
        names = ("at", "body", "kind", "registry", "sender", "sequence")
        fields = opened_fields(data, "message", keys, "statement-invalid", names)
        return cls(
            kind=fields.text("kind", WORD),
            sender=fields.text("sender", NAME),
            registry=fields.text("registry", REGISTRY),
            sequence=fields.number("sequence", 1),
            body=fields.any("body"),
            at=fields.text("at", STAMP),
            statement=data,
        )


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A receiver's word that it has taken a message in."""

    message: str
    """SHA-256 of the message statement."""
    answer: Json
    """What the receiving room has to say; its form hangs on the kind."""
    ledger_sequence: int
    """Number of the receiver's ledger event about it."""
    ledger_head: str
    """Digest of that event."""
    at: str
    """UTC, ``YYYY-MM-DDThh:mm:ssZ``."""
    statement: bytes = field(default=b"", repr=False, compare=False)
    """The signed bytes that it was read from: the evidence to keep."""

    def sign(self, key: SigningKey) -> bytes:
        """The signed statement."""
        body: dict[str, Json] = {
            "answer": self.answer,
            "at": self.at,
            "ledger_head": self.ledger_head,
            "ledger_sequence": self.ledger_sequence,
            "message": self.message,
        }
        return sign_statement("acknowledgement", body, key)

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey]) -> Acknowledgement:
        """Reads a signed acknowledgement.

        Raises:
            Refused: ``message-unanswered``.
        """
        names = ("answer", "at", "ledger_head", "ledger_sequence", "message")
        fields = opened_fields(data, "acknowledgement", keys, "message-unanswered", names)
        return cls(
            message=fields.text("message", DIGEST),
            answer=fields.any("answer"),
            ledger_sequence=fields.number("ledger_sequence", 1),
            ledger_head=fields.text("ledger_head", DIGEST),
            at=fields.text("at", STAMP),
            statement=data,
        )


def send_message(statement: bytes, partner: Partner) -> Acknowledgement:
    """Sends a signed message and returns the partner's acknowledgement. Sending again is safe.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``message-unanswered`` when the partner does not take it, or when its answer is no acknowledgement of
            this partner for this message.
    """
    data = content_of(ask(partner, "POST", "/peer/v1/messages", Body(statement)), "message-unanswered")
    acknowledgement = Acknowledgement.open(data, {partner.key.id: partner.key})
    if acknowledgement.message != sha256(statement).hexdigest():
        raise Refused("message-unanswered", part="answer")
    return acknowledgement
