"""Obeying a withdrawal: block, take out of the catalogue, leave a named hole, delete the bytes, look, pass on, certify.

Cut off at any instruction, the same statement again goes on and ends with the same certificate: what has to go is
written down, together with the block, before the first of it goes. The next tier obeys the same statement, as the
gateway signed it; its certificate stands inside this node's. Models that learned from the subject stay, and are named.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from sqlalchemy import Connection, insert, select, update

from kaname.access.partners import keys, partner_of_key
from kaname.access.signing import read_statement
from kaname.archive import purge as archive
from kaname.database import reading, scrub, writing
from kaname.datasets.flow import hole, versions_naming
from kaname.datasets.model import DatasetVersion
from kaname.errors import KanameError, NotYet, Refused
from kaname.governance.index import WITHDRAWALS
from kaname.intake import purge as intake
from kaname.intake.introduce import introduce
from kaname.intake.turn import turn
from kaname.ledger import Json
from kaname.node import Node
from kaname.parcel.ask import Partner
from kaname.parcel.enrolment import read_partner, signing_key
from kaname.parcel.statements import Certificate, Hole, ModelRef, Place, TierCertificate, Trace, Withdrawal
from kaname.parcel.transfer import send_withdrawal
from kaname.work import Do
from kaname.work.model import waits_for_time


def unfinished(node: Node) -> tuple[str, ...]:
    """Withdrawals that were begun and are not certified yet, by the digest of their statement."""
    query = select(WITHDRAWALS.c.statement).where(WITHDRAWALS.c.state == "open").order_by(WITHDRAWALS.c.statement)
    with reading(node.index) as connection:
        return tuple(connection.scalars(query))


def finish_withdrawal(node: Node, do: Do, digest: Json) -> Json:
    """The worker's flow: goes on with a withdrawal until it is certified; returns the number of objects deleted."""
    return do(partial(_finish, node), digest)


def _finish(node: Node, digest: str) -> Json:
    with reading(node.index) as connection:
        signed = connection.execute(select(WITHDRAWALS.c.signed).where(WITHDRAWALS.c.statement == digest)).scalar_one()
    try:
        certificate = obey(node, signed)
    except KanameError as error:
        if not waits_for_time(error):
            _stop(node, digest)
        raise
    key = signing_key(node.settings.keys).public
    return {"deleted": len(Certificate.open(certificate, {key.id: key}).deleted)}


def _stop(node: Node, digest: str) -> None:
    """The worker leaves it to whoever sends the statement again: a person has to look first."""
    open_one = update(WITHDRAWALS).where(WITHDRAWALS.c.statement == digest, WITHDRAWALS.c.state == "open")
    with writing(node.index) as connection:
        connection.execute(open_one.values(state="stopped"))


def obey(node: Node, statement: bytes) -> bytes:
    """Makes a subject disappear from this node and the tiers behind it; returns the signed certificate of it.

    The same statement again is answered by the same bytes. A parcel of the subject that arrives later is refused.

    Args:
        node: A node of the de-identified side.
        statement: A gateway's signed withdrawal.

    Raises:
        Refused: ``statement-invalid`` when it is no withdrawal of a known gateway, or not of one that may withdraw
            this subject (``part`` says why); ``dataset-damaged`` when a list that names the subject cannot be read;
            ``certificate-invalid`` when the next tier answers with none.
        NotYet: ``purge-incomplete`` when something is still there; ``receiver-unreachable`` and its like while the next
            tier has not certified; ``storage-full``, ``storage-unreachable``, ``index-busy``. The subject stays
            blocked, and the same call goes on.
    """
    withdrawal = _authentic(node, statement)
    with turn(node, withdrawal.registry, withdrawal.subject):
        certificate = _begin(node, withdrawal)
        if certificate is not None:
            return certificate
        holes = _carry_out(node, withdrawal)
    _pass_on(node, withdrawal)
    with turn(node, withdrawal.registry, withdrawal.subject):
        return _certify(node, withdrawal, holes)


def _authentic(node: Node, statement: bytes) -> Withdrawal:
    withdrawal = Withdrawal.open(statement, keys(node.index))
    partner = partner_of_key(node.index, read_statement(statement).key_id)
    if partner is None or (partner.role, partner.name) != ("gateway", withdrawal.gateway):
        raise Refused("statement-invalid", part="gateway")
    if withdrawal.registry not in partner.registries:
        raise Refused("statement-invalid", part="registry")
    return withdrawal


def _begin(node: Node, withdrawal: Withdrawal) -> bytes | None:
    """Blocks the subject and writes down what has to go; returns the certificate when all was done before."""
    digest = sha256(withdrawal.statement).hexdigest()
    registry, subject = withdrawal.registry, withdrawal.subject
    with writing(node.index) as connection:
        query = select(WITHDRAWALS.c.certificate).where(WITHDRAWALS.c.statement == digest)
        known = connection.execute(query).one_or_none()
        if known is not None:
            return known.certificate
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
                state="open",
                at=at,
            )
        )
        facts: dict[str, Json] = {"objects": len(objects), "registry": registry, "statement": digest}
        node.ledger.append("withdrawal-received", subject, actor=withdrawal.gateway, facts=facts, connection=connection)
    return None


