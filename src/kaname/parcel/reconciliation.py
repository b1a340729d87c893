"""Reconciliation: what a gateway says it delivered, held against the signed list of each tier.

A gateway asks with a signed request, so that nobody else learns how much it delivers. A tier answers page by page, by
sequence number; the request is passed on unchanged to the tier behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from kaname.access.signing import PublicKey, SigningKey, sign_statement
from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.parcel.ask import Body, Partner, ask, content_of
from kaname.parcel.fields import DIGEST, NAME, REGISTRY, STAMP, Fields
from kaname.parcel.statements import opened_fields

CODE = "inventory-invalid"
PAGE = 10_000
"""Parcels on one page of a list: about 3 MiB."""
State = Literal["accepted", "refused", "withdrawn"]
STATES: tuple[State, ...] = ("accepted", "refused", "withdrawn")


@dataclass(frozen=True, slots=True)
class InventoryRequest:
    """A gateway asks what was received from it for one registry."""

    gateway: str
    registry: str
    after: int
    """Only parcels with a greater sequence number."""
    at: str

    def sign(self, key: SigningKey) -> bytes:
        """The signed statement."""
        body: dict[str, Json] = {
            "after": self.after,
            "at": self.at,
            "gateway": self.gateway,
            "registry": self.registry,
        }
        return sign_statement("inventory-request", body, key)

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey]) -> InventoryRequest:
        """Reads a signed request.

        Raises:
            Refused: ``statement-invalid``.
        """
        names = ("after", "at", "gateway", "registry")
        fields = opened_fields(data, "inventory-request", keys, "statement-invalid", names)
        return cls(
            gateway=fields.text("gateway", NAME),
            registry=fields.text("registry", REGISTRY),
            after=fields.number("after", 0),
            at=fields.text("at", STAMP),
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """One parcel, as a tier or the gateway itself has it."""

    sequence: int
    parcel: str
    state: State
    instances: int
    """0 when refused."""
    instances_digest: str
    """Empty when refused."""


@dataclass(frozen=True, slots=True)
class NextTier:
    """The tier behind the one that answers: its name, and the key that its own lists verify with."""

    name: str
    key: PublicKey


@dataclass(frozen=True, slots=True)
class Inventory:
    """One page of what a tier holds of one gateway and registry."""

    node: str
    gateway: str
    registry: str
    after: int
    last: int
    """The highest sequence number that it has of this gateway; pages follow up to there."""
    parcels: tuple[Listed, ...]
    """By sequence number."""
    upstream: tuple[NextTier, ...]
    """The tier behind it, if any."""
    at: str

    def sign(self, key: SigningKey) -> bytes:
        """The signed statement."""
        body: dict[str, Json] = {
            "after": self.after,
            "at": self.at,
            "gateway": self.gateway,
            "last": self.last,
            "node": self.node,
            "parcels": [[p.sequence, p.parcel, p.state, p.instances, p.instances_digest] for p in self.parcels],
            "registry": self.registry,
            "upstream": [{"name": tier.name, "public_key": tier.key.text} for tier in self.upstream],
        }
        return sign_statement("inventory", body, key)

    @classmethod
    def open(cls, data: bytes, keys: Mapping[str, PublicKey]) -> Inventory:
        """Reads a signed page.

        Raises:
            Refused: ``inventory-invalid``.
        """
        names = ("after", "at", "gateway", "last", "node", "parcels", "registry", "upstream")
        fields = opened_fields(data, "inventory", keys, CODE, names)
        page = cls(
            node=fields.text("node", NAME),
            gateway=fields.text("gateway", NAME),
            registry=fields.text("registry", REGISTRY),
            after=fields.number("after", 0),
            last=fields.number("last", 0),
            parcels=fields.items("parcels", _listed),
            upstream=fields.items("upstream", _next_tier),
            at=fields.text("at", STAMP),
        )
        numbers = [page.after, *(parcel.sequence for parcel in page.parcels)]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            raise Refused(CODE, part="parcels")
        return page


def ask_inventory(request: InventoryRequest, key: SigningKey, partner: Partner) -> Iterator[Inventory]:
    """Every page of the partner's own list, the first one in any case.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``inventory-invalid`` when an answer is no such page, signed by this partner.
    """
    yield from _pages(request, key, partner, "/peer/v1/inventories", partner.key)


def ask_next_inventory(
    request: InventoryRequest, key: SigningKey, partner: Partner, tier: NextTier
) -> Iterator[Inventory]:
    """Every page of the list of the tier behind the partner, which passes the request on.

    Raises:
        NotYet, Refused: as :func:`ask_inventory`.
    """
    yield from _pages(request, key, partner, "/peer/v1/inventories/upstream", tier.key)


def pass_request_on(request: bytes, partner: Partner) -> bytes:
    """The answer of the next tier to a gateway's request, as it came: the gateway judges it.

    Raises:
        NotYet, Refused: as :func:`ask_inventory`.
    """
    return content_of(ask(partner, "POST", "/peer/v1/inventories", Body(request)), CODE)


def _pages(
    request: InventoryRequest, key: SigningKey, partner: Partner, path: str, signer: PublicKey
) -> Iterator[Inventory]:
    after = request.after
    while True:
        asked = InventoryRequest(request.gateway, request.registry, after, request.at)
        data = content_of(ask(partner, "POST", path, Body(asked.sign(key))), CODE)
        page = Inventory.open(data, {signer.id: signer})
        if (page.gateway, page.registry, page.after) != (asked.gateway, asked.registry, after):
            raise Refused(CODE, part="answer")
        yield page
        if not page.parcels or page.parcels[-1].sequence >= page.last:
            return
        after = page.parcels[-1].sequence


@dataclass(frozen=True, slots=True)
class Own:
    """One parcel, as the gateway has it."""

    listed: Listed
    underway: bool
    """Whether the tier may still be without its latest news: nothing about it is a difference yet."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One parcel about which the gateway and a tier disagree."""

    sequence: int
    kind: Literal["missing", "unknown", "other-parcel", "other-state", "other-instances"]
    """``missing``: the tier has not what it acknowledged; ``unknown``: the gateway never sent it."""
    parcel: str
    """Digest, as the gateway has it; as the tier has it where the gateway has none."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A gateway's parcels held against one tier's list."""

    matched: int
    underway: int
    differences: tuple[Difference, ...] = field(default=())
    """By sequence number."""


