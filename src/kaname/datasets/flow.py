"""Freezing a question into a list, and what may be asked about the list afterwards.

A version never changes. When a subject withdraws, every dataset that named it gets a newer version in which a named
hole stands in its place, and the versions that named it are marked as superseded. Their lists stay as they are: they
are digests of bytes that are gone and a pseudonym that leads nowhere any more, and whoever published a result on such
a version must still be able to show what it was made from.

Every subject is in one split, train, validation or test, and stays in it in all versions of the dataset.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, replace

from sqlalchemy import Connection

from kaname.annotation.flow import labels_in
from kaname.annotation.model import SettledLabel
from kaname.annotation.rows import task_of
from kaname.archive.query import packed_series
from kaname.database import reading, writing
from kaname.datasets import catalogue
from kaname.datasets.frozen import read_list, write_list
from kaname.datasets.items import recorded
from kaname.datasets.listing import listing
from kaname.datasets.model import (
    Assigned,
    DatasetVersion,
    Difference,
    Frozen,
    Hole,
    Labelled,
    Member,
    Question,
    Relabelled,
)
from kaname.datasets.splits import assign
from kaname.errors import Refused
from kaname.ledger import Json, canonical
from kaname.node import Node
from kaname.store import digest_bytes

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def freeze(
    node: Node, name: str, registry: str, modality: str | None = None, *, task: str = "", actor: str = ""
) -> DatasetVersion:
    """Freezes every series that the archive holds now and the question asks for.

    The clinical items that came with the studies are frozen with them. The holes of the name's newest version stay in
    every later one: what was once there is not forgotten by freezing again. The same content again is the version that
    has it already, and no new one is made. Derived objects (results of models, segmentations) are no members.

    Args:
        node: A node of the de-identified side.
        name: Name of the dataset: letters, digits, ``.``, ``_``, ``-``, at most 63.
        registry: Whose series; a name stays with its registry.
        modality: Modality (0008,0060) of the series taken; all when ``None``.
        task: Annotation task whose settled labels and marks are frozen, too; then only packs with a labelled image are
            members.
        actor: Who freezes; the node itself by default.

    Raises:
        Refused: ``dataset-name``, ``dataset-registry``, ``dataset-empty``; ``not-found``, ``task-registry`` for the
            task; ``dataset-damaged`` when the list of the newest version is; ``object-missing``.
        NotYet: ``storage-full``, ``index-busy``.
    """
    if not NAME.fullmatch(name):
        raise Refused("dataset-name")
    question = Question(registry, modality or "", task)
    with writing(node.index) as connection:
        catalogue.one_at_a_time(connection)
        before = catalogue.newest(connection, name)
        if before and before.question.registry != registry:
            raise Refused("dataset-registry")
        settled = _labels(node, connection, question)
        members = _members(connection, question, {pack for label in settled for pack in _packs_of(label)})
        if not members:
            raise Refused("dataset-empty")
        packs = {member.pack for member in members}
        frozen = Frozen(
            name,
            question,
            members,
            read_list(node.store, before.digest).holes if before else (),
            tuple(_labelled(label) for label in settled if _packs_of(label) <= packs),
            _splits(connection, name, members),
            recorded(node.store, connection, registry, members),
        )
        digest = write_list(node.store, frozen)
        same = catalogue.of_content(connection, name, digest)
        return same or _add(node, connection, frozen, digest, before, actor)


def show(node: Node, name: str, version: int | None = None) -> DatasetVersion:
    """One version of a dataset, the newest when no number is given.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        return catalogue.of_number(connection, name, version)


