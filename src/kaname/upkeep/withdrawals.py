"""Withdrawals as they stand here: asked for, carried out, certified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from kaname.database import reading
from kaname.governance.index import WITHDRAWALS
from kaname.node import Node

SHOWN_MOST = 200


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """One withdrawal. Whose it is stands in the signed statement and is shown nowhere."""

    registry: str
    facility: str
    statement: str
    """SHA-256 of the signed statement."""
    state: str
    """``open``, ``stopped`` (a person has to look) or ``certified``: everything is gone and the certificate signed."""
    upstream: bool
    """Whether the next tier's certificate has come."""
    at: str


def withdrawals(node: Node, registries: Collection[str]) -> tuple[Withdrawn, ...]:
    """The newest ones of these registries, at most :data:`SHOWN_MOST`."""
    query = (
        select(WITHDRAWALS)
        .where(WITHDRAWALS.c.registry.in_(list(registries)))
        .order_by(WITHDRAWALS.c.at.desc(), WITHDRAWALS.c.statement)
        .limit(SHOWN_MOST)
    )
    with reading(node.index) as connection:
        return tuple(
            Withdrawn(
                row.registry,
                row.gateway,
                row.statement,
                row.state,
                row.upstream is not None,
                row.at,
            )
            for row in connection.execute(query)
        )
