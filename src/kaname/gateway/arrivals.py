"""Arrivals by association: each object as it comes, and how many associations ended how, without their names."""

from __future__ import annotations

from sqlalchemy import select, update

from kaname.database import writing
from kaname.deid.engine import Engine
from kaname.dicom.network import CANNOT_UNDERSTAND, OUT_OF_RESOURCES, SUCCESS, Ended
from kaname.errors import NotYet
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import ASSOCIATIONS
from kaname.gateway.receive import receive
from kaname.gateway.sources import Arrived


def arrive(hospital: Hospital, engine: Engine, data: bytes) -> int:
    """Takes in one object that came by C-STORE; returns the status to answer (PS3.4 section B.2.3).

    Success means that the original is kept, also where it is held for a person: sending it again would change nothing.
    What is refused, or could not be kept, is a failure; so is a full disk, after which the sender tries again.
    """
    try:
        received = receive(hospital, Arrived(data), engine)
    except NotYet:
        return OUT_OF_RESOURCES
    return SUCCESS if received.id and received.state != "refused" else CANNOT_UNDERSTAND


def count_association(hospital: Hospital, ended: Ended) -> None:
    """Counts one association by the day and by how it ended.

    Raises:
        NotYet: ``index-busy``, ``storage-full``.
    """
    day = hospital.node.clock.stamp()[:10]
    mine = (ASSOCIATIONS.c.day == day, ASSOCIATIONS.c.ended == ended)
    with writing(hospital.node.index) as connection:
        known = connection.execute(select(ASSOCIATIONS.c.count).where(*mine).with_for_update()).scalar()
        if known is None:
            connection.execute(ASSOCIATIONS.insert().values(day=day, ended=ended, count=1))
        else:
            connection.execute(update(ASSOCIATIONS).where(*mine).values(count=known + 1))
