"""How far a parcel has come: the receipts of all tiers, gathered and signed by the one that the gateway delivers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kaname.access.signing import PublicKey, SigningKey, read_canonical, sign_statement
from kaname.errors import Refused
from kaname.ledger.canonical import Json, canonical
from kaname.parcel.ask import Partner, ask, content_of
from kaname.parcel.fields import DIGEST, NAME, STAMP, Fields
from kaname.parcel.statements import Receipt, opened_fields

CODE = "receipt-invalid"
Onward = Literal["none", "waiting", "settled"]
"""``none``: no tier follows; ``waiting``: the next one has yet to answer; ``settled``: nothing will change any more."""
ONWARD: tuple[Onward, ...] = ("none", "waiting", "settled")


@dataclass(frozen=True, slots=True)
class Stop:
    """One tier that has judged the parcel."""

    name: str
    key: PublicKey
    """With which its receipt verifies: vouched for by who signs the journey."""
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Journey:
    """Where one parcel has been."""

    parcel: str
    onward: Onward
    stops: tuple[Stop, ...]
    """In the order of the tiers; the first is the signer's own."""
    at: str
    """UTC, ``YYYY-MM-DDThh:mm:ssZ``."""
    statement: bytes = field(default=b"", repr=False, compare=False)
    """The signed bytes that it was read from."""

    def sign(self, key: SigningKey) -> bytes:
        """The signed statement."""
        stops: list[Json] = [
            {"name": stop.name, "public_key": stop.key.text, "receipt": read_canonical(stop.receipt.statement)}
            for stop in self.stops
        ]
        body: dict[str, Json] = {"at": self.at, "onward": self.onward, "parcel": self.parcel, "stops": stops}
        return sign_statement("journey", body, key)

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey]) -> Journey:
        """Reads a signed journey; every receipt in it is signed by its tier and about the same content.

        Raises:
            Refused: ``receipt-invalid``.
        """
        fields = opened_fields(data, "journey", keys, CODE, ("at", "onward", "parcel", "stops"))
        journey = cls(
            parcel=fields.text("parcel", DIGEST),
            onward=fields.choice("onward", ONWARD),
            stops=fields.items("stops", _stop),
            at=fields.text("at", STAMP),
            statement=data,
        )
        if not journey.stops or any(not _same(journey, stop.receipt) for stop in journey.stops):
            raise Refused(CODE, part="stops")
        return journey


def ask_journey(parcel: str, partner: Partner) -> Journey:
    """How far a parcel has come; ``parcel`` is its digest.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``receipt-invalid`` when the answer is no journey of that parcel, signed by this partner.
    """
    data = content_of(ask(partner, "GET", f"/peer/v1/journeys/{parcel}"), CODE)
    journey = Journey.open(data, {partner.key.id: partner.key})
    if journey.parcel != parcel or journey.stops[0].key != partner.key:
        raise Refused(CODE, part="answer")
    return journey


def _stop(value: Json) -> Stop:
    fields = Fields(value, CODE, "name", "public_key", "receipt")
    key = fields.key("public_key")
    return Stop(fields.text("name", NAME), key, Receipt.open(canonical(fields.any("receipt")), {key.id: key}))


def _same(journey: Journey, receipt: Receipt) -> bool:
    """Whether a receipt is about this parcel, and about what the first tier took in unless it was refused."""
    first = journey.stops[0].receipt
    named = (journey.parcel, first.gateway, first.registry, first.sequence)
    taken = (first.instances, first.instances_digest)
    same = (receipt.parcel, receipt.gateway, receipt.registry, receipt.sequence) == named
    return same and (receipt.outcome == "refused" or (receipt.instances, receipt.instances_digest) == taken)
