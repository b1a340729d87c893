"""Forgetting a subject: its cases and readings. Call it after the archive has forgotten it."""

from __future__ import annotations

from sqlalchemy import delete, select

from kaname.annotation.index import CASES, READINGS
from kaname.annotation.rows import one_at_a_time
from kaname.database import writing
from kaname.node import Node


def forget(node: Node, registry: str, subject: str) -> int:
    """Takes every case of a subject out, and all that readers said of it; returns how many cases.

    Cases are made of the archive only, in a row with this, so none comes back. Labels frozen before stay in their lists
    (:mod:`kaname.datasets.flow`).

    Raises:
        NotYet: ``index-busy``; the same call goes on from there.
    """
    own = (CASES.c.registry == registry, CASES.c.subject == subject)
    with writing(node.index) as connection:
        one_at_a_time(connection)
        connection.execute(delete(READINGS).where(READINGS.c.case_id.in_(select(CASES.c.id).where(*own))))
        return connection.execute(delete(CASES).where(*own)).rowcount
