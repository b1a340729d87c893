"""Passing on: what a hub accepted leaves for the next tier as the gateway sealed it, and the receipt is kept.

Nothing is copied for it: the parcel is read from the store while it is sent. Cut off at any instruction, the same call
sends the same bytes again, and the next tier answers with the same receipt.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kaname.access.signing import read_statement
from kaname.database import reading, writing
from kaname.errors import KanameError, NotYet, Refused
from kaname.intake import onward
from kaname.intake.flow import find
from kaname.intake.introduce import introduce
from kaname.intake.keep import proof_keys, record_key
from kaname.ledger import Json
from kaname.node import Node
from kaname.pack import pack_key
from kaname.parcel.ask import Partner
from kaname.parcel.enrolment import is_enrolled, read_partner
from kaname.parcel.manifest import Manifest, PackEntry, RecordEntry
from kaname.parcel.statements import Receipt
from kaname.parcel.stored import StoredParcel
from kaname.parcel.transfer import pass_on
from kaname.work import Do
from kaname.work.model import waits_for_time

NEXT = 256
"""How many parcels are named at once."""


def unforwarded(node: Node) -> tuple[str, ...]:
    """Parcels that have yet to leave for the next tier, if there is one, in the order of their acceptance.

    Each is named by its digest, and by the attempt (``digest.1``) where a person set it going again.
    """
    if not is_enrolled(node.settings.keys):
        return ()
    with reading(node.index) as connection:
        rows = onward.waiting(connection, read_partner(node.settings.keys).registries, NEXT)
    return tuple(f"{parcel}.{attempt}" if attempt else parcel for parcel, attempt in rows)


def forward_parcel(node: Node, do: Do, one: Json) -> Json:
    """The worker's flow: the gateway is introduced, its parcel delivered; returns how that ended.

    ``one`` is an id of :func:`unforwarded`.
    """
    digest = str(one).partition(".")[0]
    do(partial(introduce_sender, node), digest)
    return do(partial(deliver_onward, node), digest)


def introduce_sender(node: Node, digest: str) -> Json:
    """Step: makes the key that signed a parcel known to the next tier.

    Raises:
        Refused, NotYet: what :func:`kaname.intake.introduce.introduce` raises.
    """
    if not _is_waiting(node, digest):
        return {}
    try:
        parcel = find(node, digest)
        key_id = read_statement(node.store.get(proof_keys(digest)[1])).key_id
        introduce(node, key_id, parcel.registry, Partner.enrolled(node.settings.keys))
    except KanameError as error:
        _stop(node, digest, error)
        raise
    return {}


def deliver_onward(node: Node, digest: str) -> Json:
    """Step: sends a parcel to the next tier and writes its receipt down; returns what that says.

    Raises:
        Refused: ``object-missing``, ``object-damaged``, ``receipt-invalid``.
        NotYet: what :func:`kaname.parcel.transfer.pass_on` raises.
    """
    if not _is_waiting(node, digest):
        return {}
    try:
        upstream = Partner.enrolled(node.settings.keys)
        receipt = pass_on(stored_parcel(node, digest), upstream)
    except KanameError as error:
        _stop(node, digest, error)
        raise
    _write_down(node, digest, receipt, upstream)
    return {"outcome": receipt.outcome, "reason": receipt.reason}


def stored_parcel(node: Node, digest: str) -> StoredParcel:
    """A parcel as it lies in the store.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    manifest_key, signature_key = proof_keys(digest)
    manifest = Manifest.from_bytes(node.store.get(manifest_key))
    if manifest.digest != digest:
        raise Refused("object-damaged", digest=digest)

    def source(member: PackEntry | RecordEntry) -> Iterator[bytes]:
        digest = member.digest
        return node.store.stream(pack_key(digest) if isinstance(member, PackEntry) else record_key(digest))

    return StoredParcel(manifest, node.store.get(signature_key), source)


def try_again(node: Node) -> int:
    """Lets leave once more what was held, or refused without a receipt; returns how many parcels.

    For a person who has mended the connection or brought objects back from a backup.

    Raises:
        NotYet: ``index-busy``.
    """
    with writing(node.index) as connection:
        return onward.again(connection)


def _is_waiting(node: Node, digest: str) -> bool:
    with reading(node.index) as connection:
        row = onward.row_of(connection, digest)
    return row is not None and row.state == "waiting"


def _stop(node: Node, digest: str, error: KanameError) -> None:
    """What will not pass by waiting is taken off the list, with its reason."""
    if waits_for_time(error):
        return
    state: onward.State = "held" if isinstance(error, NotYet) else "refused"
    with writing(node.index) as connection:
        if onward.settle(connection, digest, state, reason=error.code, at=node.clock.stamp()):
            facts: dict[str, Json] = {"reason": error.code}
            node.ledger.append(
                "parcel-not-forwarded", digest, actor=node.settings.name, facts=facts, connection=connection
            )


def _write_down(node: Node, digest: str, receipt: Receipt, upstream: Partner) -> None:
    accepted = receipt.outcome == "accepted"
    with writing(node.index) as connection:
        if onward.settle(
            connection,
            digest,
            "forwarded" if accepted else "refused",
            reason=receipt.reason,
            receipt=receipt.statement,
            at=receipt.at,
        ):
            facts: dict[str, Json] = {
                "ledger_sequence": receipt.ledger_sequence,
                "outcome": receipt.outcome,
                "reason": receipt.reason,
                "to": upstream.name,
            }
            node.ledger.append("parcel-forwarded", digest, actor=node.settings.name, facts=facts, connection=connection)
