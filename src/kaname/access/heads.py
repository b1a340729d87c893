"""Where partners said that their ledgers end, signed by them: a ledger that was cut or rewritten shows by it.

Any signed statement that names its signer's ledger will do: a head by itself, the message that tells one, a receipt, an
acknowledgement, a certificate. What was said once stays; two digests for one number stay side by side, as evidence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Row, delete, insert, select, text

from kaname.access.index import HEAD
from kaname.access.signing import PublicKey, open_statement, read_statement
from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.ledger import Head, Json
from kaname.node import Node

KIND = "ledger-head"
"""Of the statement that says nothing but a head, and of the message that tells one."""
SEQUENCE_LIMIT = 1 << 31
"""Of a number that is kept in a column."""
HEAD_LOCK = 0x68656164
"""Key of the PostgreSQL advisory lock that puts what keeps heads in a row."""
OWN = ""
"""In place of a partner: this node's own heads, as the next tier said that it holds them."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True)
class Said:
    """What one signed statement says of its signer's ledger."""

    head: Head
    key_id: str
    at: str
    """UTC, ISO 8601 with seconds."""


@dataclass(frozen=True, slots=True)
class Held:
    """One head that is kept here."""

    partner: str
    """:data:`OWN` for this node's own."""
    head: Head
    key_id: str
    received_at: str
    """UTC, ISO 8601 with seconds."""
    statement: bytes
    """The evidence."""


def head_said(data: bytes, keys: Mapping[str, PublicKey]) -> Said:
    """The head that a signed statement names.

    Args:
        data: The statement.
        keys: Whose word counts, by key id.

    Raises:
        Refused: ``statement-invalid`` when it is signed by none of them, or names no head.
    """
    kind = read_statement(data).kind
    body = open_statement(data, kind, keys)
    match kind, body:
        case "message", {"kind": "ledger-head", "body": dict(inner), "at": at}:
            return _said(data, {**inner, "at": at})
        case (("ledger-head" | "receipt" | "acknowledgement" | "certificate"), dict()):
            return _said(data, body)
        case _:
            raise Refused("statement-invalid", part="kind")


def head_answered(data: bytes, key: PublicKey) -> Head:
    """The head of another ledger that an acknowledgement says its signer now holds.

    Raises:
        Refused: ``statement-invalid``.
    """
    match open_statement(data, "acknowledgement", {key.id: key}):
        case {"answer": dict(answer)}:
            return head_of(answer)
        case _:
            raise Refused("statement-invalid", part="answer")


def head_of(body: Mapping[str, Json]) -> Head:
    """The head in the members ``ledger_sequence`` and ``ledger_head``.

    Raises:
        Refused: ``statement-invalid``.
    """
    sequence, digest = body.get("ledger_sequence"), body.get("ledger_head")
    if type(sequence) is not int or not 0 < sequence < SEQUENCE_LIMIT:
        raise Refused("statement-invalid", part="ledger_sequence")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise Refused("statement-invalid", part="ledger_head")
    return Head(sequence, digest)


def head_json(head: Head) -> dict[str, Json]:
    """What :func:`head_of` reads."""
    return {"ledger_head": head.digest, "ledger_sequence": head.sequence}


def keep_head(node: Node, partner: str, key: PublicKey, data: bytes) -> Head:
    """Keeps where a partner's ledger ends, as it signed it. The same again changes nothing.

    What contradicts a head that is held already is kept too, and told in the ledger: it is the evidence.

    Args:
        node: This node.
        partner: Its name, as it was admitted.
        key: The key that it was admitted with.
        data: The statement.

    Raises:
        Refused: ``statement-invalid``; ``ledger-contradicted`` when the partner named another digest for that number
            before; ``ledger-went-back`` when it named a greater number at an earlier time.
        NotYet: ``index-busy``, ``storage-full``.
    """
    said = head_said(data, {key.id: key})
    with writing(node.index) as connection:
        _one_at_a_time(connection)
        reason = _against(connection, partner, said)
        if not _known(connection, partner, said.head):
            _insert(connection, Held(partner, said.head, key.id, node.clock.stamp(), data))
            if reason:
                facts: dict[str, Json] = {**head_json(said.head), "statement": sha256(data).hexdigest()}
                node.ledger.append(reason, partner, actor=node.settings.name, facts=facts, connection=connection)
    if reason:
        raise Refused(reason, name=partner, sequence=said.head.sequence)
    return said.head


