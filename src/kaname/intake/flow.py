"""Accepting a parcel. Cut off at any instruction, the same call again ends in the same state with the same receipt.

The order is why: packs are announced, then put (their names are their content), then one transaction makes the parcel
accepted together with its ledger event and its receipt, and only then the file that arrived goes.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from kaname.access.partners import keys, partner_of_key
from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.intake import rows
from kaname.intake.claim import claimed, read_head
from kaname.intake.index import PARCELS, REFUSALS
from kaname.intake.inspect import inspect, opened
from kaname.intake.keep import keep
from kaname.intake.model import Arrival, Taken
from kaname.intake.onward import wait_for_next_tier
from kaname.intake.quarantine import quarantine
from kaname.intake.turn import turn
from kaname.ledger import Event, Json
from kaname.node import Node
from kaname.pack import pack_key
from kaname.parcel.enrolment import signing_key
from kaname.parcel.manifest import Manifest
from kaname.parcel.open import open_parcel
from kaname.parcel.seal import Parcel
from kaname.parcel.statements import Receipt
from kaname.store import digest_file

WITHDRAWN = "withdrawn"


def accept(node: Node, file: Path) -> Taken:
    """Judges the parcel in ``file`` and takes it in, or puts it whole into quarantine. Either way ``file`` is gone.

    Args:
        node: A node of the de-identified side.
        file: The parcel, whole, on the file system of the node's home.

    Returns:
        The receipt, accepted or refused. The same parcel again is answered by the same bytes.

    Raises:
        Refused: the reason, for a file that does not say what it is, so that no receipt can name it
            (``parcel-format``, as a rule). It lies in quarantine too.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``: nothing was decided, the file is kept.
    """
    try:
        parcel = _authentic(node, file)
    except Refused as refusal:
        return _disbelieve(node, file, refusal)
    with turn(node, parcel.manifest.registry, parcel.manifest.subject):
        try:
            taken = _stored(node, parcel.digest) or _judge(node, parcel)
        except Refused as refusal:
            return _turn_away(node, file, parcel.manifest, refusal)
        _put_away(node, file, parcel.manifest)
        return taken


def receipt_for(node: Node, digest: str) -> bytes:
    """The receipt of a parcel that was judged before.

    Raises:
        Refused: ``not-found``.
    """
    stored = _stored(node, digest)
    if stored is None:
        raise Refused("not-found")
    return stored.receipt


def find(node: Node, digest: str) -> Arrival:
    """One parcel of a known partner, and where it stands.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        return rows.arrival(connection, digest)


def accepted(node: Node) -> tuple[str, ...]:
    """Digests of the parcels that the archive has yet to take, in the order of their acceptance."""
    with reading(node.index) as connection:
        return rows.digests_in(connection, "accepted")


def _authentic(node: Node, file: Path) -> Parcel:
    """The parcel, if every byte is vouched for by a partner who may send it here."""
    parcel = open_parcel(file, keys(node.index))
    partner = partner_of_key(node.index, parcel.key_id)
    manifest = parcel.manifest
    if partner is None or (partner.role, partner.name) != ("gateway", manifest.gateway):
        raise Refused("parcel-stranger")
    if manifest.registry not in partner.registries or manifest.registry not in node.settings.registries:
        raise Refused("parcel-registry", registry=manifest.registry)
    return parcel


def _judge(node: Node, parcel: Parcel) -> Taken:
    """Looks inside and settles the parcel's fate.

    Raises:
        Refused: ``parcel-replayed``, which settles nothing: the number belongs to another parcel.
    """
    with writing(node.index) as connection:
        rows.announce(connection, parcel.manifest, node.clock.stamp())
        barred = _barred(connection, parcel.manifest)
    if barred is not None:
        return _settle(node, parcel.manifest, barred)
    try:
        with opened(node, parcel) as contents:
            inspect(contents)
            keep(node.store, contents, read_head(parcel.path))
    except Refused as refusal:
        return _settle(node, parcel.manifest, refusal)
    return _settle(node, parcel.manifest, None)


def _barred(connection: Connection, manifest: Manifest) -> Refused | None:
    """Why nothing of this subject is taken from this gateway, if so.

    A subject belongs to the gateway that brought it first: only that one may withdraw it, so no other may add to it.
    """
    if rows.is_withdrawn(connection, manifest.registry, manifest.subject, manifest.gateway):
        return Refused(WITHDRAWN)
    if rows.owners(connection, manifest.registry, manifest.subject) - {manifest.gateway}:
        return Refused("parcel-subject")
    return None


