"""Access tokens: a secret shown once, of which only the digest is kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import Engine, insert, select

from kaname.access.index import TOKEN
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Forbidden
from kaname.store import digest_bytes

PREFIX = "kaname_"
"""Begins every secret, so that scanners for leaked secrets know one."""
SECRET_BYTES = 32
Duty = Literal["browse", "store", "read", "adjudicate", "research", "check", "curate"]
"""What the bearer may do in the registries that the token opens: look at the archive and the lists; bring derived
objects; read cases and mark them; settle what readers disagree on; ask for outputs of a run; check what others ask for;
make tasks."""
DUTIES: tuple[Duty, ...] = get_args(Duty)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token permits: to ``name``, its ``duties`` in ``registries``."""

    name: str
    registries: tuple[str, ...]
    duties: tuple[Duty, ...] = ("browse",)

    def need(self, duty: Duty, registry: str | None = None) -> None:
        """Returns when the grant has that duty, in that registry if one is named.

        Raises:
            Forbidden: ``duty-missing``, ``not-permitted``.
        """
        if duty not in self.duties:
            raise Forbidden("duty-missing", duty=duty)
        if registry is not None and registry not in self.registries:
            raise Forbidden("not-permitted", registry=registry)


def make_token(
    index: Engine,
    *,
    name: str,
    registries: Sequence[str],
    days: int,
    clock: Clock,
    duties: Sequence[Duty] = ("browse",),
) -> str:
    """Makes a token for ``name``: ``duties`` in ``registries`` for ``days``; returns the secret: it is kept nowhere."""
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with writing(index) as connection:
        connection.execute(
            insert(TOKEN).values(
                digest=_digest(secret),
                name=name,
                registries=list(registries),
                duties=list(duties),
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
    grant = Grant(row.name, tuple(row.registries), tuple(row.duties))
    if registry is not None and registry not in grant.registries:
        raise Forbidden("not-permitted", registry=registry)
    return grant


def _digest(secret: str) -> str:
    return digest_bytes(secret.encode())
