"""Reading the frames of a dataset version, one by one, each by one ranged read of its pack; or instance by instance.

Where readers were asked about frames or pairs of frames, iterating a :class:`Loader` gives them; where they were asked
about whole videos or slides, :meth:`Loader.wholes` does, and leaves decoding to whoever asks. The same code reads a
folder that was mounted for a job and the store of a node. Arrays are numpy's; what a model needs beyond that is made
from them by its recipe.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kaname.annotation.model import WHOLE, Marked, Value
from kaname.datasets.listing import Listing, listing
from kaname.datasets.model import SPLITS, DatasetVersion, Labelled, Split, items_of
from kaname.dicom.codec import decode_frame, frame_shape, modality_values
from kaname.dicom.frames import Span, frame_bytes
from kaname.errors import Refused
from kaname.pack import FrameRef, Member, SeriesIndex, pack_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kaname.node import Node

LIST = "list.json"
"""In a mounted folder: what there is (:class:`Listing`)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame."""

    sop_instance_uid: str
    frame: int
    """From 1."""
    subject: str
    split: Split
    label: str
    """Empty where the dataset takes no labels."""
    pixels: NDArray[np.float32]
    """(rows, columns), or (rows, columns, 3) in colour; values behind the Modality LUT (CT: Hounsfield units)."""
    marks: tuple[Marked, ...] = ()
    """What the label rests on, in pixels of this frame."""
    items: tuple[tuple[str, Value], ...] = ()
    """Clinical items of the study, by name; of several records the last one's."""
    other_pixels: NDArray[np.float32] | None = None
    """Of a pair, which the label compares: the right image. ``None`` where there is none."""


@dataclass(frozen=True, slots=True)
class Whole:
    """One video, slide or image with a label of the whole."""

    subject: str
    split: Split
    label: str
    marks: tuple[Marked, ...]
    """In time, and in pixels of a frame or of the Total Pixel Matrix."""
    items: tuple[tuple[str, Value], ...]
    """Clinical items of the study, by name; of several records the last one's."""
    pack: str
    """SHA-256."""
    member: Member
    """The instance: its UID, its metadata, where its frames or tiles lie."""


class Packs(Protocol):
    """Where the packs of a listing lie."""

    def index(self, pack: str) -> SeriesIndex:
        """The series index of a pack."""
        ...

    def read(self, pack: str, frame: FrameRef) -> bytes:
        """The bytes of a frame, by one ranged read."""
        ...


