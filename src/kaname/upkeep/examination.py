"""One study with everything that belongs to it: its series, what can be looked at in each, and its clinical items."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select

from kaname.archive.describe import number
from kaname.archive.films import FILMS
from kaname.archive.index import PACKS, SERIES
from kaname.archive.model import Located
from kaname.archive.series import members_of
from kaname.database import reading
from kaname.intake.index import PARCELS, RECORDS
from kaname.intake.inspect import ITEMS
from kaname.intake.keep import record_key
from kaname.node import Node
from kaname.registries import load
from kaname.registries.model import Item

Look = Literal["film", "slide", "pictures", "stack", "nothing"]
"""How a series is looked at: as a film, as a slide, picture by picture, as a stack of sections, or not at all."""
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
VISIBLE_LIGHT = "1.2.840.10008.5.1.4.1.1.77.1."
"""Begins the classes of photographs: endoscopy, skin, eyes (PS3.4 annex B.5)."""
PICTURES_MOST = 24


@dataclass(frozen=True, slots=True)
class Picture:
    """One instance that has something to show."""

    uid: str
    """SOP Instance UID."""
    number: int
    """Instance Number; 0 where it has none."""
    frames: int


@dataclass(frozen=True, slots=True)
class SeriesFound:
    """One series of a study."""

    uid: str
    number: int | None
    modality: str
    description: str
    body_part: str
    instances: int
    derived: bool
    """Whether it was made on this side: a report, a segmentation, marks."""
    look: Look
    pictures: tuple[Picture, ...]
    """The first ones of photographs, the middle one of a stack, the film; at most :data:`PICTURES_MOST`."""


@dataclass(frozen=True, slots=True)
class ItemFound:
    """One clinical item that a record of this study holds."""

    item: Item
    value: str | float


def series_of(node: Node, registries: Sequence[str], study: str) -> tuple[SeriesFound, ...]:
    """The series of a study of these registries, by number; those that were derived, last.

    Raises:
        Refused: ``object-missing``, ``object-damaged`` when an index cannot be read.
    """
    query = select(SERIES).where(SERIES.c.study_instance_uid == study, SERIES.c.registry.in_(list(registries)))
    with reading(node.index) as connection:
        rows = connection.execute(query).all()
        came = select(PACKS.c.series_instance_uid).where(
            PACKS.c.series_instance_uid.in_([row.series_instance_uid for row in rows]), PACKS.c.parcel != ""
        )
        from_hospitals = set(connection.scalars(came))
        found = [
            _series(row, list(members_of(node.store, connection, study, row.series_instance_uid)), from_hospitals)
            for row in rows
        ]
    return tuple(sorted(found, key=lambda one: (one.derived, one.number is None, one.number or 0, one.uid)))


def items_of(node: Node, registry: str, subject: str, study: str) -> tuple[ItemFound, ...]:
    """The clinical items that records of this study hold, in the registry's order; of one said twice, the later one.

    Raises:
        Refused: ``object-missing``.
        NotYet: ``storage-unreachable``.
    """
    query = (
        select(RECORDS.c.digest)
        .join(PARCELS, PARCELS.c.digest == RECORDS.c.parcel)
        .where(PARCELS.c.registry == registry, PARCELS.c.subject == subject)
        .where(RECORDS.c.kind == ITEMS, PARCELS.c.state.in_(("accepted", "shelved")))
        .order_by(PARCELS.c.ledger_sequence)
    )
    with reading(node.index) as connection:
        digests = connection.scalars(query).all()
    values: dict[str, Any] = {}
    for digest in digests:
        record: dict[str, Any] = json.loads(node.store.get(record_key(digest)))
        if record.get("study_instance_uid") == study:
            values |= record["items"]
    return tuple(ItemFound(item, values[name]) for name, item in load(registry).items.items() if name in values)


def _series(row: Any, members: list[Located], from_hospitals: set[str]) -> SeriesFound:  # noqa: ANN401 -- a row of SERIES
    look = _look(members)
    return SeriesFound(
        uid=row.series_instance_uid,
        number=row.series_number,
        modality=row.modality,
        description=row.series_description,
        body_part=row.body_part_examined,
        instances=row.instances,
        derived=row.series_instance_uid not in from_hospitals,
        look=look,
        pictures=_pictures(members, look),
    )


def _look(members: Sequence[Located]) -> Look:
    shown = [one.member for one in members]
    if any(member.transfer_syntax_uid in FILMS for member in shown):
        return "film"
    if any(member.sop_class_uid == SLIDE for member in shown):
        return "slide"
    if any(member.sop_class_uid.startswith(VISIBLE_LIGHT) for member in shown):
        return "pictures"
    return "stack" if any(member.frames for member in shown) else "nothing"


def _pictures(members: Sequence[Located], look: Look) -> tuple[Picture, ...]:
    found = [
        Picture(
            one.member.sop_instance_uid,
            number(one.member.metadata, "00200013") or 0,
            number(one.member.metadata, "00280008") or len(one.member.frames),
        )
        for one in members
        if one.member.frames or one.member.transfer_syntax_uid in FILMS
    ]
    found.sort(key=lambda picture: (picture.number, picture.uid))
    if look == "stack":
        return (found[len(found) // 2],)
    return tuple(found[:PICTURES_MOST]) if look != "nothing" else ()
