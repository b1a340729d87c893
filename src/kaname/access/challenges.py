"""What a browser was asked and has not answered yet.

Each question is for one session and one purpose, and is answered once, within :data:`ANSWER_MINUTES`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Engine, delete, insert

from kaname.access.index import CHALLENGE
from kaname.access.sessions import STAMP, Session
from kaname.clock import Clock
from kaname.database import writing
from kaname.errors import Forbidden
from kaname.store import digest_bytes

ANSWER_MINUTES = 5
HANDLE_BYTES = 32
Purpose = Literal["signin", "prove", "enrol", "totp"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, and what for."""

    purpose: Purpose
    name: str = ""
    """Of the account; empty where the answer is to say whose it is."""
    session: str = ""
    """Digest of the session that asked; empty before there is one."""

    @classmethod
    def of(cls, purpose: Purpose, session: Session) -> Asked:
        """A question to the owner of a session. It ends with the session's secret."""
        return cls(purpose, session.owner, digest_bytes(session.form_token.encode()))


def ask(index: Engine, asked: Asked, clock: Clock, data: Mapping[str, Any] | None = None) -> str:
    """A new question; returns its name (256 random bits, base64url), of which only the digest is kept.

    Args:
        index: The node's index.
        asked: Who, and what for.
        clock: Says when it ends.
        data: To be had again with the answer.
    """
    handle = secrets.token_urlsafe(HANDLE_BYTES)
    until = (clock.now() + timedelta(minutes=ANSWER_MINUTES)).strftime(STAMP)
    own = {"session": asked.session, "data": dict(data or {})}
    with writing(index) as connection:
        connection.execute(delete(CHALLENGE).where(CHALLENGE.c.expires_at <= clock.stamp()))
        connection.execute(
            insert(CHALLENGE).values(
                digest=digest_bytes(handle.encode()),
                purpose=asked.purpose,
                name=asked.name,
                data=own,
                expires_at=until,
            )
        )
    return handle


def take(index: Engine, handle: str, asked: Asked, clock: Clock) -> Mapping[str, Any]:
    """What was kept with a question, which is used up by that: of two answers at once, one counts.

    Raises:
        Forbidden: ``answer-late`` (unknown, used, expired, or another's).
    """
    used = delete(CHALLENGE).where(CHALLENGE.c.digest == digest_bytes(handle.encode()))
    with writing(index) as connection:
        row = connection.execute(used.returning(CHALLENGE)).one_or_none()
    if row is None or row.expires_at <= clock.stamp():
        raise Forbidden("answer-late")
    if (row.purpose, row.name, row.data["session"]) != (asked.purpose, asked.name, asked.session):
        raise Forbidden("answer-late")
    data: Mapping[str, Any] = row.data["data"]
    return data
