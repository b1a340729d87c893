"""Introductions: an admitted hub vouches for the keys of gateways that this node never met.

A hub may introduce a gateway for registries that it was admitted for itself. What it said counts for as long as it is a
valid partner. A gateway that renewed its key has two under one name: parcels that it signed before are still on their
way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select

from kaname.access.index import INTRODUCED, PARTNER
from kaname.access.signing import PublicKey
from kaname.errors import Refused


@dataclass(frozen=True, slots=True)
class Introduced:
    """A gateway that a hub vouches for."""

    name: str
    public_key: PublicKey
    registries: tuple[str, ...]
    """For which it does now; none once the hub is no partner any more."""
    hub: str
    """Name of the hub."""
    introduced_at: str


def introduce(connection: Connection, gateway: Introduced) -> None:
    """Writes down for which registries a hub vouches for a gateway's key. Again: nothing changes.

    Raises:
        Refused: ``enrolment-invalid`` when the hub is no valid partner for a registry, when the key or the name belongs
            to a partner that was admitted here, or when another hub vouches for that key or name.
    """
    key = gateway.public_key
    for registry in gateway.registries:
        if not _vouches(connection, gateway.hub, registry):
            raise Refused("enrolment-invalid", part="registries")
        _free(connection, gateway)
        mine = (INTRODUCED.c.key_id == key.id, INTRODUCED.c.registry == registry)
        if connection.execute(select(INTRODUCED.c.hub).where(*mine)).first() is None:
            connection.execute(
                insert(INTRODUCED).values(
                    key_id=key.id,
                    registry=registry,
                    name=gateway.name,
                    public_key=key.text,
                    hub=gateway.hub,
                    introduced_at=gateway.introduced_at,
                )
            )


def introduced(connection: Connection, key_id: str | None = None) -> list[Introduced]:
    """The gateways that hubs vouch for, or vouched for while they were partners; with ``key_id`` that one only."""
    query = select(INTRODUCED).order_by(INTRODUCED.c.name, INTRODUCED.c.key_id, INTRODUCED.c.registry)
    if key_id is not None:
        query = query.where(INTRODUCED.c.key_id == key_id)
    rows: dict[str, list[Row[tuple[str, ...]]]] = {}
    for row in connection.execute(query):
        rows.setdefault(row.key_id, []).append(row)
    return [_gateway(connection, own) for own in rows.values()]


def _gateway(connection: Connection, rows: Iterable[Row[tuple[str, ...]]]) -> Introduced:
    first, *_ = every = list(rows)
    vouched = tuple(row.registry for row in every if _vouches(connection, row.hub, row.registry))
    return Introduced(
        name=first.name,
        public_key=PublicKey.from_text(first.public_key),
        registries=vouched,
        hub=first.hub,
        introduced_at=min(row.introduced_at for row in every),
    )


def _vouches(connection: Connection, hub: str, registry: str) -> bool:
    query = select(PARTNER.c.registries).where(
        PARTNER.c.name == hub, PARTNER.c.role == "hub", PARTNER.c.revoked_at == ""
    )
    return any(registry in row.registries for row in connection.execute(query))


def _free(connection: Connection, gateway: Introduced) -> None:
    """Refuses a key or a name that is somebody else's."""
    key = gateway.public_key
    if connection.execute(select(PARTNER.c.name).where(PARTNER.c.key_id == key.id)).first() is not None:
        raise Refused("enrolment-invalid", part="public_key", key=key.id)
    admitted = select(PARTNER.c.key_id).where(PARTNER.c.name == gateway.name, PARTNER.c.revoked_at == "")
    if connection.execute(admitted).first() is not None:
        raise Refused("enrolment-invalid", part="name", name=gateway.name)
    same = (INTRODUCED.c.name == gateway.name) | (INTRODUCED.c.key_id == key.id)
    for row in connection.execute(select(INTRODUCED).where(same)):
        if (row.hub, row.name) != (gateway.hub, gateway.name):
            raise Refused("enrolment-invalid", part="name", name=gateway.name)
