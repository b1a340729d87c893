"""Linking: image, record and report of one examination meet by their accession number and its issuer.

The number is keyed; so is the patient's. Where two patients share an accession number nobody can tell whose record is
whose: everything of it that has not left yet is held. All questions and answers stand in the transaction of the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, or_, select, update

from kaname.deid.engine import Engine
from kaname.deid.survey import Survey
from kaname.dicom.scan import items
from kaname.gateway.index import LINKAGE, OBJECTS, PARCELS, RECORDS
from kaname.gateway.linkage import Linkage

AMBIGUOUS, UNLISTED = "accession-ambiguous", "image-without-record"
UNPICTURED, REPEATED, LATE, WRONG = "record-without-image", "record-repeated", "record-late", "record-value"
Kind = Literal["row", "report"]
_ISSUER = b"\x08\x00\x51\x00"
_ENTITIES = (b"\x40\x00\x31\x00", b"\x40\x00\x32\x00")
"""Issuer of Accession Number Sequence (0008,0051); Local and Universal Entity ID in it."""
_GONE = ("withdrawn", "refused")


@dataclass(frozen=True, slots=True)
class Link:
    """By what one image, record or report is linked: pseudonyms and keyed digests, nothing else."""

    registry: str
    accession: str
    """Empty where there is none: then there is nothing to link."""
    issuer: str
    """Keyed word for who gave the accession number; empty where nobody says."""
    number: str
    """Keyed digest of the patient number, whoever issued it."""
    subject: str
    """Empty where the issuer of the patient number is not told."""


def link_of(
    engine: Engine, linkage: Linkage, *, accession: str, accession_issuer: str, patient_id: str, subject: str
) -> Link:
    """The link of what says these things of itself."""
    keys = engine.keys
    return Link(
        engine.registry.id,
        keys.accession(accession) if accession else "",
        keys.accession(f"issuer|{accession_issuer}") if accession_issuer else "",
        linkage.number(patient_id),
        subject,
    )


def accession_issuer(found: Survey) -> str:
    """Who gave an image its accession number; empty where it does not say."""
    sequence = found.index.get(_ISSUER)
    if sequence is None:
        return ""
    implicit = found.implicit or sequence[0][4:] == b"UN"
    for item in items(found.body, sequence, implicit=implicit, depth=1):
        for head, _, value, end in item:
            if head[:4] in _ENTITIES:
                return found.body[value:end].strip(b" \0").decode("utf-8", "backslashreplace")
    return ""


def judge_image(connection: Connection, link: Link, *, listed: bool) -> str:
    """Why an image that comes is held, empty where it is not; its record, if it waits, is linked from now on.

    ``listed`` says that a department's table lies beside the image and ought to name it.
    """
    if not link.accession:
        return UNLISTED if listed else ""
    mine = _meets(OBJECTS, link)
    other_images = exists().where(mine, OBJECTS.c.subject != link.subject, OBJECTS.c.state.not_in(_GONE))
    if connection.scalar(select(or_(other_images, _other_records(link)))):
        _hold_all(connection, link)
        return AMBIGUOUS
    records = _meets(RECORDS, link)
    if listed and not connection.scalar(select(exists().where(records, RECORDS.c.kind == "row"))):
        return UNLISTED
    connection.execute(
        update(RECORDS)
        .where(records, RECORDS.c.state == "waiting")
        .values(state="linked", reason="", subject=link.subject)
    )
    return ""


def judge_record(connection: Connection, link: Link, kind: Kind) -> tuple[str, str]:
    """State and reason of a row or report that comes; images held for want of it are taken in again."""
    mine = _meets(OBJECTS, link)
    other = LINKAGE.c.number != link.number
    if link.subject:
        other = or_(other, OBJECTS.c.subject != link.subject)
    known = and_(LINKAGE.c.registry == OBJECTS.c.registry, LINKAGE.c.subject == OBJECTS.c.subject)
    other_images = exists().where(mine, known, other, OBJECTS.c.state.not_in(_GONE))
    if connection.scalar(select(or_(other_images, _other_records(link)))):
        _hold_all(connection, link)
        return "held", AMBIGUOUS
    if kind == "row":
        first = exists().where(_meets(RECORDS, link), RECORDS.c.kind == "row", RECORDS.c.state != "held")
        if connection.scalar(select(first)):
            return "held", REPEATED
        connection.execute(
            update(OBJECTS)
            .where(mine, OBJECTS.c.state == "held", OBJECTS.c.reason == UNLISTED)
            .values(state="received", reason="")
        )
    images = exists().where(mine, OBJECTS.c.state.not_in(_GONE))
    if not connection.scalar(select(images)):
        return "waiting", UNPICTURED
    here = exists().where(mine, OBJECTS.c.state.not_in(_GONE), ~_in_a_parcel())
    if kind == "row" and not connection.scalar(select(here)):
        return "held", LATE
    return "linked", ""


def corrected(connection: Connection, link: Link) -> list[str]:
    """Ends the rows that were held for a value and that a row which came now corrects; returns their names."""
    wrong = (_meets(RECORDS, link), RECORDS.c.number == link.number, RECORDS.c.reason == WRONG)
    names = list(connection.scalars(select(RECORDS.c.id).where(*wrong)))
    connection.execute(delete(RECORDS).where(*wrong))
    return names


def bind_rows(connection: Connection, batch: str) -> None:
    """Gives the rows linked to a batch's clean images to that batch: once, when its parcel gets its number."""
    images = connection.execute(
        select(OBJECTS.c.registry, OBJECTS.c.accession, OBJECTS.c.accession_issuer)
        .where(OBJECTS.c.batch == batch, OBJECTS.c.state == "cleaned", OBJECTS.c.accession != "")
        .distinct()
    ).all()
    for image in images:
        link = Link(image.registry, image.accession, image.accession_issuer, "", "")
        connection.execute(
            update(RECORDS)
            .where(_meets(RECORDS, link), RECORDS.c.kind == "row", RECORDS.c.state == "linked")
            .values(state="sealed", batch=batch)
        )


def _meets(table: Table, link: Link) -> ColumnElement[bool]:
    """Rows of the same accession number; an issuer separates only where both sides name one."""
    mine = and_(table.c.registry == link.registry, table.c.accession == link.accession)
    return and_(mine, table.c.accession_issuer.in_((link.issuer, ""))) if link.issuer else mine


def _other_records(link: Link) -> ColumnElement[bool]:
    other = RECORDS.c.number != link.number
    if link.subject:
        other = or_(other, RECORDS.c.subject.not_in(("", link.subject)))
    return exists().where(_meets(RECORDS, link), other)


def _hold_all(connection: Connection, link: Link) -> None:
    """Holds everything of that number that is in no parcel yet."""
    images = (_meets(OBJECTS, link), OBJECTS.c.state.in_(("received", "cleaned")), ~_in_a_parcel())
    connection.execute(update(OBJECTS).where(*images).values(state="held", reason=AMBIGUOUS))
    records = (_meets(RECORDS, link), RECORDS.c.state.in_(("waiting", "linked")))
    connection.execute(update(RECORDS).where(*records).values(state="held", reason=AMBIGUOUS))


def _in_a_parcel() -> ColumnElement[bool]:
    return OBJECTS.c.batch.in_(select(PARCELS.c.batch))
