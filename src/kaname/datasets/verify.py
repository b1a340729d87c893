"""Whether a dataset version is still what it was: its list, the packs it names, and the absence it claims."""

from __future__ import annotations

from hashlib import sha256

from kaname.datasets.flow import content, show, versions
from kaname.datasets.model import DatasetVersion, Frozen, Verification
from kaname.errors import Refused
from kaname.node import Node
from kaname.pack import pack_key
from kaname.store import Store


def verify(node: Node, name: str, version: int | None = None) -> Verification:
    """Looks at everything that a version says, the newest when no number is given. Reads every byte of its packs.

    - the list has its digest, says what the catalogue says of it, and the ledger saw it frozen;
    - every pack is there and has its SHA-256, but for those of subjects who withdrew since;
    - the packs of every hole, of this version and of later ones, are really gone.

    Raises:
        Refused: ``not-found``; ``dataset-damaged`` with ``missing``, ``damaged``, ``remaining`` (numbers of packs) and
            ``first``, the digest of the first pack that is wrong; ``object-missing`` when the list itself is gone.
    """
    dataset = show(node, name, version)
    frozen = content(node, dataset)
    if _told(frozen) != _shown(dataset) or not _was_written_down(node, dataset):
        raise Refused("dataset-damaged", digest=dataset.digest)
    newest = content(node, versions(node, name)[-1])
    gone = {pack for hole in newest.holes for pack in hole.packs}
    kept = [member.pack for member in frozen.members if member.pack not in gone]
    missing = [pack for pack in kept if node.store.size(pack_key(pack)) is None]
    damaged = [pack for pack in kept if pack not in missing and not _is_sound(node.store, pack)]
    remaining = [pack for pack in sorted(gone) if node.store.size(pack_key(pack)) is not None]
    wrong = [*missing, *damaged, *remaining]
    if wrong:
        counts = {"missing": len(missing), "damaged": len(damaged), "remaining": len(remaining)}
        raise Refused("dataset-damaged", first=wrong[0], **counts)
    return Verification(dataset, len(kept), len(gone))


def _told(frozen: Frozen) -> tuple[object, ...]:
    subjects = {member.subject for member in frozen.members}
    series = {member.series_instance_uid for member in frozen.members}
    instances = sum(member.instances for member in frozen.members)
    marks = sum(len(label.marks) for label in frozen.labels)
    counts = (len(subjects), len(series), instances, len(frozen.holes), len(frozen.labels), marks, len(frozen.items))
    return frozen.name, frozen.question, *counts


def _shown(dataset: DatasetVersion) -> tuple[object, ...]:
    images = (dataset.subjects, dataset.series, dataset.instances)
    counts = (*images, dataset.holes, dataset.labels, dataset.marks, dataset.items)
    return dataset.name, dataset.question, *counts


def _was_written_down(node: Node, dataset: DatasetVersion) -> bool:
    wanted = (dataset.name, dataset.version)
    events = node.ledger.events(about=dataset.digest)
    return any((event.facts.get("name"), event.facts.get("version")) == wanted for event in events)


def _is_sound(store: Store, pack: str) -> bool:
    digest = sha256()
    for piece in store.stream(pack_key(pack)):
        digest.update(piece)
    return digest.hexdigest() == pack
