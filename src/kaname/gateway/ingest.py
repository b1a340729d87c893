"""A night's run: receive everything below some paths, send what may leave, say what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kaname.errors import NotYet
from kaname.gateway.batches import form_batches
from kaname.gateway.flow import CROSS, WITHDRAW, enlist
from kaname.gateway.hospital import Hospital
from kaname.gateway.receive import Received
from kaname.gateway.reception import take_in
from kaname.ledger import Json
from kaname.work import Outcome, Work


@dataclass(slots=True)
class Night:
    """What became of one run."""

    received: Counter[str] = field(default_factory=Counter[str])
    """Files at the door, by state; ``known`` counts content that was here before."""
    records: Counter[str] = field(default_factory=Counter[str])
    """Rows of tables and reports likewise, as ``row-received``, ``report-known`` and so on."""
    studies: Counter[str] = field(default_factory=Counter[str])
    """Batches under way, by how they ended; ``waiting`` for those that have not."""
    reasons: Counter[str] = field(default_factory=Counter[str])

    def to_json(self) -> dict[str, Json]:
        """The run as JSON."""
        return {
            "received": dict(self.received),
            "records": dict(self.records),
            "studies": dict(self.studies),
            "reasons": dict(self.reasons),
        }

    def note(self, result: Received) -> None:
        """Counts one file, or one row of a table."""
        state = "known" if result.known else result.state
        if result.kind == "image":
            self.received[state] += 1
        else:
            self.records[f"{result.kind}-{state}"] += 1
        if result.reason:
            self.reasons[result.reason] += 1


def receive_all(hospital: Hospital, paths: Iterable[Path], registry: str, night: Night) -> Iterator[Received]:
    """Takes in every file below the paths, one after the other; tables first."""
    for _, result in take_in(hospital, list(paths), hospital.engine(registry)):
        night.note(result)
        yield result


def cross_all(hospital: Hospital, night: Night, *, wait_seconds: float) -> None:
    """Brings every batch under way across and waits for the outcomes, at most that long. Nothing is done twice."""
    batches = form_batches(hospital)
    outcomes = _run(hospital, CROSS, batches, wait_seconds)
    for batch in batches:
        outcome = outcomes.get(batch)
        night.studies[outcome.state if outcome else "waiting"] += 1
        if outcome and outcome.reason:
            night.reasons[outcome.reason] += 1


def withdraw_all(hospital: Hospital, requested: Sequence[str], *, wait_seconds: float) -> dict[str, Outcome]:
    """Carries out withdrawals that were written down; returns those that came to an end in time."""
    return _run(hospital, WITHDRAW, requested, wait_seconds)


def _run(hospital: Hospital, flow: str, ids: Sequence[str], wait_seconds: float) -> dict[str, Outcome]:
    settings = hospital.node.settings
    work = Work(f"sqlite:///{settings.home / 'work.sqlite'}", settings.name, retry_seconds=settings.retry_seconds)
    enlist(work, hospital)
    names = {one: _attempt(work, flow, one) for one in ids}
    for one, name in names.items():
        work.enqueue(flow, name, one)
    try:
        work.start()
    except NotYet as error:
        if error.code != "work-elsewhere":
            raise
        return _waited(work, flow, names, wait_seconds)  # another process of this gateway is at it
    try:
        return _waited(work, flow, names, wait_seconds)
    finally:
        work.stop()


def _attempt(work: Work, flow: str, one: str) -> str:
    """Under which name this run's attempt goes: what a person had to mend, or a bug, ended the ones before it."""
    name, number = one, 0
    while (outcome := work.outcome(flow, name)) is not None and outcome.state in ("held", "failed"):
        number += 1
        name = f"{one}#{number}"
    return name


def _waited(work: Work, flow: str, names: dict[str, str], wait_seconds: float) -> dict[str, Outcome]:
    outcomes = work.wait(flow, list(names.values()), timeout_seconds=wait_seconds)
    return {one: outcomes[name] for one, name in names.items() if name in outcomes}
