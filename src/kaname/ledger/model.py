"""What the ledger holds."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from kaname.ledger.canonical import Json, canonical

NOTHING = "0" * 64
"""What the first event has as ``previous``, and the digest of an empty ledger's head."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; never changed, never taken out."""

    sequence: int
    """1, 2, 3 … without a hole."""
    at: str
    """UTC, ISO 8601 with seconds."""
    actor: str
    """Who: a node, a partner or a person by our name for them."""
    action: str
    """What, e.g. ``parcel.accepted``."""
    about: str
    """The digest or id that it is about."""
    facts: dict[str, Json]
    """Numbers, tags, our ids and digests; never a value from a record."""
    previous: str
    """Digest of the event before, or :data:`NOTHING`."""
    digest: str
    """SHA-256 of the canonical JSON of all other fields."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a ledger ends: the sequence number and digest of its last event."""

    sequence: int = 0
    digest: str = NOTHING


def event_digest(event: Event) -> str:
    """The digest that this event ought to have.

    Raises:
        ValueError, TypeError: when a field is no JSON.
    """
    fields: Json = {
        "about": event.about,
        "action": event.action,
        "actor": event.actor,
        "at": event.at,
        "facts": event.facts,
        "previous": event.previous,
        "sequence": event.sequence,
    }
    return sha256(canonical(fields)).hexdigest()
