"""Folder to folder, without a server: the crossing on whatever lies below some paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from kaname.deid.engine import Engine
from kaname.deid.keys import MasterKey
from kaname.deid.model import Deidentified
from kaname.errors import Fact
from kaname.gateway.crossing import cross_checked
from kaname.gateway.sources import Source, walk
from kaname.registries import load
from kaname.work import shielded

_CHUNK = 16


@dataclass(frozen=True, slots=True)
class Treated:
    """What became of one input."""

    input: str
    """Where it came from; this report stays in the hospital."""
    outcome: Literal["cleaned", "held", "refused"]
    reason: str = ""
    """Reason code, empty when cleaned."""
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    actions: Mapping[str, int] = field(default_factory=dict[str, int])
    """How often each action was taken."""
    output: str = ""
    """Path below the output folder."""
    digest: str = ""
    """SHA-256 of the output, hex."""


def deidentify(
    paths: Sequence[Path], out: Path, registry: str, key: MasterKey, *, gateway: str = "folder", jobs: int = 1
) -> Iterator[Treated]:
    """De-identifies every file below ``paths`` into ``out/<subject>/<study>/<series>/<instance>.dcm``.

    Yields one :class:`Treated` per input, in the order of the inputs; whatever happens to one, the rest goes on.

    Raises:
        Refused: ``unknown-registry``, at once and before anything is touched.
    """
    load(registry)
    return _deidentify(paths, out, registry, key, gateway, jobs)


def _deidentify(
    paths: Sequence[Path], out: Path, registry: str, key: MasterKey, gateway: str, jobs: int
) -> Iterator[Treated]:
    out.mkdir(parents=True, exist_ok=True)
    if jobs == 1:
        engine = Engine(load(registry), key.for_registry(registry), gateway)
        yield from (treat(engine, source, out) for source in walk(paths))
        return
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _start_worker, (registry, key, gateway, out))
    with pool:
        yield from pool.map(_work, walk(paths), chunksize=_CHUNK)


def treat(engine: Engine, source: Source, out: Path) -> Treated:
    """The crossing of one source, and the search of its output for the record's own identity."""
    result = shielded(_cross, engine, source, out)
    if isinstance(result, Deidentified):
        place = str(result.path.relative_to(out))
        return Treated(source.label, "cleaned", "", {}, dict(result.actions), place, result.digest)
    return Treated(source.label, "refused" if result.state == "refused" else "held", result.reason, result.facts)


def _cross(engine: Engine, source: Source, out: Path) -> Deidentified:
    with source.open() as identified:
        return cross_checked(identified, engine, out)


@dataclass(slots=True)
class _Worker:
    engine: Engine
    out: Path


_worker: list[_Worker] = []


def _start_worker(registry: str, key: MasterKey, gateway: str, out: Path) -> None:
    _worker.append(_Worker(Engine(load(registry), key.for_registry(registry), gateway), out))


def _work(source: Source) -> Treated:
    return treat(_worker[0].engine, source, _worker[0].out)
