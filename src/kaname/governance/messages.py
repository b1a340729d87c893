"""Taking a partner's message in: who may say what, which room reads it, and one acknowledgement for each.

Cut off at any instruction, the same message again is taken in again, which changes nothing, and is then acknowledged.
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Connection, insert, select

from kaname.access.heads import head_json, keep_head
from kaname.access.introductions import Introduced, introduce
from kaname.access.partners import keys, list_partners, partner_of_key
from kaname.access.signing import read_statement
from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.governance.index import MESSAGES
from kaname.intake.facilities import take_holdings
from kaname.ledger import Json
from kaname.node import Node
from kaname.parcel.enrolment import signing_key
from kaname.parcel.fields import NAME, Fields
from kaname.parcel.messages import HOLDINGS, INTRODUCTION, LEDGER_HEAD, READINGS, Acknowledgement, Message

SIGNERS = {HOLDINGS: ("gateway",), LEDGER_HEAD: ("gateway", "hub")}
"""Roles of those whose word a message of that kind may be; of every other kind a hub's."""


def take_message(node: Node, statement: bytes) -> bytes:
    """Has a message read by the room that it is for, and returns the signed acknowledgement.

    The same message again is answered by the same bytes.

    Args:
        node: A node of the de-identified side.
        statement: A hub's signed message, or a gateway's that a hub may have passed on.

    Raises:
        Refused: ``statement-invalid`` when it is no message of an admitted hub, or gateway, about one of its
            registries (``part`` says why); ``enrolment-invalid`` for an introduction that cannot stand;
            ``ledger-contradicted``, ``ledger-went-back``; what the room refuses.
        NotYet: ``index-busy``, ``storage-full``; what the room has to wait for.
    """
    message = _authentic(node, statement)
    digest = sha256(statement).hexdigest()
    with reading(node.index) as connection:
        known = _known(connection, digest)
    return known or _acknowledge(node, message, digest, _read(node, message))


def _authentic(node: Node, statement: bytes) -> Message:
    message = Message.open(statement, keys(node.index))
    partner = partner_of_key(node.index, read_statement(statement).key_id)
    roles = SIGNERS.get(message.kind, ("hub",))
    if partner is None or partner.role not in roles or partner.name != message.sender:
        raise Refused("statement-invalid", part="sender")
    if message.registry not in partner.registries or message.registry not in node.settings.registries:
        raise Refused("statement-invalid", part="registry")
    return message


def _read(node: Node, message: Message) -> Json:
    """What the room that the message is for has to say about it."""
    if message.kind == INTRODUCTION:
        return _introduction(node, message)
    if message.kind == READINGS:
        from kaname.annotation.exchange import take_in

        return take_in(node, message.sender, message.registry, message.body)
    if message.kind == HOLDINGS:
        return take_holdings(node, message)
    if message.kind == LEDGER_HEAD:
        return _head(node, message)
    raise Refused("statement-invalid", part="kind")


def _introduction(node: Node, message: Message) -> Json:
    fields = Fields(message.body, "statement-invalid", "gateway", "public_key")
    name, key = fields.text("gateway", NAME), fields.key("public_key")
    gateway = Introduced(name, key, (message.registry,), message.sender, node.clock.stamp())
    with writing(node.index) as connection:
        introduce(connection, gateway)
    return {"key": key.id}


def _head(node: Node, message: Message) -> Json:
    """Keeps where a partner's ledger ends: one that was admitted here, not one that a hub vouches for."""
    key_id = read_statement(message.statement).key_id
    for partner in list_partners(node.index):
        if partner.public_key.id == key_id:
            return head_json(keep_head(node, partner.name, partner.public_key, message.statement))
    raise Refused("statement-invalid", part="sender")


def _acknowledge(node: Node, message: Message, digest: str, answer: Json) -> bytes:
    facts: dict[str, Json] = {
        "kind": message.kind,
        "registry": message.registry,
        "sequence": message.sequence,
    }
    with writing(node.index) as connection:
        known = _known(connection, digest)
        if known is not None:  # the same message came twice at once
            return known
        event = node.ledger.append("message-taken", digest, actor=message.sender, facts=facts, connection=connection)
        acknowledgement = Acknowledgement(digest, answer, event.sequence, event.digest, event.at)
        signed = acknowledgement.sign(signing_key(node.settings.keys))
        connection.execute(
            insert(MESSAGES).values(
                digest=digest,
                sender=message.sender,
                sequence=message.sequence,
                acknowledgement=signed,
                at=event.at,
                kind=message.kind,
                registry=message.registry,
            )
        )
    return signed


def _known(connection: Connection, digest: str) -> bytes | None:
    return connection.execute(select(MESSAGES.c.acknowledgement).where(MESSAGES.c.digest == digest)).scalar()
