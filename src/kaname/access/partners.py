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
    """SHA-256 of its TLS certificate (hex): the newest, and behind a space the one before while it may still be shown.

    Empty when it was admitted without one: then it has no way in.
    """
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
    with writing(index) as connection:
        return write_down(connection, partner, clock=clock)


def write_down(connection: Connection, partner: Partner, *, clock: Clock) -> Partner:
    """The same, in the caller's transaction.

    Raises:
        Refused: as :func:`admit`.
    """
    valid = [known.public_key for known in _valid(connection, partner.name)]
    if valid and partner.public_key not in valid:
        raise Refused("enrolment-invalid", part="name", name=partner.name)
    return _keep(connection, partner, clock)


def renew(connection: Connection, partner: Partner, *, shown: str, clock: Clock) -> None:
    """Writes down a valid partner's new certificate, and a new key if it has one.

    The old key stays: what it signed is still on its way. The certificate that the partner has ``shown`` stays until
    the new one is, in case the answer was lost.

    Raises:
        Refused: ``enrolment-invalid`` when the key belongs to another name, was revoked or was introduced.
    """
    _keep(connection, partner, clock)
    certificates = " ".join(dict.fromkeys((partner.certificate, shown)))
    _certify(connection, partner.name, certificates)


def partner_of_certificate(index: Engine, digest: str) -> Partner | None:
    """The valid partner that has the certificate; ``None`` for a stranger and for who was revoked.

    Once it has shown the newer one of two, the older one is nobody's.

    Args:
        index: The node's index.
        digest: SHA-256 of the certificate's DER form, in hex.
    """
    query = select(PARTNER).where(PARTNER.c.revoked_at == "", PARTNER.c.certificate.contains(digest, autoescape=True))
    with reading(index) as connection:
        found = [_partner(row) for row in connection.execute(query.order_by(PARTNER.c.admitted_at.desc()))]
    for partner in found:
        newest, *older = partner.certificate.split() or [""]
        if digest == newest and older:
            with writing(index) as connection:
                _certify(connection, partner.name, newest, instead=partner.certificate)
        if digest and digest in (newest, *older):
            return partner
    return None


def is_valid(connection: Connection, name: str, key: PublicKey) -> bool:
    """Whether that name has that key now."""
    return any(known.public_key == key for known in _valid(connection, name))


def bringers(index: Engine, key_id: str) -> set[str]:
    """Names of the partners that may bring what a key signed: whose it is, and the hubs that vouch for it.

    Empty for a stranger's key.
    """
    with reading(index) as connection:
        admitted = _by_key(connection, key_id)
        hubs = {known.hub for known in introduced(connection, key_id)}
    return hubs if admitted is None else hubs | {admitted.name}


def brings(index: Engine, partner: Partner, gateway: str) -> bool:
    """Whether a partner is that gateway, or a hub that vouches for it."""
    if partner.name == gateway:
        return True
    with reading(index) as connection:
        return any((known.name, known.hub) == (gateway, partner.name) for known in introduced(connection))


def revoke(index: Engine, name: str, *, clock: Clock, key_id: str = "") -> None:
    """Revokes a partner: from now on what it signs is a stranger's, and its certificate opens nothing.

    With ``key_id`` only that one of its keys: what it signed is a stranger's, the partner stays.

    Raises:
        Refused: ``not-found`` when no valid partner has that name, or that key.
    """
    valid = update(PARTNER).where(PARTNER.c.name == name, PARTNER.c.revoked_at == "")
    if key_id:
        valid = valid.where(PARTNER.c.key_id == key_id)
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
    """The valid partner of that name, with the newest of its keys.

    Raises:
        Refused: ``not-found``.
    """
    with reading(index) as connection:
        for partner in reversed(_valid(connection, name)):
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


def _keep(connection: Connection, partner: Partner, clock: Clock) -> Partner:
    """Writes a partner's row; other keys under its name have the same rights from now on."""
    key = partner.public_key
    known = _by_key(connection, key.id)
    if known is not None and (known.name != partner.name or known.revoked_at):
        raise Refused("enrolment-invalid", part="public_key", key=key.id)
    for other in introduced(connection):
        if (other.name == partner.name) != (other.public_key == key):
            raise Refused("enrolment-invalid", part="name", name=partner.name)
    partner = replace(partner, admitted_at=known.admitted_at if known else clock.stamp(), revoked_at="")
    if known is None:
        connection.execute(insert(PARTNER).values(key_id=key.id, **_fields(partner)))
    rights = {name: value for name, value in _fields(partner).items() if name in ("role", "registries", "certificate")}
    connection.execute(
        update(PARTNER).where(PARTNER.c.name == partner.name, PARTNER.c.revoked_at == "").values(**rights)
    )
    return partner


def _certify(connection: Connection, name: str, certificates: str, *, instead: str = "") -> None:
    """Writes down which certificates count for a name; with ``instead`` only where nothing changed meanwhile."""
    mine = update(PARTNER).where(PARTNER.c.name == name, PARTNER.c.revoked_at == "")
    if instead:
        mine = mine.where(PARTNER.c.certificate == instead)
    connection.execute(mine.values(certificate=certificates))


def _by_key(connection: Connection, key_id: str) -> Partner | None:
    row = connection.execute(select(PARTNER).where(PARTNER.c.key_id == key_id)).one_or_none()
    return None if row is None else _partner(row)


def _valid(connection: Connection, name: str) -> list[Partner]:
    query = select(PARTNER).where(PARTNER.c.name == name, PARTNER.c.revoked_at == "").order_by(PARTNER.c.admitted_at)
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