@dataclass(frozen=True, slots=True)
class _Series:
    """What one series of a listing gives samples from."""

    subject: str
    split: Split
    instances: Mapping[str, tuple[SeriesIndex, Member]]
    labels: Mapping[tuple[str, int], Sequence[Labelled]]
    """Of the whole listing, by SOP Instance UID and frame."""
    items: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Loader:
    """The frames of some splits of one dataset version, always in the same order.

    The order is that of Study, Series and SOP Instance UID, then frame: UIDs are keyed digests, so that it says nothing
    of when anything arrived. Where the version takes labels, frames without one are left out; one of several pairs
    comes once for each.
    """

    listing: Listing
    packs: Packs

    @classmethod
    def open(cls, folder: Path) -> Loader:
        """Of a folder that :func:`kaname.datasets.mount.mount` filled.

        Raises:
            Refused: ``object-missing``, ``object-damaged``, ``dataset-format``.
        """
        packs = FolderPacks(folder)
        return cls(Listing.from_bytes(packs.bytes_of(folder / LIST)), packs)

    @classmethod
    def of(cls, node: Node, dataset: DatasetVersion, splits: Collection[Split] = SPLITS) -> Loader:
        """Of the store of a node.

        Raises:
            Refused: ``split-empty``; ``dataset-damaged``, ``object-missing`` when the list cannot be read.
        """
        from kaname.datasets.frozen import read_list

        return cls(listing(dataset, read_list(node.store, dataset.digest), splits), StorePacks(node))

    @property
    def classes(self) -> tuple[str, ...]:
        """Every label of the dataset version, in order: a model's outputs are numbered by it."""
        return self.listing.classes

    def of_split(self, split: Split) -> Loader:
        """The part of one split; empty where there is none of it."""
        chosen = tuple(assigned for assigned in self.listing.splits if assigned.split == split)
        subjects = {assigned.subject for assigned in chosen}
        part = replace(
            self.listing,
            splits=chosen,
            members=tuple(member for member in self.listing.members if member.subject in subjects),
            labels=tuple(label for label in self.listing.labels if label.subject in subjects),
            items=tuple(record for record in self.listing.items if record.subject in subjects),
        )
        return Loader(part, self.packs)

    def __iter__(self) -> Iterator[Sample]:
        """One sample after the other, one series index in memory.

        Raises:
            Refused: ``dataset-whole`` when the labels are of whole instances; ``pixels-undecodable``;
                ``object-missing``, ``object-damaged``.
            NotYet: ``storage-unreachable``.
        """
        if any(label.frame == WHOLE for label in self.listing.labels):
            raise Refused("dataset-whole")
        unlabelled = () if self.listing.task else (None,)
        for series in self._series():
            for index, member in series.instances.values():
                for frame in range(1, len(member.frames) + 1):
                    for label in series.labels.get((member.sop_instance_uid, frame), unlabelled):
                        yield self._sample(series, (index, member), frame, label)

    def wholes(self) -> Iterator[Whole]:
        """One labelled instance after the other, in the same order, for labels of whole instances.

        Raises:
            Refused: ``object-missing``, ``object-damaged``.
            NotYet: ``storage-unreachable``.
        """
        for series in self._series():
            for uid, (index, member) in series.instances.items():
                for label in series.labels.get((uid, WHOLE), ()):
                    yield Whole(
                        series.subject, series.split, label.label, label.marks, series.items, index.pack, member
                    )

    def file_of(self, whole: Whole) -> bytes:
        """The DICOM file (PS3.10) of an instance, by one ranged read.

        Raises:
            Refused: ``object-missing``, ``object-damaged``.
            NotYet: ``storage-unreachable``.
        """
        member = whole.member
        ref = FrameRef(pack_key(whole.pack), member.offset, member.length, 0, member.transfer_syntax_uid)
        return self.packs.read(whole.pack, ref)

    def _series(self) -> Iterator[_Series]:
        split_of: dict[str, Split] = {assigned.subject: assigned.split for assigned in self.listing.splits}
        labels: dict[tuple[str, int], list[Labelled]] = {}
        for label in self.listing.labels:
            labels.setdefault((label.sop_instance_uid, label.frame), []).append(label)
        items: dict[str, dict[str, Value]] = {}
        for record in self.listing.items:
            items.setdefault(record.study_instance_uid, {}).update(record.items)
        for _, grouped in groupby(self.listing.members, key=lambda member: member.series_instance_uid):
            first, *rest = grouped
            instances = _instances([self.packs.index(member.pack) for member in (first, *rest)])
            said = items_of(items.get(first.study_instance_uid, {}))
            yield _Series(first.subject, split_of[first.subject], instances, labels, said)

    def _sample(self, series: _Series, image: tuple[SeriesIndex, Member], frame: int, label: Labelled | None) -> Sample:
        uid, pixels = image[1].sop_instance_uid, self._pixels(*image, frame)
        if label is None:
            return Sample(uid, frame, series.subject, series.split, "", pixels, (), series.items)
        other = None
        if label.other_sop_instance_uid:
            if label.other_sop_instance_uid not in series.instances:
                raise Refused("object-missing")
            other = self._pixels(*series.instances[label.other_sop_instance_uid], label.other_frame)
        own = (label.label, pixels, label.marks, series.items, other)
        return Sample(uid, frame, series.subject, series.split, *own)

    def _pixels(self, index: SeriesIndex, member: Member, frame: int) -> NDArray[np.float32]:
        ref = index.frame(member.sop_instance_uid, frame)
        data = frame_bytes(self.packs.read(index.pack, ref), Span(ref.offset, ref.length, ref.fragments))
        array = decode_frame(data, frame_shape(member.metadata), ref.transfer_syntax_uid)
        return modality_values(array, member.metadata, frame - 1)


@dataclass(frozen=True, slots=True)
class FolderPacks:
    """Packs in a mounted folder."""

    folder: Path

    def index(self, pack: str) -> SeriesIndex:
        """The series index of a pack.

        Raises:
            Refused: ``object-missing``, ``object-damaged``.
        """
        return SeriesIndex.from_bytes(self.bytes_of(index_file(self.folder, pack)))

    def read(self, pack: str, frame: FrameRef) -> bytes:
        """The bytes of a frame.

        Raises:
            Refused: ``object-missing``.
        """
        try:
            with pack_file(self.folder, pack).open("rb") as file:
                file.seek(frame.offset)
                return file.read(frame.length)
        except FileNotFoundError as error:
            raise Refused("object-missing") from error

    @staticmethod
    def bytes_of(file: Path) -> bytes:
        """A file of the folder.

        Raises:
            Refused: ``object-missing``.
        """
        try:
            return file.read_bytes()
        except FileNotFoundError as error:
            raise Refused("object-missing") from error


@dataclass(frozen=True, slots=True)
class StorePacks:
    """Packs in the store of a node."""

    node: Node

    def index(self, pack: str) -> SeriesIndex:
        """The series index of a pack.

        Raises:
            Refused: ``object-missing``, ``object-damaged``.
        """
        from kaname.archive.shelf import load_index

        return load_index(self.node.store, pack)

    def read(self, pack: str, frame: FrameRef) -> bytes:  # noqa: ARG002 -- the key in the store names the pack
        """The bytes of a frame.

        Raises:
            Refused: ``object-missing``, ``object-damaged``.
        """
        return self.node.store.read(frame.object, frame.offset, frame.length)


def pack_file(folder: Path, pack: str) -> Path:
    """Where a pack lies in a mounted folder."""
    return folder / "packs" / f"{pack}.tar"


def index_file(folder: Path, pack: str) -> Path:
    """Where a pack's series index lies in a mounted folder."""
    return folder / "series" / f"{pack}.idx"


def _instances(indexes: list[SeriesIndex]) -> dict[str, tuple[SeriesIndex, Member]]:
    """Every instance of one series by UID, in order; of a UID in several packs, the first one."""
    found: dict[str, tuple[SeriesIndex, Member]] = {}
    for index in indexes:
        for member in index.members:
            found.setdefault(member.sop_instance_uid, (index, member))
    return {uid: found[uid] for uid in sorted(found)}
