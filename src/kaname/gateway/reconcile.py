"""Reconciliation: this gateway's own parcels, held against the signed list of each tier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from sqlalchemy import func, select

from kaname.access.signing import read_statement
from kaname.database import reading
from kaname.gateway.follow import catch_up
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import JOURNEYS, OBJECTS, PARCELS, WITHDRAWALS
from kaname.ledger import Json
from kaname.parcel.reconciliation import (
    Comparison,
    Inventory,
    InventoryRequest,
    Listed,
    Own,
    State,
    ask_inventory,
    ask_next_inventory,
    compare,
)

STATES: dict[str, State] = {"refused": "refused", "withdrawn": "withdrawn"}
"""What a parcel that is not accepted, and not on its way to be, is on a tier's list."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One tier's list held against ours."""

    tier: str
    comparison: Comparison

    def to_json(self) -> dict[str, Json]:
        """As it is printed."""
        found = self.comparison
        return {
            "tier": self.tier,
            "matched": found.matched,
            "underway": found.underway,
            "difference": len(found.differences),
            "differences": [asdict(one) for one in found.differences],
        }


def reconcile(hospital: Hospital, registry: str) -> tuple[Reconciled, ...]:
    """Compares the parcels of one registry with the lists of the hub and of the tier behind it.

    Returns:
        One comparison per tier, the nearest first. The ledger keeps the numbers.

    Raises:
        NotYet: ``not-enrolled``, ``receiver-unreachable``, ``receiver-busy``.
        Refused: ``inventory-invalid``; ``unknown-registry`` is the caller's to check.
    """
    partner = hospital.partner()
    request = InventoryRequest(hospital.name, registry, 0, hospital.node.clock.stamp())
    pages = tuple(ask_inventory(request, hospital.signing, partner))
    if pages[-1].upstream:
        catch_up(hospital, registry)
    sent = _sent(hospital, registry)
    near = [Own(one.listed, one.unanswered) for one in sent]
    found = [Reconciled(pages[0].node, compare(near, _parcels(pages)))]
    for tier in pages[-1].upstream:
        further = tuple(ask_next_inventory(request, hospital.signing, partner, tier))
        far = [Own(one.listed, one.unanswered or one.following) for one in sent]
        found.append(Reconciled(tier.name, compare(far, _parcels(further))))
    for one in found:
        facts: dict[str, Json] = {
            "difference": len(one.comparison.differences),
            "matched": one.comparison.matched,
            "tier": one.tier,
            "underway": one.comparison.underway,
        }
        hospital.node.ledger.append("reconciled", registry, actor=hospital.name, facts=facts)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Sent:
    """One of our parcels."""

    listed: Listed
    unanswered: bool
    """Whether the hub has yet to answer: to the parcel, or to the withdrawal of its subject."""
    following: bool
    """Whether the tier behind it has."""


def _sent(hospital: Hospital, registry: str) -> list[_Sent]:
    with reading(hospital.node.index) as connection:
        counted = (
            select(OBJECTS.c.batch, func.count().label("n"))
            .where(OBJECTS.c.registry == registry, OBJECTS.c.state.in_(("sent", "closed")))
            .group_by(OBJECTS.c.batch)
        )
        instances = {row.batch: row.n for row in connection.execute(counted)}
        asked = select(WITHDRAWALS.c.subject).where(
            WITHDRAWALS.c.registry == registry, WITHDRAWALS.c.state == "requested"
        )
        leaving = set(connection.scalars(asked))
        query = (
            select(PARCELS, JOURNEYS.c.state.label("journey"))
            .outerjoin(JOURNEYS, JOURNEYS.c.parcel == PARCELS.c.digest)
            .where(PARCELS.c.registry == registry)
            .order_by(PARCELS.c.sequence)
        )
        return [
            _Sent(
                Listed(
                    row.sequence,
                    row.digest,
                    STATES.get(row.state, "accepted"),
                    instances.get(row.batch, 0),
                    _instances_digest(row.receipt),
                ),
                unanswered=row.state in ("sealing", "sealed") or row.subject in leaving,
                following=row.journey in ("waiting", "none", "stopped"),
            )
            for row in connection.execute(query)
        ]


def _instances_digest(receipt: bytes | None) -> str:
    """What the hub said it took in, which was compared with the manifest when it came."""
    body = read_statement(receipt).body if receipt else {}
    return str(body.get("instances_digest", "")) if isinstance(body, dict) else ""


def _parcels(pages: Iterable[Inventory]) -> Iterator[Listed]:
    for page in pages:
        yield from page.parcels
