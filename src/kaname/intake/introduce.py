"""A hub tells the next tier which gateways it vouches for, each once for each registry."""

from __future__ import annotations

from sqlalchemy import func, insert, select, update

from kaname.access.partners import partner_of_key
from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.intake.index import INTRODUCTIONS
from kaname.ledger import Json
from kaname.node import Node
from kaname.parcel.ask import Partner
from kaname.parcel.enrolment import signing_key
from kaname.parcel.messages import INTRODUCTION, Message, send_message


def introduce(node: Node, key_id: str, registry: str, upstream: Partner) -> None:
    """Makes a gateway's key known to the next tier, before anything that it signed goes there.

    The message is written down before it leaves, so that after a crash the same one goes again.

    Args:
        node: A hub.
        key_id: Of the key that the gateway signed with.
        registry: For which the hub vouches.
        upstream: The next tier.

    Raises:
        Refused: ``not-found`` when the key is no partner's; ``message-unanswered``.
        NotYet: what :func:`kaname.parcel.messages.send_message` raises.
    """
    mine = (INTRODUCTIONS.c.key_id == key_id, INTRODUCTIONS.c.registry == registry)
    with reading(node.index) as connection:
        row = connection.execute(select(INTRODUCTIONS).where(*mine)).one_or_none()
    if row is not None and row.acknowledgement is not None:
        return
    message = row.message if row is not None else _write(node, key_id, registry)
    answer = send_message(message, upstream)
    with writing(node.index) as connection:
        unanswered = update(INTRODUCTIONS).where(*mine, INTRODUCTIONS.c.acknowledgement.is_(None))
        if connection.execute(unanswered.values(acknowledgement=answer.statement)).rowcount:
            facts: dict[str, Json] = {"registry": registry, "to": upstream.name}
            node.ledger.append(
                "gateway-introduced", key_id, actor=node.settings.name, facts=facts, connection=connection
            )


def _write(node: Node, key_id: str, registry: str) -> bytes:
    gateway = partner_of_key(node.index, key_id)
    if gateway is None:
        raise Refused("not-found")
    mine = (INTRODUCTIONS.c.key_id == key_id, INTRODUCTIONS.c.registry == registry)
    with writing(node.index) as connection:
        known = connection.execute(select(INTRODUCTIONS.c.message).where(*mine)).scalar()
        if known is not None:
            return known
        at = node.clock.stamp()
        last = connection.execute(select(func.max(INTRODUCTIONS.c.sequence))).scalar() or 0
        body: Json = {"gateway": gateway.name, "public_key": gateway.public_key.text}
        message = Message(INTRODUCTION, node.settings.name, registry, last + 1, body, at)
        signed = message.sign(signing_key(node.settings.keys))
        values = {"key_id": key_id, "registry": registry, "sequence": last + 1, "message": signed, "at": at}
        connection.execute(insert(INTRODUCTIONS).values(**values))
    return signed
