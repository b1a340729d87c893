"""Answering a search: one indexed statement for studies and series, series indexes for instances.

The registries that the caller may see are part of every statement. Rows carry their DICOM JSON ready to send.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true

from kaname.archive.describe import instance_document, text
from kaname.archive.index import PACKS, SERIES, STUDIES
from kaname.archive.model import Answer, Located, PackedSeries
from kaname.archive.question import Question, Term
from kaname.archive.series import members_of
from kaname.database import reading
from kaname.errors import Refused
from kaname.node import Node

_COLUMNS = {
    "StudyInstanceUID": STUDIES.c.study_instance_uid,
    "PatientID": STUDIES.c.subject,
    "PatientName": STUDIES.c.subject,
    "AccessionNumber": STUDIES.c.accession_number,
    "StudyDate": STUDIES.c.study_date,
    "StudyTime": STUDIES.c.study_time,
    "StudyID": STUDIES.c.study_id,
    "StudyDescription": STUDIES.c.study_description,
    "ModalitiesInStudy": SERIES.c.modality,
    "SeriesInstanceUID": SERIES.c.series_instance_uid,
    "Modality": SERIES.c.modality,
    "SeriesNumber": SERIES.c.series_number,
    "SeriesDescription": SERIES.c.series_description,
    "BodyPartExamined": SERIES.c.body_part_examined,
}
Ts = TypeVarTuple("Ts")


def search(node: Node, question: Question, registries: Collection[str]) -> Answer:
    """Matches of a question in these registries, the newest study first, series and instances by UID.

    Raises:
        Refused: ``query-invalid`` (``term``) when instances are asked for by something of their own without a Study or
            Series Instance UID: that would be a walk through the whole archive.
        NotYet: ``index-busy``, ``storage-unreachable``.
    """
    with reading(node.index) as connection:
        if question.level == "instance":
            documents = list(_instances(node, connection, question, registries))
        else:
            statement = (
                _studies(connection, question)
                if question.level == "study"
                else _of_series(select(SERIES.c.document), connection, question)
            )
            allowed = (STUDIES if question.level == "study" else SERIES).c.registry.in_(list(registries))
            page = statement.where(allowed).limit(question.limit + 1).offset(question.offset)
            documents = list(connection.scalars(page))
    return Answer(tuple(documents[: question.limit]), len(documents) > question.limit)


def packed_series(connection: Connection, registry: str, modality: str = "") -> Iterator[PackedSeries]:
    """Every pack of a parcel that added instances, of one modality if given; series by UID, packs by number.

    Derived objects are not among them: a dataset is made of what hospitals gave, not of what models said of it.
    """
    query = (
        select(PACKS, SERIES.c.study_instance_uid)
        .join(SERIES, SERIES.c.series_instance_uid == PACKS.c.series_instance_uid)
        .where(SERIES.c.registry == registry, PACKS.c.instances > 0, PACKS.c.parcel != "")
        .order_by(SERIES.c.series_instance_uid, PACKS.c.number)
    )
    if modality:
        query = query.where(SERIES.c.modality == modality)
    for row in connection.execute(query):
        yield PackedSeries(
            row.subject, row.study_instance_uid, row.series_instance_uid, row.digest, row.number, row.instances
        )


def _studies(connection: Connection, question: Question) -> Select[str]:
    conditions = [_condition(connection, term) for term in question.terms]
    newest_first = (STUDIES.c.study_date.desc(), STUDIES.c.study_instance_uid.desc())
    return select(STUDIES.c.document).where(*conditions).order_by(*newest_first)


def _of_series(statement: Select[*Ts], connection: Connection, question: Question) -> Select[*Ts]:
    terms = [term for term in question.terms if term.attribute.level != "instance"]
    study = SERIES.c.study_instance_uid
    if any(term.attribute.level == "study" for term in terms):
        statement = statement.join(STUDIES, STUDIES.c.study_instance_uid == study)
    conditions = [_condition(connection, term) for term in terms]
    return statement.where(*conditions).order_by(study, SERIES.c.series_instance_uid)


def _instances(node: Node, connection: Connection, question: Question, registries: Collection[str]) -> Iterator[str]:
    """Documents of a page and one more. Whole series are skipped by their counts where every instance matches."""
    own = [term for term in question.terms if term.attribute.level == "instance"]
    if own and not (question.values("StudyInstanceUID") or question.values("SeriesInstanceUID")):
        raise Refused("query-invalid", term=own[0].attribute.keyword)
    columns = select(SERIES.c.study_instance_uid, SERIES.c.series_instance_uid, SERIES.c.instances)
    statement = _of_series(columns, connection, question).where(SERIES.c.registry.in_(list(registries)))
    skip, wanted = question.offset, question.limit + 1
    for row in connection.execute(statement):
        if not own and skip >= row.instances:
            skip -= row.instances
            continue
        for located in members_of(node.store, connection, row.study_instance_uid, row.series_instance_uid):
            if not all(_matches(located, term) for term in own):
                continue
            if skip:
                skip -= 1
                continue
            yield instance_document(located.member.metadata, question.include)
            wanted -= 1
            if not wanted:
                return


def _matches(located: Located, term: Term) -> bool:
    return text(located.member.metadata, term.attribute.tag) in term.values


def _condition(connection: Connection, term: Term) -> ColumnElement[bool]:
    column: ColumnElement[Any] = _COLUMNS[term.attribute.keyword]
    if term.upto is not None:  # ``1015`` as an end takes the whole minute in
        begin, end = column >= term.values[0], func.substr(column, 1, len(term.upto)) <= term.upto
        return and_(begin, end) if term.upto else begin
    if term.attribute.kind == "number":
        return column == int(term.values[0])
    condition = or_(*(_like(connection, column, value) for value in term.values))
    if term.attribute.keyword != "ModalitiesInStudy":
        return condition
    inner = SERIES.alias()
    of_study = inner.c.study_instance_uid == STUDIES.c.study_instance_uid
    any_of = or_(*(_like(connection, inner.c.modality, value) for value in term.values))
    return select(true()).select_from(inner).where(of_study, any_of).exists()


def _like(connection: Connection, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """Equality, or the wildcards of PS3.4 section C.2.2.2.4: ``*`` any text, ``?`` any one character; case counts."""
    if not set("*?") & set(value):
        return column == value
    if connection.dialect.name == "sqlite":
        return column.op("GLOB")(value.replace("[", "[[]"))
    for special in ("\\", "%", "_"):
        value = value.replace(special, "\\" + special)
    return column.like(value.replace("*", "%").replace("?", "_"), escape="\\")
