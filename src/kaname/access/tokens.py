"""Access tokens: a secret shown once, of which only the digest is kept.

A token is a person's own, and then does no more than they do themselves at that moment; or it is a program's, made by
an operator. Either is narrowed to duties, to a time, and where wanted to the networks that it is used from.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import Connection, Engine, Row, delete, insert, select

from kaname.access.index import ACCOUNT, SESSION, SIGNIN, TOKEN
from kaname.access.model import Grant, Part, parts_json, parts_of
from kaname.access.remembered import changing, recall
from kaname.access.sessions import FRESH_MINUTES, STAMP
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Forbidden, Refused
from kaname.store import digest_bytes

PREFIX = "kaname_"
"""Begins every secret, so that scanners for leaked secrets know one."""
SECRET_BYTES = 32
DAYS_MOST = 366


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret."""

    id: str
    grant: Grant
    """With the parts that it was made with."""
    owner: str
    """Name of the account whose it is; empty for a program's."""
    origins: tuple[str, ...]
    """Networks that it may be used from (CIDR); none means any."""
    made_at: str
    expires_at: str
    """UTC, ISO 8601 with seconds."""


@dataclass(frozen=True, slots=True)
class _Known:
    token: Token
    parts: tuple[Part, ...]
    """Of those that it was made with, the ones that its owner still plays."""
    until: str
    """When its owner's account ends; empty for never."""


def issue(index: Engine, grant: Grant, *, days: int, clock: Clock, owner: str = "", origins: Sequence[str] = ()) -> str:
    """Makes a token for what ``grant`` permits; returns the secret, which is kept nowhere.

    Args:
        index: The node's index.
        grant: Name, parts and duties.
        days: That it is valid.
        clock: Says when it expires.
        owner: The account whose token it is: what that person may no longer do, it may not either.
        origins: Networks that it may be used from, e.g. ``10.1.0.0/16``; none means any.

    Raises:
        Refused: ``token-origin`` for what is no network; ``query-invalid`` for a time too long.
    """
    if not 0 < days <= DAYS_MOST:
        raise Refused("query-invalid", term="days")
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with writing(index) as connection:
        connection.execute(
            insert(TOKEN).values(
                digest=_digest(secret),
                id=clock.new_id(),
                name=grant.name,
                owner=owner,
                parts=parts_json(grant.parts),
                duties=list(grant.duties),
                origins=[_network(one) for one in origins],
                made_at=clock.stamp(),
                expires_at=(clock.now() + timedelta(days=days)).strftime(STAMP),
            )
        )
    return secret


def check_token(index: Engine, secret: str | None, *, registry: str | None, clock: Clock, address: str = "") -> Grant:
    """The grant of a token.

    Args:
        index: The node's index.
        secret: What the caller sent; ``None`` or empty when nothing.
        registry: The registry that the caller wants to look at; ``None`` asks only who it is.
        clock: Says whether the token has expired.
        address: Where the request comes from, if it is known.

    Raises:
        Forbidden: ``token-missing``, ``token-invalid`` (unknown, expired, or from elsewhere), ``not-permitted``.
    """
    if not secret:
        raise Forbidden("token-missing")
    known, now = _recalled(index, secret), clock.stamp()
    if known is None or now >= known.token.expires_at or (known.until and now >= known.until):
        raise Forbidden("token-invalid")
    if known.token.origins and not _within(address, known.token.origins):
        raise Forbidden("token-invalid")
    made_lately = known.token.made_at > (clock.now() - timedelta(minutes=FRESH_MINUTES)).strftime(STAMP)
    grant = Grant(known.token.grant.name, known.parts, known.token.grant.duties, "token", fresh=made_lately)
    if registry is not None and registry not in grant.registries:
        raise Forbidden("not-permitted", registry=registry)
    return grant


def owner_of(index: Engine, secret: str) -> str:
    """Name of the account whose token a secret is; empty for a program's, and for none."""
    known = _recalled(index, secret)
    return known.token.owner if known is not None else ""


def tokens(index: Engine, owner: str | None = None) -> tuple[Token, ...]:
    """All tokens, or those of one account, the newest first."""
    query = select(TOKEN).order_by(TOKEN.c.made_at.desc(), TOKEN.c.id)
    with reading(index) as connection:
        rows = connection.execute(query if owner is None else query.where(TOKEN.c.owner == owner)).all()
    return tuple(_token(row) for row in rows)


def revoke_token(index: Engine, id: str, owner: str | None = None) -> None:  # noqa: A002 -- the word for what is ours
    """Takes a token away; with ``owner``, only one of that account.

    Raises:
        Refused: ``not-found``.
    """
    gone = delete(TOKEN).where(TOKEN.c.id == id).returning(TOKEN.c.name)
    with changing(index) as connection:
        name = connection.scalar(gone if owner is None else gone.where(TOKEN.c.owner == owner))
        if name is None:
            raise Refused("not-found")
        for table in (SIGNIN, SESSION):  # what a program opened in the viewer; a person's own goes by their account
            connection.execute(
                delete(table).where(table.c.name == name, table.c.owner == "", table.c.place == "viewer")
            )


def _recalled(index: Engine, secret: str) -> _Known | None:
    digest = _digest(secret)
    return recall(index, ("token", digest), _Known, lambda connection: _read(connection, digest))


def _read(connection: Connection, digest: str) -> _Known | None:
    row = connection.execute(select(TOKEN).where(TOKEN.c.digest == digest)).one_or_none()
    if row is None:
        return None
    token = _token(row)
    if not token.owner:
        return _Known(token, token.grant.parts, "")
    account = connection.execute(select(ACCOUNT).where(ACCOUNT.c.name == token.owner)).one_or_none()
    if account is None:
        return None
    now = set(parts_of(account.parts))
    return _Known(token, tuple(part for part in token.grant.parts if part in now), account.until)


def _token(row: Row[tuple[object, ...]]) -> Token:
    grant = Grant(row.name, parts_of(row.parts), tuple(row.duties))
    return Token(row.id, grant, row.owner, tuple(row.origins), row.made_at, row.expires_at)


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError as error:
        raise Refused("token-origin") from error


def _within(address: str, origins: Sequence[str]) -> bool:
    try:
        at = ip_address(address)
    except ValueError:
        return False
    return any(at in ip_network(one) for one in origins)


def _digest(secret: str) -> str:
    return digest_bytes(secret.encode())