def keep_own(node: Node, key: PublicKey, data: bytes) -> Head:
    """Keeps the word of the next tier that it holds a head of this node's ledger.

    Raises:
        Refused: ``statement-invalid``.
        NotYet: ``index-busy``, ``storage-full``.
    """
    head = head_answered(data, key)
    with writing(node.index) as connection:
        _one_at_a_time(connection)
        mine = (HEAD.c.partner == OWN, HEAD.c.sequence == head.sequence, HEAD.c.digest == head.digest)
        connection.execute(delete(HEAD).where(*mine))  # said again: the newer word is kept
        _insert(connection, Held(OWN, head, key.id, node.clock.stamp(), data))
    return head


def held_heads(node: Node) -> tuple[Held, ...]:
    """All heads that are kept here, this node's own first, then by partner and number."""
    with reading(node.index) as connection:
        rows = connection.execute(select(HEAD).order_by(HEAD.c.partner, HEAD.c.sequence, HEAD.c.received_at))
        return tuple(_held(row) for row in rows)


def newest_own(node: Node) -> Held | None:
    """The last head of this node that the next tier said it holds."""
    mine = select(HEAD).where(HEAD.c.partner == OWN).order_by(HEAD.c.sequence.desc()).limit(1)
    with reading(node.index) as connection:
        row = connection.execute(mine).one_or_none()
    return None if row is None else _held(row)


def _said(data: bytes, body: Mapping[str, Json]) -> Said:
    at = body.get("at")
    if not isinstance(at, str) or not _STAMP.fullmatch(at):
        raise Refused("statement-invalid", part="at")
    return Said(head_of(body), read_statement(data).key_id, at)


def _against(connection: Connection, partner: str, said: Said) -> str:
    """What is wrong with a head beside those that are held: a reason code, or nothing."""
    mine, sequence = HEAD.c.partner == partner, said.head.sequence
    other = select(HEAD.c.digest).where(mine, HEAD.c.sequence == sequence, HEAD.c.digest != said.head.digest)
    if connection.execute(other).first() is not None:
        return "ledger-contradicted"
    further = select(HEAD.c.statement).where(mine, HEAD.c.sequence > sequence).order_by(HEAD.c.sequence.desc())
    newest = connection.scalar(further.limit(1))
    return "ledger-went-back" if newest is not None and _at(newest) < said.at else ""


def _at(statement: str) -> str:
    """When a statement that is kept here was made; it was looked at when it came."""
    match read_statement(statement.encode()).body:
        case {"at": str(at)}:
            return at
        case _:
            raise Refused("statement-invalid", part="at")


def _one_at_a_time(connection: Connection) -> None:
    """Puts what keeps heads in a row until the transaction ends (on SQLite, the write lock has done so)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": HEAD_LOCK})


def _known(connection: Connection, partner: str, head: Head) -> bool:
    mine = (HEAD.c.partner == partner, HEAD.c.sequence == head.sequence, HEAD.c.digest == head.digest)
    return connection.execute(select(HEAD.c.sequence).where(*mine)).first() is not None


def _insert(connection: Connection, held: Held) -> None:
    connection.execute(
        insert(HEAD).values(
            partner=held.partner,
            sequence=held.head.sequence,
            digest=held.head.digest,
            key_id=held.key_id,
            received_at=held.received_at,
            statement=held.statement.decode(),
        )
    )


def _held(row: Row[tuple[str, int, str, str, str, str]]) -> Held:
    return Held(row.partner, Head(row.sequence, row.digest), row.key_id, row.received_at, row.statement.encode())
