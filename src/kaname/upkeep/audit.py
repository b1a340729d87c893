"""Handing the ledger out: as a file that others verify, or as DICOM audit messages. Reading it is itself an event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from kaname.access.ledger_file import Signer, events_before, write_ledger
from kaname.access.partners import list_partners
from kaname.ledger import Head, Json
from kaname.ledger.audit_message import audit_message
from kaname.node import Node
from kaname.parcel.enrolment import is_enrolled, read_partner, signing_key

Form = Literal["ledger", "dicom"]
READ = "ledger-read"
"""Action of the event that says who had the ledger written out; it is about the head as it was then."""


def export_ledger(node: Node, target: Path, form: Form, before: str = "", *, actor: str) -> Head:
    """Writes the ledger to a file, and first of all that it was read: no copy leaves that the ledger does not tell of.

    Args:
        node: Whose.
        target: The file; what stands there is replaced once all is written.
        form: The ledger with a signed head, or one DICOM audit message a line.
        before: UTC, ISO 8601, a day or more of it; empty for all.
        actor: Who has it written.

    Returns:
        The last event that was written.

    Raises:
        Refused: ``ledger-broken``: what does not hold is not passed on as if it did.
        NotYet: ``index-busy``, ``storage-full``.
    """
    facts: dict[str, Json] = {"before": before, "form": form}
    node.ledger.append(READ, node.ledger.head().digest, actor=actor, facts=facts)
    if form == "ledger":
        return write_ledger(node, signing_key(node.settings.keys), target, before)
    return _write_messages(node, target, before)


def signers(node: Node) -> Iterator[Signer]:
    """This node's public key, that of the next tier, and those of all partners, revoked ones too: each once."""
    given: set[str] = set()
    for one in _signers(node):
        if one.key.id not in given:
            given.add(one.key.id)
            yield one


def _signers(node: Node) -> Iterator[Signer]:
    yield Signer(node.settings.name, signing_key(node.settings.keys).public)
    if is_enrolled(node.settings.keys):
        upstream = read_partner(node.settings.keys)
        yield Signer(upstream.name, upstream.key)
    for partner in list_partners(node.index, revoked=True):
        yield Signer(partner.name, partner.public_key)


def _write_messages(node: Node, target: Path, before: str) -> Head:
    head = Head()
    growing = target.with_name(f"{target.name}.part")
    with growing.open("w", encoding="utf-8", newline="\n") as file:
        growing.chmod(0o600)
        for event in events_before(node, before):
            file.write(audit_message(event, node.settings.name) + "\n")
            head = Head(event.sequence, event.digest)
    growing.replace(target)
    return head
