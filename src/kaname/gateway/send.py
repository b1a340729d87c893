"""Send: deliver the parcel until a signed receipt is in hand, then let the clean copies go."""

from __future__ import annotations

import shutil

from sqlalchemy import select, update

from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.gateway.follow import set_out
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import OBJECTS, PARCELS
from kaname.gateway.receive import withdrawn
from kaname.ledger import Json
from kaname.parcel.enrolment import own_keys
from kaname.parcel.open import open_parcel
from kaname.parcel.statements import Receipt
from kaname.parcel.transfer import deliver


def send(hospital: Hospital, batch: str) -> Json:
    """Delivers the batch's parcel; returns what the receipt says.

    Raises:
        NotYet: ``not-enrolled``, ``receiver-unreachable``, ``receiver-busy``.
        Refused: the reason that the receiver gives; ``withdrawn`` when the subject withdrew meanwhile.
    """
    with reading(hospital.node.index) as connection:
        row = connection.execute(select(PARCELS).where(PARCELS.c.batch == batch)).one()
        gone = withdrawn(connection, row.registry, row.subject)
    if gone:
        raise Refused("withdrawn")
    path = hospital.outbox / f"{row.digest}.parcel"
    if row.state == "sealed":
        receipt = deliver(open_parcel(path, own_keys(hospital.node.settings.keys)), hospital.partner())
        _write_down(hospital, batch, receipt)
        state, reason = receipt.outcome, receipt.reason
    else:
        state, reason = row.state, row.reason
    path.unlink(missing_ok=True)
    shutil.rmtree(hospital.crossing / batch, ignore_errors=True)
    if state != "accepted":
        raise Refused(reason)
    return {"parcel": row.digest, "outcome": state}


def _write_down(hospital: Hospital, batch: str, receipt: Receipt) -> None:
    """Objects of a refused parcel are held: their originals stay until a person has looked."""
    accepted = receipt.outcome == "accepted"
    with writing(hospital.node.index) as connection:
        changed = connection.execute(
            update(PARCELS)
            .where(PARCELS.c.batch == batch, PARCELS.c.state == "sealed")
            .values(state=receipt.outcome, reason=receipt.reason, receipt=receipt.statement, at=receipt.at)
        )
        connection.execute(
            update(OBJECTS)
            .where(OBJECTS.c.batch == batch, OBJECTS.c.state == "cleaned")
            .values(state="sent" if accepted else "held", reason=receipt.reason)
        )
        if changed.rowcount and accepted:
            set_out(connection, receipt.parcel, receipt.at)
        if changed.rowcount:
            hospital.node.ledger.append(
                f"parcel-{receipt.outcome}",
                receipt.parcel,
                actor=hospital.name,
                facts={"reason": receipt.reason, "ledger_sequence": receipt.ledger_sequence},
                connection=connection,
            )
