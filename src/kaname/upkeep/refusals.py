"""What did not pass, one by one: instances to decide about, parcels that were refused, files of strangers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from kaname.archive.index import HELD
from kaname.database import reading
from kaname.intake.index import PARCELS, REFUSALS
from kaname.node import Node

SHOWN_MOST = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that did not pass."""

    outcome: str
    """``held`` (an instance or a pack), ``refused`` (a parcel) or ``stranger`` (a file that nobody vouches for)."""
    registry: str
    facility: str
    """Who sent it; empty where nothing that it says of itself is believed."""
    reason: str
    """Reason code."""
    instances: int
    """0 where nobody has looked inside."""
    digest: str
    """Of the parcel or file, under which it is kept; of the pack for what is held."""
    at: str


def refusals(node: Node, registries: Collection[str]) -> tuple[Refusal, ...]:
    """The newest ones of these registries, at most :data:`SHOWN_MOST`."""
    wanted = list(registries)
    held = (
        select(HELD.c.registry, PARCELS.c.gateway, HELD.c.reason, HELD.c.pack, HELD.c.held_at)
        .join(PARCELS, PARCELS.c.digest == HELD.c.parcel)
        .where(HELD.c.registry.in_(wanted))
        .order_by(HELD.c.held_at.desc())
        .limit(SHOWN_MOST)
    )
    refused = (
        select(PARCELS)
        .where(PARCELS.c.registry.in_(wanted), PARCELS.c.state == "refused")
        .order_by(PARCELS.c.at.desc())
        .limit(SHOWN_MOST)
    )
    strangers = select(REFUSALS).where(REFUSALS.c.registry.in_(wanted)).order_by(REFUSALS.c.at.desc()).limit(SHOWN_MOST)
    with reading(node.index) as connection:
        found = [Refusal("held", r, f, why, 1, pack, at) for r, f, why, pack, at in connection.execute(held)]
        found += [
            Refusal("refused", row.registry, row.gateway, row.reason, row.instances, row.digest, row.at)
            for row in connection.execute(refused)
        ]
        found += [
            Refusal("stranger", row.registry, "", row.reason, 0, row.file, row.at)
            for row in connection.execute(strangers)
        ]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True)[:SHOWN_MOST])
