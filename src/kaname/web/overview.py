"""What the first page shows: first what waits for the person who looks, then what is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from kaname.access.model import Grant
from kaname.access.reach import reach
from kaname.airlock.flow import requests
from kaname.annotation.flow import progress, tasks
from kaname.models.model import ModelVersion
from kaname.node import Node
from kaname.upkeep.holdings import arrivals, held_back, holdings
from kaname.upkeep.queues import queues

ARRIVALS = 10
LABELLING_STATES = ("open", "disputed", "settled")
"""Of cases. From all but the first a reader could tell what others answered: they are counted for curators."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of what waits for a person."""

    kind: str
    """``held``, ``check``, ``read`` or ``adjudicate``: the word of the line."""
    count: int
    name: str
    """Registry id, or name of a task."""
    address: str
    """Where it is done, or shown."""


@dataclass(frozen=True, slots=True)
class Labelling:
    """One task of the readers."""

    name: str
    registry: str
    open: int
    disputed: int
    settled: int


@dataclass(frozen=True, slots=True)
class Model:
    """One model version, with what it was judged to be on the sealed test set of its dataset."""

    name: str
    version: int
    registry: str
    dataset: str
    """Name and version."""
    cases: int
    auc: float
    auc_ci95: tuple[float, float] | None
    sensitivity: float | None
    sensitivity_ci95: tuple[float, float] | None
    specificity: float | None
    specificity_ci95: tuple[float, float] | None
    digest: str


def overview(node: Node, grant: Grant) -> dict[str, Any]:
    """Everything that ``grant`` opens, by the names that the template uses."""
    registries = grant.registries_for("browse")
    held = holdings(node, registries)
    labelled = grant.registries_for("browse", "read", "adjudicate", "curate")
    labelling = [_labelling(node, task.name, task.registry) for task in tasks(node, labelled)]
    return {
        "waiting": [
            *_to_check(node, grant),
            *_to_read(grant, labelling),
            *(Waiting("held", one.held, one.registry, "/held") for one in held if one.held),
        ],
        "holdings": held,
        "held_back": held_back(node, registries),
        "arrivals": arrivals(node, registries, ARRIVALS),
        "labelling": labelling,
        "labelling_states": LABELLING_STATES if grant.may("curate") else LABELLING_STATES[:1],
        "queues": queues(node),
        "head": node.ledger.head(),
    }


def _to_check(node: Node, grant: Grant) -> list[Waiting]:
    """Requests that this person may decide: those of others."""
    checks = reach(node.index, grant, ("check",), node.clock)
    waiting = requests(node, checks.registries, "in-review", projects=checks.projects)
    due = [one for one in waiting if one.requester != grant.name]
    found = Counter(one.registry for one in due)
    return [Waiting("check", count, registry, "/airlock") for registry, count in found.items() if count]


def _to_read(grant: Grant, labelling: list[Labelling]) -> list[Waiting]:
    lines: list[Waiting] = []
    for task in labelling:
        if task.open and grant.may("read", task.registry):
            lines.append(Waiting("read", task.open, task.name, "/tasks"))
        if task.disputed and grant.may("adjudicate", task.registry):
            lines.append(Waiting("adjudicate", task.disputed, task.name, "/tasks"))
    return lines


def _labelling(node: Node, name: str, registry: str) -> Labelling:
    now = progress(node, name)
    return Labelling(name, registry, now.open, now.disputed, now.settled)


def model_row(version: ModelVersion) -> Model:
    """One line of the list of models."""
    judged, card = version.evaluation, version.card
    binary: dict[str, Any] = judged["binary"]
    return Model(
        name=card.name,
        version=card.version,
        registry=card.registry,
        dataset=f"{card.dataset_name} {card.dataset_version}",
        cases=judged["n"],
        auc=judged["auc"],
        auc_ci95=judged["auc_ci95"],
        sensitivity=binary["sensitivity"],
        sensitivity_ci95=binary["sensitivity_ci95"],
        specificity=binary["specificity"],
        specificity_ci95=binary["specificity_ci95"],
        digest=card.digest,
    )
