"""Telling the next tier where this node's ledger ends, and keeping where its own does: each holds the other to it.

Once an hour when events came, and once a day in any case. The next tier's acknowledgement is signed by it twice over:
it says which head of ours it holds, and names the head of its own ledger. Both are kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from kaname.access.heads import OWN, head_answered, head_json, held_heads, keep_head, keep_own, newest_own
from kaname.errors import Refused
from kaname.ledger import Head, Json
from kaname.node import Node
from kaname.parcel.ask import Partner
from kaname.parcel.enrolment import is_enrolled, read_partner, signing_key
from kaname.parcel.messages import LEDGER_HEAD, Message, send_message
from kaname.work import Do

TELL_SECONDS, AGAIN_SECONDS = 3600, 86400
"""How long between two heads when events came; how long at most when none did."""


def untold_head(node: Node) -> tuple[str, ...]:
    """The hour, as an id, when the next tier has to hear of this ledger's head in it; none where no tier follows."""
    if not is_enrolled(node.settings.keys) or not read_partner(node.settings.keys).registries:
        return ()
    head, told = node.ledger.head(), newest_own(node)
    now = node.clock.now().timestamp()
    if told is None:
        due = head.sequence > 0
    else:
        due = now - _seconds(told.received_at) >= (AGAIN_SECONDS if head == told.head else TELL_SECONDS)
    return (str(int(now // TELL_SECONDS)),) if due else ()


def send_head(node: Node, do: Do, hour: Json) -> Json:
    """The worker's flow for one of :func:`untold_head`."""
    return do(partial(tell_head, node), hour)


def tell_head(node: Node, _hour: str) -> Json:
    """Step: tells the head as it is now, and keeps what the next tier answers.

    Raises:
        NotYet: ``receiver-unreachable``, ``receiver-busy``; for a person ``receiver-untrusted``, ``not-enrolled``.
        Refused: ``message-unanswered`` when the next tier does not take it, or says that it holds another head;
            ``ledger-contradicted``, ``ledger-went-back`` when its own ledger is not what it was.
    """
    if not untold_head(node):  # told meanwhile: an hour in which nobody answered left this behind
        return {}
    head, upstream = node.ledger.head(), Partner.enrolled(node.settings.keys)
    name, registry = node.settings.name, upstream.registries[0]
    message = Message(LEDGER_HEAD, name, registry, head.sequence, head_json(head), node.clock.stamp())
    answer = send_message(message.sign(signing_key(node.settings.keys)), upstream)
    if answer.answer != head_json(head):
        raise Refused("message-unanswered", part="answer")
    keep_own(node, upstream.key, answer.statement)
    theirs = keep_head(node, upstream.name, upstream.key, answer.statement)
    return {"told": head.sequence, "heard": theirs.sequence}


def own_heads(node: Node) -> tuple[Head, ...]:
    """Heads of this ledger that the next tier signed that it holds.

    Raises:
        Refused: ``ledger-head-invalid`` with the ``sequence`` of one that its signature does not bear out.
    """
    mine = [one for one in held_heads(node) if one.partner == OWN]
    if not mine:
        return ()
    key = read_partner(node.settings.keys).key
    for one in mine:
        if head_answered(one.statement, key) != one.head:
            raise Refused("ledger-head-invalid", part="statement", sequence=one.head.sequence)
    return tuple(one.head for one in mine)


def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
