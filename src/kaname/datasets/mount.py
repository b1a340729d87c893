"""Laying out what a job may read: the packs of some splits, their indexes, and the list. Nothing else, and no links.

A copy, so that nothing a job does to it reaches the store. The caller owns the folder, binds it read-only into the
sandbox, and removes it when the run has ended or a subject in it withdraws.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kaname.archive.shelf import index_key
from kaname.datasets.frozen import read_list
from kaname.datasets.listing import listing
from kaname.datasets.loader import LIST, index_file, pack_file
from kaname.datasets.model import SPLITS, DatasetVersion, Split
from kaname.errors import Refused
from kaname.node import Node
from kaname.pack import SeriesIndex, pack_key
from kaname.store import digest_file
from kaname.store.whole import whole_file

READ_ONLY = 0o444


@dataclass(frozen=True, slots=True)
class Mounted:
    """What was laid out."""

    folder: Path
    digest: str
    """SHA-256 of ``list.json``: names the material exactly, whenever and wherever it is laid out."""
    packs: int
    labels: int
    size_bytes: int
    """Of the packs."""


def mount(node: Node, dataset: DatasetVersion, folder: Path, splits: Collection[Split] = SPLITS) -> Mounted:
    """Fills ``folder`` with ``packs/<digest>.tar``, ``series/<digest>.idx`` and, last, ``list.json``.

    Called again, after a kill for instance, it keeps the packs that are whole and makes the rest; whatever else was in
    the folder goes first. Every pack is hashed on its way.

    Args:
        node: Whose store the packs are in.
        dataset: The version.
        folder: Made when absent; on this machine.
        splits: What may be seen; labels of other splits are not written either.

    Raises:
        Refused: ``split-empty``; ``object-missing`` when a pack is gone, because its subject withdrew for instance;
            ``object-damaged``, ``dataset-damaged``.
        NotYet: ``storage-full``, ``storage-unreachable``.
    """
    listed = listing(dataset, read_list(node.store, dataset.digest), splits)
    packs = sorted({member.pack for member in listed.members})
    _sweep(folder, {pack_file(folder, pack) for pack in packs} | {index_file(folder, pack) for pack in packs})
    size_bytes = sum(_lay_pack(node, folder, pack) for pack in packs)
    _write(folder / LIST, [listed.to_bytes()])
    return Mounted(folder, listed.own_digest, len(packs), len(listed.labels), size_bytes)


def _sweep(folder: Path, kept: Collection[Path]) -> None:
    """Removes what another call left here: nothing of another split may be seen."""
    for found in list(folder.rglob("*")):
        if found not in kept and (found.is_symlink() or not found.is_dir()):
            found.unlink()


def _lay_pack(node: Node, folder: Path, pack: str) -> int:
    """Copies a pack and its index; returns the pack's size in bytes."""
    index = node.store.get(index_key(pack))
    if SeriesIndex.from_bytes(index).pack != pack:
        raise Refused("object-damaged", pack=pack)
    _write(index_file(folder, pack), [index])
    target = pack_file(folder, pack)
    if not (target.is_file() and digest_file(target) == pack):
        _copy(node, pack, target)
    return target.stat().st_size


def _copy(node: Node, pack: str, target: Path) -> None:
    digest = sha256()
    with whole_file(target) as file:
        for piece in node.store.stream(pack_key(pack)):
            digest.update(piece)
            file.write(piece)
        if digest.hexdigest() != pack:
            raise Refused("object-damaged", pack=pack)
    target.chmod(READ_ONLY)


def _write(target: Path, pieces: Iterable[bytes]) -> None:
    with whole_file(target) as file:
        file.writelines(pieces)
    target.chmod(READ_ONLY)
