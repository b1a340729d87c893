"""What a node tells a gateway about its parcels: how far one has come, and the list of all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from kaname.access.partners import Partner as Gateway
from kaname.access.partners import keys, partner_of_key
from kaname.access.signing import read_statement
from kaname.database import reading
from kaname.errors import Refused
from kaname.intake import onward
from kaname.intake.flow import receipt_for
from kaname.intake.index import PARCELS
from kaname.intake.introduce import introduce
from kaname.node import Node
from kaname.parcel import reconciliation
from kaname.parcel.ask import Partner
from kaname.parcel.enrolment import delivers, read_partner, signing_key
from kaname.parcel.journey import Journey, Onward, Stop
from kaname.parcel.reconciliation import Inventory, InventoryRequest, Listed, NextTier, pass_request_on
from kaname.parcel.statements import Receipt


def journey_of(node: Node, digest: str) -> bytes:
    """The signed journey of a parcel: this node's receipt, and the next tier's once that has judged it.

    Raises:
        Refused: ``not-found``.
    """
    key = signing_key(node.settings.keys)
    own = Receipt.open(receipt_for(node, digest), {key.public.id: key.public})
    with reading(node.index) as connection:
        row = onward.row_of(connection, digest)
    stops = [Stop(node.settings.name, key.public, own)]
    if row is not None and row.receipt is not None:
        next_tier = read_partner(node.settings.keys)
        theirs = Receipt.open(row.receipt, {next_tier.key.id: next_tier.key})
        stops.append(Stop(next_tier.name, next_tier.key, theirs))
    return Journey(digest, _onward(node, row, own.registry), tuple(stops), node.clock.stamp()).sign(key)


def inventory(node: Node, request: bytes) -> bytes:
    """One signed page of what this node has of a gateway, which asks for it with a signed request.

    Raises:
        Refused: ``statement-invalid``.
    """
    asked, _ = _authentic(node, request)
    mine = (
        PARCELS.c.gateway == asked.gateway,
        PARCELS.c.registry == asked.registry,
        PARCELS.c.state != "arriving",
    )
    page = select(PARCELS).where(*mine, PARCELS.c.sequence > asked.after).order_by(PARCELS.c.sequence)
    with reading(node.index) as connection:
        rows = connection.execute(page.limit(reconciliation.PAGE)).all()
        last = connection.execute(select(func.max(PARCELS.c.sequence)).where(*mine)).scalar()
    return Inventory(
        node=node.settings.name,
        gateway=asked.gateway,
        registry=asked.registry,
        after=asked.after,
        last=last or 0,
        parcels=tuple(_listed(row) for row in rows),
        upstream=_next_tier(node, asked.registry),
        at=node.clock.stamp(),
    ).sign(signing_key(node.settings.keys))


def inventory_upstream(node: Node, request: bytes) -> bytes:
    """The next tier's answer to the same request, as it came.

    Raises:
        Refused: ``statement-invalid``, also for a registry that the gateway was not admitted for: asking would make the
            hub vouch for it; ``not-found`` when no tier follows; ``inventory-invalid``.
        NotYet: what asking a partner raises.
    """
    asked, partner = _authentic(node, request)
    if asked.registry not in partner.registries:
        raise Refused("statement-invalid", part="registry")
    upstream = Partner.upstream(node.settings.keys, asked.registry)
    if upstream is None:
        raise Refused("not-found")
    introduce(node, read_statement(request).key_id, asked.registry, upstream)
    return pass_request_on(request, upstream)


def _authentic(node: Node, request: bytes) -> tuple[InventoryRequest, Gateway]:
    asked = InventoryRequest.open(request, keys(node.index))
    partner = partner_of_key(node.index, read_statement(request).key_id)
    if partner is None or (partner.role, partner.name) != ("gateway", asked.gateway):
        raise Refused("statement-invalid", part="gateway")
    return asked, partner


def _onward(node: Node, row: Row[Any] | None, registry: str) -> Onward:
    if row is None:
        return "none"
    if row.receipt is not None or row.state == "withdrawn":
        return "settled"
    return "waiting" if delivers(node.settings.keys, registry) else "none"


def _listed(row: Row[Any]) -> Listed:
    receipt = read_statement(row.receipt).body
    assert isinstance(receipt, dict)  # our own word
    refused = row.state == "refused"
    gone = row.state == "withdrawn"
    return Listed(
        sequence=row.sequence,
        parcel=row.digest,
        state="refused" if refused else "withdrawn" if gone else "accepted",
        instances=0 if refused else row.instances,
        instances_digest=str(receipt["instances_digest"]),
    )


def _next_tier(node: Node, registry: str) -> tuple[NextTier, ...]:
    if not delivers(node.settings.keys, registry):
        return ()
    partner = read_partner(node.settings.keys)
    return (NextTier(partner.name, partner.key),)