def _settle(node: Node, manifest: Manifest, refusal: Refused | None) -> Taken:
    """Writes the judgement down for good: row, ledger event and receipt in one transaction."""
    with writing(node.index) as connection:
        if refusal is not None:  # an earlier attempt that was cut off may have put some
            for pack in rows.unshared(connection, manifest.digest, [pack.digest for pack in manifest.packs]):
                node.store.delete(pack_key(pack))
            rows.forget_contents(connection, manifest.digest)
        facts: dict[str, Json] = {
            "gateway": manifest.gateway,
            "instances": manifest.instances,
            "registry": manifest.registry,
            "sequence": manifest.sequence,
        }
        event = _write_down(node, connection, manifest.digest, facts, refusal)
        receipt = _receipt(node, manifest, event, refusal)
        if refusal is None and node.settings.role == "hub":
            wait_for_next_tier(connection, manifest.digest, manifest.registry, event.sequence, event.at)
        connection.execute(
            update(PARCELS)
            .where(PARCELS.c.digest == manifest.digest)
            .values(
                state="refused" if refusal else "accepted",
                reason=refusal.code if refusal else "",
                ledger_sequence=event.sequence,
                receipt=receipt,
                at=event.at,
            )
        )
    return Taken(manifest.digest, receipt, accepted=refusal is None)


def _disbelieve(node: Node, file: Path, refusal: Refused) -> Taken:
    """Refuses a file that nobody vouches for, in its turn with the subject that it claims."""
    manifest = claimed(file)
    if manifest is None:
        return _turn_away(node, file, None, refusal)
    with turn(node, manifest.registry, manifest.subject):
        return _turn_away(node, file, manifest, refusal)


def _turn_away(node: Node, file: Path, manifest: Manifest | None, refusal: Refused) -> Taken:
    """Refuses a file for how or by whom it came; the true parcel of that name may still come.

    Raises:
        Refused: the same when the file does not say what it is.
    """
    digest = digest_file(file)
    with writing(node.index) as connection:
        row = connection.execute(
            select(REFUSALS.c.receipt).where(REFUSALS.c.file == digest, REFUSALS.c.reason == refusal.code)
        ).one_or_none()
        receipt = row.receipt if row else _refuse_file(node, connection, digest, manifest, refusal)
    _set_aside(node, file, digest, manifest)
    if manifest is None or receipt is None:
        raise refusal
    return Taken(manifest.digest, receipt, accepted=False)


def _refuse_file(
    node: Node, connection: Connection, file: str, manifest: Manifest | None, refusal: Refused
) -> bytes | None:
    event = _write_down(node, connection, file, {"parcel": manifest.digest if manifest else ""}, refusal)
    receipt = _receipt(node, manifest, event, refusal) if manifest else None
    connection.execute(
        insert(REFUSALS).values(
            file=file,
            reason=refusal.code,
            parcel=manifest.digest if manifest else "",
            registry=manifest.registry if manifest else "",
            subject=manifest.subject if manifest else "",
            receipt=receipt,
            at=event.at,
        )
    )
    return receipt


def _write_down(
    node: Node, connection: Connection, about: str, facts: dict[str, Json], refusal: Refused | None
) -> Event:
    outcome: dict[str, Json] = {"reason": refusal.code, **refusal.facts} if refusal else {}
    action = "parcel-refused" if refusal else "parcel-accepted"
    return node.ledger.append(
        action, about, actor=node.settings.name, facts={**outcome, **facts}, connection=connection
    )


def _receipt(node: Node, manifest: Manifest, event: Event, refusal: Refused | None) -> bytes:
    return Receipt(
        parcel=manifest.digest,
        gateway=manifest.gateway,
        registry=manifest.registry,
        sequence=manifest.sequence,
        outcome="refused" if refusal else "accepted",
        reason=refusal.code if refusal else "",
        instances=0 if refusal else manifest.instances,
        instances_digest="" if refusal else manifest.instances_digest,
        ledger_sequence=event.sequence,
        ledger_head=event.digest,
        at=event.at,
    ).sign(signing_key(node.settings.keys))


def _stored(node: Node, digest: str) -> Taken | None:
    with reading(node.index) as connection:
        settled = rows.settled_receipt(connection, digest)
    if settled is None:
        return None
    state, receipt = settled
    return Taken(digest, receipt, accepted=state == "accepted")


def _put_away(node: Node, file: Path, manifest: Manifest) -> None:
    """The file of a judged parcel goes: aside when refused, for good when taken in or withdrawn."""
    with reading(node.index) as connection:
        state = connection.execute(select(PARCELS.c.state).where(PARCELS.c.digest == manifest.digest)).scalar_one()
    if state == "refused":
        _set_aside(node, file, manifest.digest, manifest)
    else:
        file.unlink(missing_ok=True)


def _set_aside(node: Node, file: Path, digest: str, manifest: Manifest | None) -> None:
    """A refused file goes into quarantine; for good when it says that it is of a subject who has withdrawn."""
    with reading(node.index) as connection:
        gone = manifest is not None and rows.has_withdrawn(connection, manifest.registry, manifest.subject)
    if gone:
        file.unlink(missing_ok=True)
    else:
        quarantine(node, file, digest)
