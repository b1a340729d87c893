"""Obeying a withdrawal: block, take out of the catalogue, leave a named hole, delete the bytes, look, certify.

Cut off at any instruction, the same statement again goes on and ends with the same certificate: what has to go is
written down, together with the block, before the first of it goes.
"""

from __future__ import annotations

import json
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from kaname.access.partners import keys, partner_of_key
from kaname.access.signing import read_statement
from kaname.archive import purge as archive
from kaname.database import scrub, writing
from kaname.datasets.flow import hole
from kaname.datasets.model import DatasetVersion
from kaname.errors import NotYet, Refused
from kaname.governance.index import WITHDRAWALS
from kaname.intake import purge as intake
from kaname.intake.turn import turn
from kaname.ledger import Json
from kaname.node import Node
from kaname.parcel.enrolment import signing_key
from kaname.parcel.statements import Certificate, Hole, Place, Trace, Withdrawal


def obey(node: Node, statement: bytes) -> bytes:
    """Makes a subject disappear from this node and returns the signed certificate of it.

    The same statement again is answered by the same bytes. A parcel of the subject that arrives later is refused.

    Args:
        node: A node of the de-identified side.
        statement: A gateway's signed withdrawal.

    Raises:
        Refused: ``statement-invalid`` when it is no withdrawal of an admitted gateway, or not of one that may withdraw
            this subject (``part`` says why); ``dataset-damaged`` when a list that names the subject cannot be read.
        NotYet: ``purge-incomplete`` when something is still there; ``storage-full``, ``storage-unreachable``,
            ``index-busy``. The subject stays blocked, and the same call goes on.
    """
    withdrawal = _authentic(node, statement)
    with turn(node, withdrawal.registry, withdrawal.subject):
        objects, certificate = _begin(node, withdrawal)
        return certificate or _carry_out(node, withdrawal, objects)


def _authentic(node: Node, statement: bytes) -> Withdrawal:
    withdrawal = Withdrawal.open(statement, keys(node.index))
    partner = partner_of_key(node.index, read_statement(statement).key_id)
    if partner is None or (partner.role, partner.name) != ("gateway", withdrawal.gateway):
        raise Refused("statement-invalid", part="gateway")
    if withdrawal.registry not in partner.registries:
        raise Refused("statement-invalid", part="registry")
    return withdrawal


def _begin(node: Node, withdrawal: Withdrawal) -> tuple[tuple[str, ...], bytes | None]:
    """Blocks the subject and writes down what has to go; returns that list, and the certificate when all is done."""
    digest = sha256(withdrawal.statement).hexdigest()
    registry, subject = withdrawal.registry, withdrawal.subject
    with writing(node.index) as connection:
        query = select(WITHDRAWALS.c.objects, WITHDRAWALS.c.certificate).where(WITHDRAWALS.c.statement == digest)
        known = connection.execute(query).one_or_none()
        if known is not None:
            return tuple(json.loads(known.objects)), known.certificate
        if intake.owners_of(connection, registry, subject) - {withdrawal.gateway}:
            raise Refused("statement-invalid", part="subject")
        objects = _objects(connection, registry, subject)
        at = node.clock.stamp()
        intake.block(connection, registry, subject, withdrawal.gateway, at)
        connection.execute(
            insert(WITHDRAWALS).values(
                statement=digest,
                registry=registry,
                subject=subject,
                gateway=withdrawal.gateway,
                signed=withdrawal.statement,
                objects=json.dumps(objects),
                at=at,
            )
        )
        facts: dict[str, Json] = {"objects": len(objects), "registry": registry, "statement": digest}
        node.ledger.append("withdrawal-received", subject, actor=withdrawal.gateway, facts=facts, connection=connection)
    return objects, None


def _carry_out(node: Node, withdrawal: Withdrawal, objects: tuple[str, ...]) -> bytes:
    """Deletes; the catalogue first, so that no freeze and no reader is led to bytes that are going."""
    registry, subject = withdrawal.registry, withdrawal.subject
    archive.forget(node, registry, subject)
    holes = hole(node, registry, subject, withdrawal.at)
    for name in objects:
        intake.delete_object(node, name)
    left = sum(not intake.is_gone(node, name) for name in objects)
    if left:
        raise NotYet("purge-incomplete", objects=left)
    intake.forget(node, registry, subject)
    scrub(node.index)
    return _certify(node, withdrawal, objects, holes)


def _certify(node: Node, withdrawal: Withdrawal, objects: tuple[str, ...], holes: tuple[DatasetVersion, ...]) -> bytes:
    digest = sha256(withdrawal.statement).hexdigest()
    facts: dict[str, Json] = {
        "dataset_versions": len(holes),
        "objects": len(objects),
        "registry": withdrawal.registry,
        "statement": digest,
    }
    with writing(node.index) as connection:
        event = node.ledger.append(
            "withdrawal-obeyed", withdrawal.subject, actor=node.settings.name, facts=facts, connection=connection
        )
        certificate = Certificate(
            withdrawal=digest,
            registry=withdrawal.registry,
            subject=withdrawal.subject,
            deleted=objects,
            datasets=tuple(Hole(made.name, made.version, made.digest) for made in holes),
            places=_places(objects),
            ledger_sequence=event.sequence,
            ledger_head=event.digest,
            at=event.at,
        ).sign(signing_key(node.settings.keys))
        connection.execute(update(WITHDRAWALS).where(WITHDRAWALS.c.statement == digest).values(certificate=certificate))
    return certificate


def _objects(connection: Connection, registry: str, subject: str) -> tuple[str, ...]:
    held = {*archive.objects_of(connection, registry, subject), *intake.objects_of(connection, registry, subject)}
    return tuple(sorted(held))


def _places(objects: tuple[str, ...]) -> tuple[Place, ...]:
    """Where copies could be besides the objects: this node has no exports, embeddings or backups of its own yet."""
    viewed: Trace = "deleted" if objects else "none"
    return (
        Place("backups", "none", ""),
        Place("caches", viewed, ""),
        Place("embeddings", "none", ""),
        Place("exports", "none", ""),
        Place("indexes", viewed, ""),
    )
