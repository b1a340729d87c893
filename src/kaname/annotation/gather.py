"""From series of the archive to cases: one per frame, of the kinds of image that the registry collects."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby

from sqlalchemy import Connection, select

from kaname.annotation import rows
from kaname.annotation.index import CASES
from kaname.annotation.model import Case, Task
from kaname.archive.describe import number
from kaname.archive.model import PackedSeries
from kaname.archive.query import packed_series
from kaname.archive.series import located, packs_of
from kaname.archive.shelf import load_index
from kaname.errors import Refused
from kaname.registries import load
from kaname.store import Store

Packs = tuple[PackedSeries, ...]
"""The packs of one series, in the order in which they came."""


def untaken(connection: Connection, task: Task, modality: str, series: Collection[str]) -> tuple[Packs, ...]:
    """Series of the task's registry with a pack that no case of the task comes from yet.

    Args:
        connection: A transaction.
        task: The task.
        modality: Only series of this modality; empty takes all.
        series: Only these; empty takes all.

    Raises:
        Refused: ``not-found`` when one of ``series`` is not in the archive.
    """
    found = groupby(packed_series(connection, task.registry, modality), key=lambda pack: pack.series_instance_uid)
    wanted = [tuple(packs) for uid, packs in found if not series or uid in series]
    if len(wanted) < len(set(series)):
        raise Refused("not-found")
    taken = set(connection.scalars(select(CASES.c.pack).where(CASES.c.task == task.name).distinct()))
    return tuple(packs for packs in wanted if not taken >= {pack.pack for pack in packs})


def cases_of(store: Store, task: Task, packs: Packs) -> tuple[tuple[Case, ...], int]:
    """The cases of one series, and how many of its images have no frames that can be told apart.

    Derived objects, and whatever else the registry does not collect, are no images to ask about.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    first = packs[0]
    collected = load(task.registry).sop_classes
    found: list[Case] = []
    without_frames = 0
    for place in located(first.study_instance_uid, [load_index(store, pack.pack) for pack in packs]):
        member = place.member
        if member.sop_class_uid not in collected:
            continue
        image_rows, image_columns = number(member.metadata, "00280010"), number(member.metadata, "00280011")
        if not (member.frames and image_rows and image_columns):
            without_frames += 1
            continue
        found.extend(
            Case(
                id=rows.case_id(task.name, member.sop_instance_uid, frame),
                task=task.name,
                registry=task.registry,
                subject=first.subject,
                study_instance_uid=first.study_instance_uid,
                series_instance_uid=first.series_instance_uid,
                sop_instance_uid=member.sop_instance_uid,
                frame=frame,
                rows=image_rows,
                columns=image_columns,
                pack=place.pack,
            )
            for frame in range(1, len(member.frames) + 1)
        )
    return tuple(found), without_frames


def still_there(connection: Connection, cases: Iterable[Case]) -> list[Case]:
    """Those of the cases whose packs are on the shelf now: a withdrawal may have come in between."""
    cases = sorted(cases, key=lambda case: case.series_instance_uid)
    kept: list[Case] = []
    for uid, of_series in groupby(cases, key=lambda case: case.series_instance_uid):
        packs = packs_of(connection, uid)
        kept += [case for case in of_series if case.pack in packs]
    return kept
