"""What waits for a person, one by one, and what is known of it: for the hospital's own console, and nowhere else.

Every value that comes out of a record here is identity. It is shown and thrown away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from sqlalchemy import Row, Select, String, literal, select, union_all

from kaname.database import reading
from kaname.deid.survey import Survey, survey
from kaname.errors import Refused
from kaname.gateway.hospital import Hospital
from kaname.gateway.index import FOREIGN, OBJECTS, RECORDS
from kaname.work import Outcome, shielded

Kind = Literal["object", "file", "row", "report"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WAITS = ("held", "refused", "waiting")
WORDS_MOST = 20_000
"""Longest value that is shown; the rest is left out."""
_ATTRIBUTES: Mapping[str, tuple[int, int]] = {
    "PatientName": (0x10, 0x10),
    "PatientID": (0x10, 0x20),
    "PatientBirthDate": (0x10, 0x30),
    "PatientSex": (0x10, 0x40),
    "AccessionNumber": (0x08, 0x50),
    "StudyDate": (0x08, 0x20),
    "StudyDescription": (0x08, 0x1030),
    "SeriesDescription": (0x08, 0x103E),
    "Modality": (0x08, 0x60),
    "ImageType": (0x08, 0x08),
    "BodyPartExamined": (0x18, 0x15),
    "Manufacturer": (0x08, 0x70),
    "ManufacturerModelName": (0x08, 0x1090),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One object, file, row or report that waits or was refused."""

    id: str
    """Keyed digest of the original: its name in the spool."""
    registry: str
    kind: Kind
    state: str
    reason: str
    at: str
    """When it came, UTC."""


def items(
    hospital: Hospital, registries: Sequence[str], *, reason: str = "", offset: int = 0, limit: int = 50
) -> tuple[Item, ...]:
    """What waits in these registries, the newest first.

    Args:
        hospital: the gateway.
        registries: of which the reader may know.
        reason: only what waits for that reason code; empty for all.
        offset: how many are left out at the beginning.
        limit: how many at most.
    """
    every = union_all(*(_waiting(table, registries, reason) for table in (OBJECTS, FOREIGN, RECORDS))).subquery()
    page = select(every).order_by(every.c.at.desc(), every.c.id).offset(offset).limit(limit)
    with reading(hospital.node.index) as connection:
        return tuple(_item(row) for row in connection.execute(page))


def item(hospital: Hospital, registries: Sequence[str], kind: str, id: str) -> Item:  # noqa: A002 -- ours
    """One of them.

    Raises:
        Refused: ``not-found``, also where it went on meanwhile.
    """
    table = {"object": OBJECTS, "file": FOREIGN, "row": RECORDS, "report": RECORDS}.get(kind)
    if table is None:
        raise Refused("not-found")
    found = _waiting(table, registries, "").where(table.c.id == id)
    with reading(hospital.node.index) as connection:
        row = connection.execute(found.limit(1)).first()
    if row is None or row.kind != kind:
        raise Refused("not-found")
    return _item(row)


def words_of(hospital: Hospital, one: Item) -> dict[str, str]:
    """What the original says of itself, by the names of DICOM or the headings of its table; identity.

    Empty for a file, which has no header, and for what cannot be read.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
    """
    if one.kind == "file" or not hospital.spool.has(one.id):
        return {}
    if one.kind == "object":
        found = shielded(survey, hospital.spool.open(one.id))
        return {} if isinstance(found, Outcome) else _said(found)
    kept: dict[str, Any] = json.loads(bytes(hospital.spool.open(one.id).buffer))
    cells = cast("dict[str, Any]", kept["row"]) if one.kind == "row" else kept
    return {name: str(value)[:WORDS_MOST] for name, value in cells.items() if str(value)}


def _said(found: Survey) -> dict[str, str]:
    words: dict[str, str] = {}
    for name, (group, element) in _ATTRIBUTES.items():
        value = shielded(found.text, group, element)
        if isinstance(value, str) and value:
            words[name] = value[:WORDS_MOST]
    return words


def _waiting(table: Any, registries: Sequence[str], reason: str) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 -- Table's columns
    kind = table.c.kind if table is RECORDS else literal("object" if table is OBJECTS else "file", String(8))
    columns = (table.c.id, table.c.registry, kind.label("kind"), table.c.state, table.c.reason)
    mine = select(*columns, table.c.received_at.label("at")).where(
        table.c.registry.in_(registries), table.c.state.in_(WAITS)
    )
    return mine.where(table.c.reason == reason) if reason else mine


def _item(row: Row[Any]) -> Item:
    return Item(row.id, row.registry, row.kind, row.state, row.reason, row.at)
