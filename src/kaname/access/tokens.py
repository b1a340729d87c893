"""Access tokens: a secret shown once, of which only the digest is kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, insert, select

from kaname.access.index import TOKEN
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Forbidden
from kaname.store import digest_bytes

PREFIX = "kaname_"
"""Begins every secret, so that scanners for leaked secrets know one."""
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token permits: to ``name``, reading of ``registries``."""

    name: str
    registries: tuple[str, ...]


def make_token(index: Engine, *, name: str, registries: Sequence[str], days: int, clock: Clock) -> str:
    """Makes a token for ``name`` that permits ``registries`` for ``days``; returns the secret: it is kept nowhere."""
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with writing(index) as connection:
        connection.execute(
            insert(TOKEN).values(
                digest=_digest(secret),
                name=name,
                registries=list(registries),
                made_at=clock.stamp(),
                expires_at=(clock.now() + timedelta(days=days)).astimezone(UTC).isoformat(timespec="seconds"),
            )
        )
    return secret


def check_token(index: Engine, secret: str | None, *, registry: str | None, clock: Clock) -> Grant:
    """The grant of a token.

    Args:
        index: The node's index.
        secret: What the caller sent; ``None`` or empty when nothing.
        registry: The registry that the caller wants to read; ``None`` asks only who it is.
        clock: Says whether the token has expired.

    Raises:
        Forbidden: ``token-missing``, ``token-invalid`` (unknown or expired), ``not-permitted`` (another registry).
    """
    if not secret:
        raise Forbidden("token-missing")
    with reading(index) as connection:
        row = connection.execute(select(TOKEN).where(TOKEN.c.digest == _digest(secret))).one_or_none()
    if row is None or clock.now() >= datetime.fromisoformat(row.expires_at):
        raise Forbidden("token-invalid")
    grant = Grant(row.name, tuple(row.registries))
    if registry is not None and registry not in grant.registries:
        raise Forbidden("not-permitted", registry=registry)
    return grant


def _digest(secret: str) -> str:
    return digest_bytes(secret.encode())