def compare(own: Iterable[Own], listed: Iterable[Listed]) -> Comparison:
    """Holds a gateway's parcels against a tier's list."""
    theirs = {parcel.sequence: parcel for parcel in listed}
    matched = underway = 0
    differences: list[Difference] = []
    for mine in own:
        found = theirs.pop(mine.listed.sequence, None)
        kind = _difference(mine.listed, found)
        if kind is None:
            matched += 1
        elif mine.underway:
            underway += 1
        else:
            differences.append(Difference(mine.listed.sequence, kind, mine.listed.parcel))
    differences += [Difference(parcel.sequence, "unknown", parcel.parcel) for parcel in theirs.values()]
    return Comparison(matched, underway, tuple(sorted(differences, key=lambda one: one.sequence)))


def _difference(
    mine: Listed, theirs: Listed | None
) -> Literal["missing", "other-parcel", "other-state", "other-instances"] | None:
    """What is wrong between the two, if anything. What was refused or withdrawn need not be on the tier's list."""
    if theirs is None:
        return "missing" if mine.state == "accepted" else None
    if mine.parcel != theirs.parcel:
        return "other-parcel"
    if mine.state != theirs.state and "accepted" in (mine.state, theirs.state):
        return "other-state"
    if mine.state == theirs.state == "accepted" and _content(mine) != _content(theirs):
        return "other-instances"
    return None


def _content(parcel: Listed) -> tuple[int, str]:
    return parcel.instances, parcel.instances_digest


def _listed(value: Json) -> Listed:
    match value:
        case [sequence, parcel, state, instances, instances_digest]:
            named: dict[str, Json] = {
                "instances": instances,
                "instances_digest": instances_digest,
                "parcel": parcel,
                "sequence": sequence,
                "state": state,
            }
        case _:
            raise Refused(CODE, part="parcels")
    fields = Fields(named, CODE, *named)
    return Listed(
        sequence=fields.number("sequence", 1),
        parcel=fields.text("parcel", DIGEST),
        state=fields.choice("state", STATES),
        instances=fields.number("instances", 0),
        instances_digest=fields.text("instances_digest", DIGEST, empty=True),
    )


def _next_tier(value: Json) -> NextTier:
    fields = Fields(value, CODE, "name", "public_key")
    return NextTier(fields.text("name", NAME), fields.key("public_key"))
