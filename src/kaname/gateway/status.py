"""What a data manager wants to know: how much of what is where, and what waits for a person."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, literal, select

from kaname.database import reading
from kaname.errors import reasons
from kaname.gateway.follow import tiers
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import ASSOCIATIONS, CONSENTS, FOREIGN, OBJECTS, PARCELS, RECORDS, WITHDRAWALS
from kaname.gateway.watch import watched_folders
from kaname.ledger import Json


def status(hospital: Hospital) -> dict[str, Json]:
    """Counts by state: objects, files that are no DICOM, rows and reports, parcels, withdrawals.

    By decision: consents; by end: associations. Beside them what each tier accepted, the originals still in the spool,
    and whether each watched folder can be used.
    """
    by_state = (
        ("objects", OBJECTS.c.state),
        ("files", FOREIGN.c.state),
        ("parcels", PARCELS.c.state),
        ("withdrawals", WITHDRAWALS.c.state),
    )
    with reading(hospital.node.index) as connection:
        found = {name: _counted(connection, column) for name, column in by_state}
        records: dict[str, Json] = {
            kind: _counted(connection, RECORDS.c.state, RECORDS.c.kind == kind) for kind in ("row", "report")
        }
        by_registry: dict[str, Json] = {
            registry: _counted(connection, OBJECTS.c.state, OBJECTS.c.registry == registry)
            for registry in hospital.node.settings.registries
        }
        looked_at = connection.scalar(select(func.sum(OBJECTS.c.looked_at))) or 0
        found["consents"] = _counted(connection, CONSENTS.c.decision)
        ended = select(ASSOCIATIONS.c.ended, func.sum(ASSOCIATIONS.c.count).label("n")).group_by(ASSOCIATIONS.c.ended)
        found["associations"] = {row.ended: row.n for row in connection.execute(ended.order_by(ASSOCIATIONS.c.ended))}
    watched: list[Json] = [{"registry": one.registry, "usable": one.usable} for one in watched_folders(hospital)]
    originals = sum(1 for _ in hospital.spool.names())
    found["registries"] = {registry: {"objects": counted} for registry, counted in by_registry.items()}
    return {
        **found,
        "tiers": tiers(hospital),
        "records": records,
        "watched": watched,
        "originals": originals,
        "detector_frames": looked_at,
    }


def _counted(connection: Connection, column: ColumnElement[str], *only: ColumnElement[bool]) -> dict[str, Json]:
    rows = connection.execute(select(column, func.count().label("n")).where(*only).group_by(column).order_by(column))
    return {row[0]: row.n for row in rows}


def held(hospital: Hospital) -> list[Json]:
    """Objects, files and records that wait for a person or were refused, grouped by reason, with its two sentences.

    A row or report whose images have not come yet is ``waiting``: it goes on by itself.
    """
    found: list[Json] = []
    with reading(hospital.node.index) as connection:
        for table, kind in ((OBJECTS, literal("object")), (FOREIGN, literal("file")), (RECORDS, RECORDS.c.kind)):
            rows = connection.execute(
                select(
                    kind.label("kind"),
                    table.c.state,
                    table.c.registry,
                    table.c.reason,
                    func.count().label("n"),
                    func.max(table.c.received_at).label("last"),
                )
                .where(table.c.state.in_(("held", "refused", "waiting")))
                .group_by("kind", table.c.state, table.c.registry, table.c.reason)
                .order_by("kind", table.c.state, table.c.registry, table.c.reason)
            ).all()
            found += [
                {
                    "kind": row.kind,
                    "state": row.state,
                    "registry": row.registry,
                    "reason": row.reason,
                    "objects": row.n,
                    "last_at": row.last,
                    "ja": reasons()[row.reason].ja,
                    "en": reasons()[row.reason].en,
                }
                for row in rows
            ]
    return found
