"""What a derived object may refer to: the instances of its own study, and of others of the same subject."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from kaname.archive import describe
from kaname.archive.candidate import Candidate
from kaname.archive.index import SERIES, STUDIES
from kaname.archive.series import members_of
from kaname.database import reading
from kaname.dicom.objects.references import Reference
from kaname.errors import Refused
from kaname.node import Node

Owner = tuple[str, str]
"""Registry and subject."""


def owner_of(node: Node, study_instance_uid: str) -> Owner | None:
    """Registry and subject of a study; ``None`` when the archive does not hold it."""
    with reading(node.index) as connection:
        return _owner(connection, study_instance_uid)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as far as a reference to it can be wrong."""

    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    digest: str
    frames: int


@dataclass(slots=True)
class Known:
    """The instances that may be referred to from one study; call within the subject's turn."""

    node: Node
    owner: Owner
    study: str
    instances: dict[str, Instance] = field(default_factory=dict[str, Instance])
    modalities: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Study and modality of each series met so far, by UID."""
    studies: set[str] = field(default_factory=set[str])

    def judge(self, candidate: Candidate) -> bool:
        """Whether the object is new; ``False`` when it is there already, byte for byte.

        Raises:
            Refused: ``derived-subject``, ``derived-reference``, ``same-uid-other-bytes``, ``same-uid-other-series``.
            NotYet: ``storage-unreachable``, ``index-busy``.
        """
        self._learn({self.study, *candidate.refers.studies})
        key = candidate.key
        if candidate.subject != self.owner[1]:
            raise Refused("derived-subject")
        there = self.instances.get(key.sop_instance_uid)
        if there is not None:
            if (there.digest, there.series_instance_uid) == (candidate.digest, key.series_instance_uid):
                return False
            raise Refused("same-uid-other-bytes")
        self._check_references(candidate)
        if self._series(key.series_instance_uid) not in (None, (self.study, candidate.modality)):
            raise Refused("same-uid-other-series")
        return True

    def add(self, candidate: Candidate) -> None:
        """From now on the object may be referred to."""
        key = candidate.key
        self.modalities[key.series_instance_uid] = self.study, candidate.modality
        self.instances[key.sop_instance_uid] = Instance(
            self.study, key.series_instance_uid, key.sop_class_uid, candidate.digest, 1
        )

    def _check_references(self, candidate: Candidate) -> None:
        refers = candidate.refers
        wrong = sum(not self._resolves(reference) for reference in refers.instances)
        series = {self.instances[r.sop_instance_uid].series_instance_uid for r in refers.instances} if not wrong else ()
        own = any(
            self.instances[r.sop_instance_uid].study_instance_uid == self.study for r in refers.instances if not wrong
        )
        if wrong or not own or refers.series - set(series) or refers.studies - self.studies:
            raise Refused("derived-reference", references=wrong)

    def _resolves(self, reference: Reference) -> bool:
        there = self.instances.get(reference.sop_instance_uid)
        return (
            there is not None
            and reference.sop_class_uid == there.sop_class_uid
            and reference.study_instance_uid in ("", there.study_instance_uid)
            and reference.series_instance_uid in ("", there.series_instance_uid)
            and all(1 <= number <= there.frames for number in reference.frames)
        )

    def _learn(self, studies: Iterable[str]) -> None:
        """Reads the series indexes of studies of the same owner that were not read yet."""
        with reading(self.node.index) as connection:
            for study in sorted(set(studies) - self.studies):
                if _owner(connection, study) == self.owner:
                    self._learn_study(connection, study)

    def _learn_study(self, connection: Connection, study: str) -> None:
        self.studies.add(study)
        query = select(SERIES.c.series_instance_uid).where(SERIES.c.study_instance_uid == study)
        for series in connection.scalars(query.order_by(SERIES.c.series_instance_uid)).all():
            for found in members_of(self.node.store, connection, study, series):
                member = found.member
                frames = describe.number(member.metadata, "00280008") or 1
                instance = Instance(study, series, member.sop_class_uid, member.digest, frames)
                self.instances.setdefault(member.sop_instance_uid, instance)

    def _series(self, series_instance_uid: str) -> tuple[str, str] | None:
        """Study and modality of a series, wherever it is; ``None`` when there is none."""
        if series_instance_uid not in self.modalities:
            query = select(SERIES.c.study_instance_uid, SERIES.c.modality)
            with reading(self.node.index) as connection:
                row = connection.execute(query.where(SERIES.c.series_instance_uid == series_instance_uid)).one_or_none()
            if row is None:
                return None
            self.modalities[series_instance_uid] = row.study_instance_uid, row.modality
        return self.modalities[series_instance_uid]


def _owner(connection: Connection, study_instance_uid: str) -> Owner | None:
    query = select(STUDIES.c.registry, STUDIES.c.subject).where(STUDIES.c.study_instance_uid == study_instance_uid)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.registry, row.subject)
