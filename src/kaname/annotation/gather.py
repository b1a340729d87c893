"""From series of the archive to cases, of the kinds of image that the registry collects.

A task of frames has one case per frame, a task of instances one per video, image or slide, a task of pairs one for
every two images that follow each other in a series.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby, pairwise

from sqlalchemy import Connection, select

from kaname.annotation import rows
from kaname.annotation.index import CASES
from kaname.annotation.model import WHOLE, Case, Task
from kaname.archive.describe import number
from kaname.archive.model import Located, PackedSeries
from kaname.archive.query import packed_series
from kaname.archive.series import located, packs_of
from kaname.archive.shelf import load_index
from kaname.errors import Refused
from kaname.registries import load
from kaname.store import Store

Packs = tuple[PackedSeries, ...]
"""The packs of one series, in the order in which they came."""
FRAMES, ROWS, COLUMNS, INSTANCE_NUMBER = "00280008", "00280010", "00280011", "00200013"
MATRIX_COLUMNS, MATRIX_ROWS = "00480006", "00480007"
"""Total Pixel Matrix Columns and Rows (PS3.3 section C.8.12.3): one picture, in tiles."""


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
    own = CASES.c.task == task.name
    taken = {
        pack
        for column in (CASES.c.pack, CASES.c.other_pack)
        for pack in connection.scalars(select(column).where(own).distinct())
    }
    return tuple(packs for packs in wanted if not taken >= {pack.pack for pack in packs})


def cases_of(store: Store, task: Task, packs: Packs) -> tuple[tuple[Case, ...], int]:
    """The cases of one series, and how many of its images nobody can be asked about.

    Derived objects, and whatever else the registry does not collect, are no images to ask about.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-unreachable``.
    """
    first = packs[0]
    collected = load(task.registry).sop_classes
    images = [
        place
        for place in located(first.study_instance_uid, [load_index(store, pack.pack) for pack in packs])
        if place.member.sop_class_uid in collected
    ]
    if task.question.unit == "instance":
        asked = [place for place in images if min(_size(place, whole=True)) > 0]
        found = tuple(_case(task, first, place, WHOLE) for place in _largest_levels(asked))
    else:
        asked = [place for place in images if min(_size(place)) > 0 and place.member.frames]
        pairs = task.question.unit == "pair"
        found = tuple(_pairs(task, first, asked) if pairs else _frames(task, first, asked))
    return found, len(images) - len(asked)


def still_there(connection: Connection, cases: Iterable[Case]) -> list[Case]:
    """Those of the cases whose packs are on the shelf now: a withdrawal may have come in between."""
    cases = sorted(cases, key=lambda case: case.series_instance_uid)
    kept: list[Case] = []
    for uid, of_series in groupby(cases, key=lambda case: case.series_instance_uid):
        packs = {*packs_of(connection, uid)}
        kept += [case for case in of_series if {case.pack, case.other_pack} - {""} <= packs]
    return kept


def _frames(task: Task, series: PackedSeries, images: Iterable[Located]) -> Iterator[Case]:
    for place in images:
        for frame in range(1, len(place.member.frames) + 1):
            yield _case(task, series, place, frame)


def _pairs(task: Task, series: PackedSeries, images: Iterable[Located]) -> Iterator[Case]:
    """Every two frames that follow each other, by Instance Number, then SOP Instance UID: both sides of one subject."""
    ordered = sorted(images, key=_order)
    shown = [(place, frame) for place in ordered for frame in range(1, len(place.member.frames) + 1)]
    for (left, frame), right in pairwise(shown):
        yield _case(task, series, left, frame, right)


def _order(place: Located) -> tuple[bool, int, str]:
    """Images without an Instance Number come last."""
    written = number(place.member.metadata, INSTANCE_NUMBER)
    return written is None, written or 0, place.member.sop_instance_uid


def _largest_levels(images: Iterable[Located]) -> Iterator[Located]:
    """The images, and of the levels of a slide (a series of tiled images) the one with the most pixels."""
    slides = [place for place in images if _is_slide(place)]
    yield from (place for place in images if not _is_slide(place))
    if slides:
        yield max(slides, key=lambda place: (_pixels(place), place.member.sop_instance_uid))


def _pixels(place: Located) -> int:
    image_rows, image_columns = _size(place, whole=True)
    return image_rows * image_columns


def _is_slide(place: Located) -> bool:
    return MATRIX_ROWS in place.member.metadata


def _size(place: Located, *, whole: bool = False) -> tuple[int, int]:
    """Rows and columns of a frame, or of the whole: of all the tiles of a slide. 0 where it does not tell them."""
    tags = (MATRIX_ROWS, MATRIX_COLUMNS) if whole and _is_slide(place) else (ROWS, COLUMNS)
    image_rows, image_columns = (number(place.member.metadata, tag) or 0 for tag in tags)
    return (image_rows, image_columns)


def _case(
    task: Task, series: PackedSeries, place: Located, frame: int, other: tuple[Located, int] | None = None
) -> Case:
    """A case of a frame, of the whole instance (frame 0), or of a frame and the ``other`` on its right."""
    member = place.member
    whole = frame == WHOLE
    image_rows, image_columns = _size(place, whole=whole)
    right = (other[0].member.sop_instance_uid, other[1]) if other else None
    return Case(
        id=rows.case_id(task.name, (member.sop_instance_uid, frame), right),
        task=task.name,
        registry=task.registry,
        subject=series.subject,
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        sop_instance_uid=member.sop_instance_uid,
        frame=frame,
        rows=image_rows,
        columns=image_columns,
        pack=place.pack,
        frames=1 if whole and _is_slide(place) else max(len(member.frames), number(member.metadata, FRAMES) or 1),
        other_sop_instance_uid=right[0] if right else "",
        other_frame=right[1] if right else 0,
        other_pack=other[0].pack if other else "",
    )