def _carry_out(node: Node, withdrawal: Withdrawal) -> tuple[DatasetVersion, ...]:
    """Deletes; the catalogue first, so that no freeze and no reader is led to bytes that are going.

    Returns:
        The dataset versions that were made with a hole in the subject's place.
    """
    from kaname.airlock.purge import forget as forget_outputs
    from kaname.annotation.purge import forget as forget_readings
    from kaname.models.purge import forget as forget_predictions

    registry, subject = withdrawal.registry, withdrawal.subject
    archive.forget(node, registry, subject)
    forget_predictions(node, registry, subject)
    forget_readings(node, registry, subject)
    holes = hole(node, registry, subject, withdrawal.at)
    objects = _row(node, withdrawal).objects
    for name in objects:
        intake.delete_object(node, name)
    left = sum(not intake.is_gone(node, name) for name in objects)
    if left:
        raise NotYet("purge-incomplete", objects=left)
    forget_outputs(node, registry, subject)
    intake.forget(node, registry, subject)
    scrub(node.index)
    return holes


def _pass_on(node: Node, withdrawal: Withdrawal) -> None:
    """Has the next tier, if there is one, obey the same statement, and keeps its certificate."""
    upstream = Partner.upstream(node.settings.keys, withdrawal.registry)
    if upstream is None or _row(node, withdrawal).upstream is not None:
        return
    introduce(node, read_statement(withdrawal.statement).key_id, withdrawal.registry, upstream)
    certificate = send_withdrawal(withdrawal.statement, upstream)
    digest = sha256(withdrawal.statement).hexdigest()
    with writing(node.index) as connection:
        waiting = update(WITHDRAWALS).where(WITHDRAWALS.c.statement == digest, WITHDRAWALS.c.upstream.is_(None))
        if connection.execute(waiting.values(upstream=certificate.statement)).rowcount:
            facts: dict[str, Json] = {
                "deleted": len(certificate.deleted),
                "registry": withdrawal.registry,
                "statement": digest,
                "tier": upstream.name,
            }
            node.ledger.append(
                "withdrawal-passed-on",
                withdrawal.subject,
                actor=node.settings.name,
                facts=facts,
                connection=connection,
            )


def _certify(node: Node, withdrawal: Withdrawal, holes: Sequence[DatasetVersion]) -> bytes:
    digest = sha256(withdrawal.statement).hexdigest()
    row = _row(node, withdrawal)
    models = _models(node, withdrawal.registry, withdrawal.subject)
    facts: dict[str, Json] = {
        "dataset_versions": len(holes),
        "models": len(models),
        "objects": len(row.objects),
        "registry": withdrawal.registry,
        "statement": digest,
    }
    upstream = _tiers(node, row.upstream)
    with writing(node.index) as connection:
        query = select(WITHDRAWALS.c.certificate).where(WITHDRAWALS.c.statement == digest)
        done = connection.execute(query).scalar()
        if done is not None:  # the same statement came twice at once
            return done
        event = node.ledger.append(
            "withdrawal-obeyed", withdrawal.subject, actor=node.settings.name, facts=facts, connection=connection
        )
        certificate = Certificate(
            withdrawal=digest,
            registry=withdrawal.registry,
            subject=withdrawal.subject,
            deleted=row.objects,
            datasets=tuple(Hole(made.name, made.version, made.digest) for made in holes),
            models=models,
            places=_places(row.objects),
            upstream=upstream,
            ledger_sequence=event.sequence,
            ledger_head=event.digest,
            at=event.at,
        ).sign(signing_key(node.settings.keys))
        connection.execute(
            update(WITHDRAWALS)
            .where(WITHDRAWALS.c.statement == digest)
            .values(certificate=certificate, state="certified")
        )
    return certificate


def _models(node: Node, registry: str, subject: str) -> tuple[ModelRef, ...]:
    """Model versions that were trained on a dataset version which names the subject."""
    from kaname.models.flow import trained_on

    found = trained_on(node, versions_naming(node, registry, subject))
    return tuple(ModelRef(model.name, model.version, model.digest) for model in found)


@dataclass(frozen=True, slots=True)
class _Row:
    """What was written down about a withdrawal."""

    objects: tuple[str, ...]
    upstream: bytes | None


def _row(node: Node, withdrawal: Withdrawal) -> _Row:
    digest = sha256(withdrawal.statement).hexdigest()
    with reading(node.index) as connection:
        row = connection.execute(select(WITHDRAWALS).where(WITHDRAWALS.c.statement == digest)).one()
    return _Row(tuple(json.loads(row.objects)), row.upstream)


def _tiers(node: Node, statement: bytes | None) -> tuple[TierCertificate, ...]:
    if statement is None:
        return ()
    partner = read_partner(node.settings.keys)
    certificate = Certificate.open(statement, {partner.key.id: partner.key})
    return (TierCertificate(partner.name, partner.key, certificate),)


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
