"""Forgetting a subject: what models said of its images."""

from __future__ import annotations

from sqlalchemy import delete

from kaname.database import writing
from kaname.models.index import PREDICTIONS
from kaname.node import Node


def forget(node: Node, registry: str, subject: str) -> int:
    """Deletes every prediction about a subject; returns how many. The reports go with the archive's objects.

    Raises:
        NotYet: ``index-busy``; the same call goes on from there.
    """
    mine = (PREDICTIONS.c.registry == registry, PREDICTIONS.c.subject == subject)
    with writing(node.index) as connection:
        return connection.execute(delete(PREDICTIONS).where(*mine)).rowcount
