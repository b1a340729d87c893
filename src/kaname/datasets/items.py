"""Clinical items of the studies of a dataset: its columns beside the images, as the departments' records said them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from kaname.datasets.model import Member, Recorded, items_of
from kaname.intake.index import PARCELS, RECORDS
from kaname.intake.inspect import ITEMS
from kaname.intake.keep import record_key
from kaname.store import Store


def recorded(store: Store, connection: Connection, registry: str, members: Iterable[Member]) -> tuple[Recorded, ...]:
    """The records of items that came with the members' studies, sorted by Study Instance UID, then accession.

    What a record may say was judged when its parcel was accepted (:mod:`kaname.intake.inspect`). Of two records of one
    accession number the later one stands.

    Args:
        store: Where the records rest.
        connection: A transaction.
        registry: Of the members.
        members: Series of a dataset.

    Raises:
        Refused: ``object-missing``.
        NotYet: ``storage-unreachable``.
    """
    studies = {(member.subject, member.study_instance_uid) for member in members}
    subjects = {subject for subject, _ in studies}
    query = (
        select(RECORDS.c.digest, PARCELS.c.subject)
        .join(PARCELS, PARCELS.c.digest == RECORDS.c.parcel)
        .where(PARCELS.c.registry == registry, PARCELS.c.state == "shelved", RECORDS.c.kind == ITEMS)
        .order_by(PARCELS.c.ledger_sequence, RECORDS.c.digest)
    )
    found: dict[tuple[str, str], Recorded] = {}
    for digest, subject in connection.execute(query).all():
        if subject in subjects:
            record: dict[str, Any] = json.loads(store.get(record_key(digest)))
            study, accession = record["study_instance_uid"], record["accession"]
            if (subject, study) in studies:
                found[study, accession] = Recorded(subject, study, accession, items_of(record["items"]))
    return tuple(found[key] for key in sorted(found))
