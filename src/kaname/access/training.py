"""Who was trained in what. Of the document that proves it only the digest is kept; it stays where it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from kaname.access.entries import checked_digest, checked_id, last_second
from kaname.access.index import ACCOUNT, TRAINING
from kaname.errors import Refused


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody's proof of one course."""

    name: str
    """Of the account."""
    course: str
    proof: str
    """SHA-256 of the document."""
    done_at: str
    """When it was recorded, UTC, ISO 8601 with seconds."""
    until: str
    """When it has to be done again; empty for never."""


def record(connection: Connection, name: str, course: str, proof: str, until: str, at: str) -> Proof:
    """Writes a proof down, in the place of an older one, in a transaction of :func:`kaname.access.remembered.changing`.

    Args:
        connection: The transaction.
        name: Of the account.
        course: An id.
        proof: SHA-256 of the document.
        until: The last day that it holds, ``2027-03-31``; empty for no end.
        at: When it is recorded.

    Raises:
        Refused: ``not-found`` for the account; ``entry-invalid``.
    """
    if connection.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.name == name)).first() is None:
        raise Refused("not-found")
    made = Proof(name, checked_id(course), checked_digest(proof, "proof"), at, last_second(until))
    connection.execute(delete(TRAINING).where(TRAINING.c.name == name, TRAINING.c.course == course))
    connection.execute(insert(TRAINING).values(asdict(made)))
    return made


def proofs(connection: Connection, name: str) -> tuple[Proof, ...]:
    """All of somebody's, by course."""
    rows = connection.execute(select(TRAINING).where(TRAINING.c.name == name).order_by(TRAINING.c.course))
    return tuple(Proof(row.name, row.course, row.proof, row.done_at, row.until) for row in rows)


def missing(connection: Connection, name: str, courses: Iterable[str], at: str) -> tuple[str, ...]:
    """Courses of which somebody has no proof that holds now."""
    held = {one.course for one in proofs(connection, name) if not one.until or at < one.until}
    return tuple(course for course in courses if course not in held)
