"""Rows of intake: found and written. Every function works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, insert, not_, select, update

from kaname.errors import Refused
from kaname.intake.index import PACKS, PARCELS, RECORDS, WITHDRAWN
from kaname.intake.model import Arrival, ArrivedPack, State
from kaname.parcel.manifest import Manifest


def settled_receipt(connection: Connection, digest: str) -> tuple[State, bytes] | None:
    """State and receipt of a parcel that was judged; ``None`` before."""
    query = select(PARCELS.c.state, PARCELS.c.receipt).where(PARCELS.c.digest == digest, PARCELS.c.receipt.is_not(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.state, row.receipt)


def is_withdrawn(connection: Connection, registry: str, subject: str, gateway: str) -> bool:
    """Whether this subject has withdrawn at this gateway."""
    mine = (WITHDRAWN.c.registry == registry, WITHDRAWN.c.subject == subject, WITHDRAWN.c.gateway == gateway)
    return connection.execute(select(WITHDRAWN.c.at).where(*mine)).first() is not None


def has_withdrawn(connection: Connection, registry: str, subject: str) -> bool:
    """Whether this subject has withdrawn, at whatever gateway."""
    mine = (WITHDRAWN.c.registry == registry, WITHDRAWN.c.subject == subject)
    return connection.execute(select(WITHDRAWN.c.at).where(*mine).limit(1)).first() is not None


def owners(connection: Connection, registry: str, subject: str) -> set[str]:
    """The gateways that brought this subject: those with a parcel that was not refused, gone again or not."""
    mine = (PARCELS.c.registry == registry, PARCELS.c.subject == subject, PARCELS.c.state != "refused")
    return set(connection.scalars(select(PARCELS.c.gateway).where(*mine).distinct()))


def own(connection: Connection, table: Table, registry: str, subject: str) -> set[str]:
    """Packs or records that parcels of a subject name, but for those that another subject's judged parcel brought.

    A parcel that is still being judged may name anybody's: nothing of it was looked at.
    """
    named = select(table.c.digest).join(PARCELS, PARCELS.c.digest == table.c.parcel)
    mine = and_(PARCELS.c.registry == registry, PARCELS.c.subject == subject)
    theirs = named.where(not_(mine), PARCELS.c.state.not_in(("arriving", "refused")))
    return set(connection.scalars(named.where(mine, table.c.digest.not_in(theirs))))


def announce(connection: Connection, manifest: Manifest, at: str) -> None:
    """Writes down that a parcel is being judged and which packs it may put. Again for the same parcel: nothing changes.

    Raises:
        Refused: ``parcel-replayed`` when another parcel has this sequence number.
    """
    query = select(PARCELS.c.digest).where(
        PARCELS.c.gateway == manifest.gateway,
        PARCELS.c.registry == manifest.registry,
        PARCELS.c.sequence == manifest.sequence,
    )
    known = connection.execute(query).scalar()
    if known == manifest.digest:
        return
    if known is not None:
        raise Refused("parcel-replayed", sequence=manifest.sequence, known=known)
    connection.execute(
        insert(PARCELS).values(
            digest=manifest.digest,
            gateway=manifest.gateway,
            registry=manifest.registry,
            sequence=manifest.sequence,
            subject=manifest.subject,
            state="arriving",
            instances=manifest.instances,
            at=at,
        )
    )
    packs = [
        {
            "parcel": manifest.digest,
            "digest": pack.digest,
            "place": place,
            "study_instance_uid": pack.study_instance_uid,
            "series_instance_uid": pack.series_instance_uid,
            "size_bytes": pack.size_bytes,
            "instances": len(pack.instances),
        }
        for place, pack in enumerate(manifest.packs)
    ]
    records = [
        {"parcel": manifest.digest, "digest": record.digest, "kind": record.kind, "size_bytes": record.size_bytes}
        for record in manifest.records
    ]
    for table, rows in ((PACKS, packs), (RECORDS, records)):
        if rows:
            connection.execute(insert(table), rows)


def forget_contents(connection: Connection, parcel: str) -> None:
    """Takes the packs and records of a parcel out of the tables."""
    connection.execute(delete(PACKS).where(PACKS.c.parcel == parcel))
    connection.execute(delete(RECORDS).where(RECORDS.c.parcel == parcel))


def move_on(connection: Connection, digest: str, state: State) -> None:
    """Writes down where an accepted parcel stands now."""
    connection.execute(update(PARCELS).where(PARCELS.c.digest == digest).values(state=state))


def arrival(connection: Connection, digest: str) -> Arrival:
    """One parcel of a known partner.

    Raises:
        Refused: ``not-found``.
    """
    row = connection.execute(select(PARCELS).where(PARCELS.c.digest == digest)).one_or_none()
    if row is None:
        raise Refused("not-found")
    return _arrival(connection, row)


def arrivals_of(connection: Connection, registry: str, subject: str) -> tuple[Arrival, ...]:
    """All parcels of a subject, in the order of their judgement."""
    query = (
        select(PARCELS)
        .where(PARCELS.c.registry == registry, PARCELS.c.subject == subject)
        .order_by(PARCELS.c.ledger_sequence, PARCELS.c.digest)
    )
    return tuple(_arrival(connection, row) for row in connection.execute(query).all())


def records_of(connection: Connection, parcel: str) -> tuple[str, ...]:
    """Digests of the records that a parcel brought."""
    query = select(RECORDS.c.digest).where(RECORDS.c.parcel == parcel).order_by(RECORDS.c.digest)
    return tuple(connection.scalars(query))


def digests_in(connection: Connection, state: State) -> tuple[str, ...]:
    """Parcels in a state, in the order of their judgement."""
    query = select(PARCELS.c.digest).where(PARCELS.c.state == state).order_by(PARCELS.c.ledger_sequence)
    return tuple(connection.scalars(query))


def unshared(connection: Connection, parcel: str, packs: Iterable[str]) -> Iterator[str]:
    """Those of the packs that no other parcel has brought too."""
    for pack in packs:
        others = select(PACKS.c.parcel).where(PACKS.c.digest == pack, PACKS.c.parcel != parcel).limit(1)
        if connection.execute(others).first() is None:
            yield pack


def _arrival(connection: Connection, row: Row[Any]) -> Arrival:
    query = select(PACKS).where(PACKS.c.parcel == row.digest).order_by(PACKS.c.place)
    packs = tuple(
        ArrivedPack(p.digest, p.study_instance_uid, p.series_instance_uid, p.size_bytes, p.instances)
        for p in connection.execute(query)
    )
    return Arrival(row.digest, row.gateway, row.registry, row.sequence, row.subject, row.state, row.instances, packs)
