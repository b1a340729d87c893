"""Rows of dataset versions: found, and written together with what belongs to them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Row, insert, select, text, update

from kaname.datasets.index import SUBJECTS, VERSIONS
from kaname.datasets.model import DatasetVersion, Frozen, Question, Split
from kaname.errors import Refused

FREEZE_LOCK = 0x667265657A65
"""Key of the PostgreSQL advisory lock of :func:`one_at_a_time`."""


def one_at_a_time(connection: Connection) -> None:
    """Puts freezes and holes in a row until the transaction ends (on SQLite, the write lock has done so already).

    A freeze that read the archive before a withdrawal is then always seen by the hole, and one that comes later reads
    an archive without the subject: no version names somebody who has withdrawn.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FREEZE_LOCK})


def newest(connection: Connection, name: str) -> DatasetVersion | None:
    """The newest version of a dataset; ``None`` when there is no dataset of that name."""
    query = select(VERSIONS).where(VERSIONS.c.name == name).order_by(VERSIONS.c.version.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _version(row)


def of_number(connection: Connection, name: str, version: int | None) -> DatasetVersion:
    """One version of a dataset, the newest when no number is given.

    Raises:
        Refused: ``not-found``.
    """
    if version is None:
        found = newest(connection, name)
    else:
        query = select(VERSIONS).where(VERSIONS.c.name == name, VERSIONS.c.version == version)
        row = connection.execute(query).one_or_none()
        found = None if row is None else _version(row)
    if found is None:
        raise Refused("not-found")
    return found


def of_content(connection: Connection, name: str, digest: str) -> DatasetVersion | None:
    """The version of a dataset with exactly this content."""
    row = connection.execute(select(VERSIONS).where(VERSIONS.c.name == name, VERSIONS.c.digest == digest)).one_or_none()
    return None if row is None else _version(row)


def all_of(connection: Connection, name: str) -> tuple[DatasetVersion, ...]:
    """Every version of a dataset, the first one first."""
    query = select(VERSIONS).where(VERSIONS.c.name == name).order_by(VERSIONS.c.version)
    return tuple(_version(row) for row in connection.execute(query))


def newest_of_all(connection: Connection, registries: Iterable[str]) -> tuple[DatasetVersion, ...]:
    """The newest version of every dataset of these registries, by name."""
    query = (
        select(VERSIONS).where(VERSIONS.c.registry.in_(list(registries))).order_by(VERSIONS.c.name, VERSIONS.c.version)
    )
    return tuple({row.name: _version(row) for row in connection.execute(query)}.values())


def add(connection: Connection, frozen: Frozen, digest: str, before: DatasetVersion | None, at: str) -> DatasetVersion:
    """Writes the next version of a dataset down, and the subjects that it is the first to name."""
    made = DatasetVersion(
        name=frozen.name,
        version=before.version + 1 if before else 1,
        digest=digest,
        parent=before.digest if before else "",
        question=frozen.question,
        subjects=len({member.subject for member in frozen.members}),
        series=len({member.series_instance_uid for member in frozen.members}),
        instances=sum(member.instances for member in frozen.members),
        holes=len(frozen.holes),
        frozen_at=at,
        superseded_by=0,
        labels=len(frozen.labels),
        marks=sum(len(label.marks) for label in frozen.labels),
        items=len(frozen.items),
    )
    connection.execute(
        insert(VERSIONS).values(
            name=made.name,
            version=made.version,
            digest=made.digest,
            parent=made.parent,
            registry=made.question.registry,
            modality=made.question.modality,
            task=made.question.task,
            labels=made.labels,
            marks=made.marks,
            items=made.items,
            subjects=made.subjects,
            series=made.series,
            instances=made.instances,
            holes=made.holes,
            frozen_at=made.frozen_at,
            superseded_by=0,
        )
    )
    _write_subjects(connection, frozen)
    return made


def splits_of(connection: Connection, name: str) -> dict[str, Split]:
    """The split of every subject that any version of a dataset has put into one."""
    query = select(SUBJECTS.c.subject, SUBJECTS.c.split).where(SUBJECTS.c.name == name, SUBJECTS.c.split != "")
    return {row.subject: row.split for row in connection.execute(query)}


def holders(connection: Connection, registry: str, subject: str) -> tuple[tuple[str, int], ...]:
    """Names of the datasets that ever named a subject, each with the version that names its hole (0: none yet)."""
    query = (
        select(SUBJECTS.c.name, SUBJECTS.c.hole_version)
        .where(SUBJECTS.c.registry == registry, SUBJECTS.c.subject == subject)
        .order_by(SUBJECTS.c.name)
    )
    return tuple((row.name, row.hole_version) for row in connection.execute(query))


def note_hole(connection: Connection, made: DatasetVersion, subject: str, superseded: Iterable[int]) -> None:
    """Writes down which version names a subject's hole, and which versions it takes the place of."""
    connection.execute(
        update(SUBJECTS)
        .where(SUBJECTS.c.name == made.name, SUBJECTS.c.subject == subject)
        .values(hole_version=made.version)
    )
    connection.execute(
        update(VERSIONS)
        .where(VERSIONS.c.name == made.name, VERSIONS.c.version.in_(list(superseded)), VERSIONS.c.superseded_by == 0)
        .values(superseded_by=made.version)
    )


def _write_subjects(connection: Connection, frozen: Frozen) -> None:
    """Writes the subjects down that a list is the first to name, and splits that it is the first to give."""
    query = select(SUBJECTS.c.subject, SUBJECTS.c.split).where(SUBJECTS.c.name == frozen.name)
    known: dict[str, str] = {row.subject: row.split for row in connection.execute(query)}
    split_of = {assigned.subject: assigned.split for assigned in frozen.splits}
    rows = [
        {
            "name": frozen.name,
            "subject": subject,
            "registry": frozen.question.registry,
            "hole_version": 0,
            "split": split_of.get(subject, ""),
        }
        for subject in sorted({member.subject for member in frozen.members} - known.keys())
    ]
    if rows:
        connection.execute(insert(SUBJECTS), rows)
    for subject, split in split_of.items():
        if known.get(subject) == "":
            own = (SUBJECTS.c.name == frozen.name, SUBJECTS.c.subject == subject)
            connection.execute(update(SUBJECTS).where(*own).values(split=split))


def _version(row: Row[*tuple[object, ...]]) -> DatasetVersion:
    return DatasetVersion(
        name=row.name,
        version=row.version,
        digest=row.digest,
        parent=row.parent,
        question=Question(row.registry, row.modality, row.task),
        subjects=row.subjects,
        series=row.series,
        instances=row.instances,
        holes=row.holes,
        frozen_at=row.frozen_at,
        superseded_by=row.superseded_by,
        labels=row.labels,
        marks=row.marks,
        items=row.items,
    )
