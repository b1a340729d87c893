"""Partners: the gateways that a hub knows, the hub that a cloud knows, each by its public key.

Nothing is ever taken out: a revoked partner stays on the list with the day it was revoked, so that what it signed
before can still be verified.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, Row, insert, select, update

from kaname.access.index import PARTNER
from kaname.access.introductions import introduced
from kaname.access.signing import PublicKey
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Refused


@dataclass(frozen=True, slots=True)
class Partner:
    """Another node, as it was admitted."""

    name: str
    role: str
    """``gateway``, ``hub``, ``cloud`` or ``clinic``."""
    public_key: PublicKey
    registries: tuple[str, ...]
    """Registries that it may deliver to, or that it takes in."""
    certificate: str = ""
    """SHA-256 of its TLS certificate (hex); empty when it was admitted without one."""
    admitted_at: str = ""
    """Written by :func:`admit`."""
    revoked_at: str = ""
    """Empty while it is valid."""


def admit(index: Engine, partner: Partner, *, clock: Clock) -> Partner:
    """Admits a partner, now. The same key again brings its role, registries and certificate up to date.

    Raises:
        Refused: ``enrolment-invalid`` when the key belongs to another name or was revoked, when the name has
            another valid key (revoke that one first), or when a hub introduced somebody else under that name or key.
    """
    key = partner.public_key
    with writing(index) as connection:
        known = _by_key(connection, key.id)
        if known is not None and (known.name != partner.name or known.revoked_at):
            raise Refused("enrolment-invalid", part="public_key", key=key.id)
        if any(other.public_key != key for other in _valid(connection, partner.name)):
            raise Refused("enrolment-invalid", part="name", name=partner.name)
        for other in introduced(connection):
            if (other.name == partner.name) != (other.public_key == key):
                raise Refused("enrolment-invalid", part="name", name=partner.name)
        if known is not None:
            partner = replace(partner, admitted_at=known.admitted_at, revoked_at="")
            connection.execute(update(PARTNER).where(PARTNER.c.key_id == key.id).values(**_fields(partner)))
            return partner
        partner = replace(partner, admitted_at=clock.stamp(), revoked_at="")
        connection.execute(insert(PARTNER).values(key_id=key.id, **_fields(partner)))
        return partner


def revoke(index: Engine, name: str, *, clock: Clock) -> None:
    """Revokes a partner's key: from now on what it signs is a stranger's.

    Raises:
        Refused: ``not-found`` when no valid partner has that name.
    """
    valid = update(PARTNER).where(PARTNER.c.name == name, PARTNER.c.revoked_at == "")
    with writing(index) as connection:
        if connection.execute(valid.values(revoked_at=clock.stamp())).rowcount == 0:
            raise Refused("not-found", name=name)


def list_partners(index: Engine, *, revoked: bool = False) -> list[Partner]:
    """All valid partners by name; with ``revoked``, the revoked ones too."""
    query = select(PARTNER).order_by(PARTNER.c.name, PARTNER.c.admitted_at)
    if not revoked:
        query = query.where(PARTNER.c.revoked_at == "")
    with reading(index) as connection:
        return [_partner(row) for row in connection.execute(query)]


def partner_named(index: Engine, name: str) -> Partner:
    """The valid partner of that name.

    Raises:
        Refused: ``not-found``.
    """
    with reading(index) as connection:
        for partner in _valid(connection, name):
            return partner
    raise Refused("not-found", name=name)


def partner_of_key(index: Engine, key_id: str) -> Partner | None:
    """The partner, valid or revoked, whose key has that id, or the gateway that a hub introduced with it.

    ``None`` for a stranger.
    """
    with reading(index) as connection:
        admitted = _by_key(connection, key_id)
        if admitted is not None:
            return admitted
        for known in introduced(connection, key_id):
            return Partner(known.name, "gateway", known.public_key, known.registries, admitted_at=known.introduced_at)
    return None


def keys(index: Engine, *, revoked: bool = False) -> dict[str, PublicKey]:
    """Public keys of all valid partners, and of the gateways that hubs among them introduced, by key id.

    With ``revoked`` also old ones, to verify what they once signed.
    """
    with reading(index) as connection:
        vouched = [known.public_key for known in introduced(connection) if known.registries or revoked]
    admitted = [partner.public_key for partner in list_partners(index, revoked=revoked)]
    return {key.id: key for key in vouched + admitted}


def _by_key(connection: Connection, key_id: str) -> Partner | None:
    row = connection.execute(select(PARTNER).where(PARTNER.c.key_id == key_id)).one_or_none()
    return None if row is None else _partner(row)


def _valid(connection: Connection, name: str) -> list[Partner]:
    query = select(PARTNER).where(PARTNER.c.name == name, PARTNER.c.revoked_at == "")
    return [_partner(row) for row in connection.execute(query)]


def _partner(row: Row[tuple[object, ...]]) -> Partner:
    return Partner(
        name=row.name,
        role=row.role,
        public_key=PublicKey.from_text(row.public_key),
        certificate=row.certificate,
        registries=tuple(row.registries),
        admitted_at=row.admitted_at,
        revoked_at=row.revoked_at,
    )


def _fields(partner: Partner) -> dict[str, object]:
    return {
        "name": partner.name,
        "role": partner.role,
        "public_key": partner.public_key.text,
        "certificate": partner.certificate,
        "registries": list(partner.registries),
        "admitted_at": partner.admitted_at,
        "revoked_at": partner.revoked_at,
    }
