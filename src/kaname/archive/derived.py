"""Derived objects: reports, segmentations, presentation states, annotations and structure sets on images held here.

They come from readers and models of this side, not from a hospital, so no parcel and no gateway vouches for them. What
vouches instead: every reference resolves in the archive, within one registry and one subject, and a second look finds
nobody named. Then they are shelved like any series, one pack per series, and go with their subject.

Cut off at any instruction, the same call again goes on: a pack is announced before it is put, and the rows that show
it, its ledger event and the end of the announcement are one transaction.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from sqlalchemy import delete, insert, select

from kaname.archive.candidate import Candidate, claimed, read_candidate
from kaname.archive.index import ANNOUNCED, PACKS
from kaname.archive.known import Known, Owner, owner_of
from kaname.archive.model import Origin, Rejected, Stored
from kaname.archive.shelf import derived_folder, index_key, make_index
from kaname.archive.shelve import add_packs
from kaname.database import reading, writing
from kaname.errors import Refused
from kaname.intake.rows import has_withdrawn
from kaname.intake.turn import turn
from kaname.ledger import Event, Json
from kaname.node import Node
from kaname.pack import pack_key, write_pack

STORED = "derived-stored"
"""Ledger action, about a pack. Its facts hold what a rebuild cannot know otherwise."""
Outcome = Stored | Rejected


def store(node: Node, files: Sequence[Path], *, registry: str, actor: str) -> tuple[Stored, ...]:
    """Stores derived objects. One that is there already, byte for byte, changes nothing.

    Args:
        node: A node of the de-identified side.
        files: Part 10 files; they are read and left where they are.
        registry: Registry of the images that they refer to.
        actor: Who derived them, by our name: a token, a person, a model's deployment. It goes to the ledger.

    Returns:
        One outcome per file, in the same order.

    Raises:
        Refused: the first reason of :func:`store_each`; those of the objects that could be stored, are.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``; the same call goes on from there.
    """
    outcomes = store_each(node, files, registries=(registry,), actor=actor)
    stored = tuple(outcome for outcome in outcomes if isinstance(outcome, Stored))
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            raise outcome.refusal
    return stored


def store_each(
    node: Node, files: Sequence[Path], *, registries: Collection[str], actor: str, study: str = ""
) -> tuple[Outcome, ...]:
    """Stores those of the objects that may be stored; the outcome of each, in the order of ``files``.

    Args:
        node: A node of the de-identified side.
        files: Part 10 files; they are read and left where they are.
        registries: Registries to which the images that they refer to may belong.
        actor: Who brings them.
        study: Study Instance UID that all must have; empty for any.

    Returns:
        What was stored or there already, and what was rejected: ``derived-class``, ``derived-subject``,
        ``derived-reference``, ``derived-may-identify``, ``same-uid-other-bytes``, ``same-uid-other-series``,
        ``too-large``, or for what cannot be read the reason of the DICOM reader. Nothing is kept of a rejected object.

    Raises:
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``; the same call goes on from there.
    """
    outcomes: dict[int, Outcome] = {}
    candidates: dict[int, Candidate] = {}
    for place, path in enumerate(files):
        try:
            candidates[place] = read_candidate(path, study)
        except Refused as refusal:
            outcomes[place] = Rejected(*claimed(path), refusal)
    by_study = sorted(candidates, key=lambda place: candidates[place].key.study_instance_uid)
    for uid, places in groupby(by_study, key=lambda place: candidates[place].key.study_instance_uid):
        group = {place: candidates[place] for place in places}
        outcomes |= _store_study(node, uid, group, registries, actor)
    return tuple(outcomes[place] for place in range(len(files)))


def store_again(node: Node, event: Event) -> None:
    """Shelves again, with the same rows, what an event of :data:`STORED` says was stored; nothing if it was withdrawn.

    Raises:
        Refused: ``object-missing``, ``object-damaged``.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``.
    """
    origin = Origin(str(event.facts["registry"]), str(event.facts["subject"]), "")
    with turn(node, origin.registry, origin.subject):
        with reading(node.index) as connection:
            if has_withdrawn(connection, origin.registry, origin.subject):
                return
        pack = make_index(node, event.about)
        with writing(node.index) as connection:
            add_packs(connection, node.store, origin, (pack,), str(event.facts["at"]))


def _store_study(
    node: Node, study: str, group: dict[int, Candidate], registries: Collection[str], actor: str
) -> dict[int, Outcome]:
    owner = owner_of(node, study)
    if owner is None or owner[0] not in registries:
        return {place: _rejected(candidate, Refused("derived-reference")) for place, candidate in group.items()}
    outcomes: dict[int, Outcome] = {}
    fresh: list[Candidate] = []
    with turn(node, *owner):
        _sweep(node, owner)
        known = Known(node, owner, study)
        for place in _in_order(group):
            candidate = group[place]
            try:
                new = known.judge(candidate)
            except Refused as refusal:
                outcomes[place] = _rejected(candidate, refusal)
                continue
            if new:
                known.add(candidate)
                fresh.append(candidate)
            outcomes[place] = _stored(candidate, new=new)
        _put(node, owner, fresh, actor)
    return outcomes


def _in_order(group: dict[int, Candidate]) -> Iterable[int]:
    """Places of objects, those that others of the group refer to first; of a ring, in the order in which they came."""
    left = dict(group)
    while left:
        uids = {candidate.key.sop_instance_uid for candidate in left.values()}
        free = [place for place, candidate in left.items() if not _refers_to_one(candidate, uids)]
        for place in free or list(left):
            yield place
            del left[place]


def _refers_to_one(candidate: Candidate, uids: Collection[str]) -> bool:
    return any(reference.sop_instance_uid in uids for reference in candidate.refers.instances)


def _put(node: Node, owner: Owner, fresh: Sequence[Candidate], actor: str) -> None:
    """One pack for each series of new objects, in the order in which their first ones were taken."""
    series = list(dict.fromkeys(candidate.key.series_instance_uid for candidate in fresh))
    folder = derived_folder(node, *owner)
    try:
        for uid in series:
            paths = [candidate.path for candidate in fresh if candidate.key.series_instance_uid == uid]
            _put_pack(node, owner, paths, folder / "pack.tar", actor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_pack(node: Node, owner: Owner, paths: Sequence[Path], target: Path, actor: str) -> None:
    registry, subject = owner
    pack = write_pack(paths, target)
    with writing(node.index) as connection:
        row = {"pack": pack.digest, "registry": registry, "subject": subject, "at": node.clock.stamp()}
        connection.execute(insert(ANNOUNCED).values(**row))
    node.store.put(pack_key(pack.digest), pack.path)
    indexed = make_index(node, pack.digest)
    at = node.clock.stamp()
    facts: dict[str, Json] = {
        "at": at,
        "instances": pack.members,
        "registry": registry,
        "series": indexed.index.series_instance_uid,
        "study": indexed.index.study_instance_uid,
        "subject": subject,
    }
    with writing(node.index) as connection:
        add_packs(connection, node.store, Origin(registry, subject, ""), (indexed,), at)
        connection.execute(delete(ANNOUNCED).where(ANNOUNCED.c.pack == pack.digest))
        node.ledger.append(STORED, pack.digest, actor=actor, facts=facts, connection=connection)


def _sweep(node: Node, owner: Owner) -> None:
    """Takes away what a killed process put into the store and did not shelve."""
    registry, subject = owner
    mine = (ANNOUNCED.c.registry == registry, ANNOUNCED.c.subject == subject)
    with reading(node.index) as connection:
        left = connection.scalars(select(ANNOUNCED.c.pack).where(*mine)).all()
        shelved = set(connection.scalars(select(PACKS.c.digest).where(PACKS.c.digest.in_(left))))
    for pack in left:
        if pack not in shelved:
            node.store.delete(pack_key(pack))
            node.store.delete(index_key(pack))
    if left:
        with writing(node.index) as connection:
            connection.execute(delete(ANNOUNCED).where(*mine))
    shutil.rmtree(derived_folder(node, *owner), ignore_errors=True)


def _stored(candidate: Candidate, *, new: bool) -> Stored:
    key = candidate.key
    return Stored(
        sop_class_uid=key.sop_class_uid,
        sop_instance_uid=key.sop_instance_uid,
        study_instance_uid=key.study_instance_uid,
        series_instance_uid=key.series_instance_uid,
        digest=candidate.digest,
        new=new,
    )


def _rejected(candidate: Candidate, refusal: Refused) -> Rejected:
    return Rejected(candidate.key.sop_class_uid, candidate.key.sop_instance_uid, refusal)
