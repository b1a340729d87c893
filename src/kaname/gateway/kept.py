"""What is kept whole in the spool and the rows that say so: both go together."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, delete, not_, select

from kaname.database import reading, writing
from kaname.gateway.hospital import Hospital


def delete_kept(hospital: Hospital, table: Table, *which: ColumnElement[bool]) -> int:
    """Deletes these rows and their originals, but for one that another row of the table still needs; returns how many.

    Originals go first, then the rows: cut off in between, the same again finishes it.

    Args:
        hospital: the gateway.
        table: one whose ``id`` is the name in the spool.
        which: the rows.
    """
    mine = and_(*which)
    with reading(hospital.node.index) as connection:
        names = connection.scalars(select(table.c.id).where(mine)).all()
        needed = set(connection.scalars(select(table.c.id).where(table.c.id.in_(names), not_(mine))))
    for name in set(names) - needed:
        hospital.spool.delete(name)
    with writing(hospital.node.index) as connection:
        connection.execute(delete(table).where(mine))
    return len(names)