def versions(node: Node, name: str) -> tuple[DatasetVersion, ...]:
    """Every version of a dataset, the first one first, superseded ones included.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        found = catalogue.all_of(connection, name)
    if not found:
        raise Refused("not-found")
    return found


def names(node: Node, registries: tuple[str, ...]) -> tuple[DatasetVersion, ...]:
    """The newest version of every dataset of these registries, by name."""
    with reading(node.index) as connection:
        return catalogue.newest_of_all(connection, registries)


def need_names(node: Node, registry: str, wanted: Iterable[str]) -> None:
    """Returns when each of these is a dataset of that registry.

    Raises:
        Refused: ``not-found``.
    """
    known = {one.name for one in names(node, (registry,))}
    for name in wanted:
        if name not in known:
            raise Refused("not-found", dataset=name)


def content(node: Node, dataset: DatasetVersion) -> Frozen:
    """The frozen list of a version.

    Raises:
        Refused: ``dataset-damaged``, ``object-missing``.
    """
    return read_list(node.store, dataset.digest)


def diff(node: Node, name: str, earlier: int, later: int) -> Difference:
    """What changed from one version of a dataset to another.

    Raises:
        Refused: ``not-found``, ``dataset-damaged``, ``object-missing``.
    """
    old = content(node, show(node, name, earlier))
    new = content(node, show(node, name, later))
    before, after = _packs(old), _packs(new)
    return Difference(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(uid for uid in before.keys() & after.keys() if before[uid] != after[uid])),
        holes=tuple(hole for hole in new.holes if hole not in old.holes),
        labels=_relabelled(old, new),
    )


def versions_naming(node: Node, registry: str, subject: str) -> tuple[str, ...]:
    """Digests of every version that ever named a subject, superseded ones included, sorted.

    Raises:
        Refused: ``dataset-damaged``, ``object-missing`` when a list cannot be read.
    """
    with reading(node.index) as connection:
        names_of = [name for name, _ in catalogue.holders(connection, registry, subject)]
        listed = [dataset for name in names_of for dataset in catalogue.all_of(connection, name)]
    return tuple(sorted({dataset.digest for dataset in listed if _of(content(node, dataset), subject)}))


def sealed_test(node: Node, dataset: DatasetVersion) -> str:
    """SHA-256 of the test split: its subjects, packs and labels. Versions with one digest were judged on one test.

    Raises:
        Refused: ``split-empty`` when nobody is in it; ``dataset-damaged``, ``object-missing``.
    """
    test = listing(dataset, content(node, dataset), ("test",))
    sealed: list[Json] = [
        [[member.subject, member.pack] for member in test.members],
        [[*label.place[: 4 if label.other_frame else 2], label.label] for label in test.labels],
    ]
    return digest_bytes(canonical(sealed))


def hole(node: Node, registry: str, subject: str, at: str) -> tuple[DatasetVersion, ...]:
    """Puts a named hole in the place of a subject, in a new version of every dataset that named it.

    The hole has a number, the time of the withdrawal and what is missing; it does not say whose it is. Called again
    for the same subject it changes nothing and returns the same versions.

    Args:
        node: A node of the de-identified side.
        registry: The registry that the subject withdrew from.
        subject: Who withdrew.
        at: When, UTC, ISO 8601 with seconds.

    Returns:
        The versions that name the hole, by dataset name.

    Raises:
        Refused: ``dataset-damaged``, ``object-missing`` when a list cannot be read.
        NotYet: ``storage-full``, ``index-busy``.
    """
    with writing(node.index) as connection:
        catalogue.one_at_a_time(connection)
        return tuple(
            catalogue.of_number(connection, name, done) if done else _hole(node, connection, name, subject, at)
            for name, done in catalogue.holders(connection, registry, subject)
        )


def _hole(node: Node, connection: Connection, name: str, subject: str, at: str) -> DatasetVersion:
    *_, before = listed = catalogue.all_of(connection, name)
    lists = {dataset.version: content(node, dataset) for dataset in listed}
    held = {number: _of(frozen, subject) for number, frozen in lists.items()}
    holding = [number for number, members in held.items() if members]
    packs = tuple(sorted({member.pack for number in holding for member in held[number]}))
    last = lists[before.version]
    missing = Hole(len(last.holes) + 1, at, sum(member.instances for member in held[holding[-1]]), packs)
    frozen = replace(
        last,
        members=tuple(member for member in last.members if member.subject != subject),
        holes=(*last.holes, missing),
        labels=tuple(label for label in last.labels if label.subject != subject),
        splits=tuple(assigned for assigned in last.splits if assigned.subject != subject),
        items=tuple(record for record in last.items if record.subject != subject),
    )
    made = _add(node, connection, frozen, write_list(node.store, frozen), before, "")
    catalogue.note_hole(connection, made, subject, holding)
    return made


def _add(
    node: Node, connection: Connection, frozen: Frozen, digest: str, before: DatasetVersion | None, actor: str
) -> DatasetVersion:
    made = catalogue.add(connection, frozen, digest, before, node.clock.stamp())
    facts: dict[str, Json] = {
        "holes": made.holes,
        "instances": made.instances,
        "items": made.items,
        "labels": made.labels,
        "marks": made.marks,
        "name": made.name,
        "parent": made.parent,
        "question": asdict(made.question),
        "series": made.series,
        "subjects": made.subjects,
        "version": made.version,
    }
    action = "dataset-holed" if before and before.holes < made.holes else "dataset-frozen"
    node.ledger.append(action, digest, actor=actor or node.settings.name, facts=facts, connection=connection)
    return made


def _of(frozen: Frozen, subject: str) -> tuple[Member, ...]:
    return tuple(member for member in frozen.members if member.subject == subject)


def _packs(frozen: Frozen) -> dict[str, list[str]]:
    """The packs of each series, in their order."""
    found: dict[str, list[str]] = {}
    for member in frozen.members:
        found.setdefault(member.series_instance_uid, []).append(member.pack)
    return found


def _members(connection: Connection, question: Question, labelled: Collection[str]) -> tuple[Member, ...]:
    """What the archive holds of a question, in the order of a list."""
    found = packed_series(connection, question.registry, question.modality)
    members = (
        Member(s.subject, s.study_instance_uid, s.series_instance_uid, s.pack, s.instances)
        for s in found
        if not question.task or s.pack in labelled
    )
    return tuple(sorted(members, key=lambda member: (member.study_instance_uid, member.series_instance_uid)))


def _labels(node: Node, connection: Connection, question: Question) -> tuple[SettledLabel, ...]:
    """The settled labels of the question's task; none where it asks for none."""
    if not question.task:
        return ()
    task = task_of(connection, question.task)
    if task.registry != question.registry:
        raise Refused("task-registry")
    return labels_in(node, connection, task)


def _labelled(label: SettledLabel) -> Labelled:
    return Labelled(
        label.subject,
        label.sop_instance_uid,
        label.frame,
        label.label,
        label.settled,
        label.marks,
        label.other_sop_instance_uid,
        label.other_frame,
    )


def _packs_of(label: SettledLabel) -> set[str]:
    """The packs that hold what a label is about: of a pair, those of both its images."""
    return {label.pack, label.other_pack} - {""}


def _splits(connection: Connection, name: str, members: Iterable[Member]) -> tuple[Assigned, ...]:
    chosen = assign(name, sorted({member.subject for member in members}), catalogue.splits_of(connection, name))
    return tuple(Assigned(subject, split) for subject, split in sorted(chosen.items()))


def _relabelled(old: Frozen, new: Frozen) -> tuple[Relabelled, ...]:
    before = {label.place: label.label for label in old.labels}
    after = {label.place: label.label for label in new.labels}
    return tuple(
        Relabelled(*place[:2], before.get(place, ""), after.get(place, ""), *place[2:])
        for place in sorted(before.keys() | after.keys())
        if before.get(place) != after.get(place)
    )
