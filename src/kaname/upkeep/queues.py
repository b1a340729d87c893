"""How much each flow of the worker has in front of it, asked of the rooms just as the worker asks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kaname.node import Node


@dataclass(frozen=True, slots=True)
class Queue:
    """One flow."""

    flow: str
    """Its name, as the worker calls it."""
    waiting: int
    """Pieces of work that it will take up, or is at."""


def queues(node: Node) -> tuple[Queue, ...]:
    """The flows of a node of the de-identified side, in the order in which an image visits the rooms."""
    return tuple(Queue(flow, len(waiting(node))) for flow, waiting in _questions(node).items())


def _questions(node: Node) -> dict[str, Callable[[Node], tuple[str, ...]]]:
    from kaname.airlock.flow import requests_waiting
    from kaname.annotation.arrivals import unlocated
    from kaname.annotation.exchange import unsent
    from kaname.archive.flow import unshelved
    from kaname.compute.flow import runs_waiting
    from kaname.governance.withdraw import unfinished
    from kaname.intake.facilities import untold
    from kaname.intake.forward import unforwarded
    from kaname.models.admit import releases_waiting
    from kaname.models.predict import predictions_waiting
    from kaname.upkeep.heads import untold_head

    asked: dict[str, Callable[[Node], tuple[str, ...]]] = {
        "forward": unforwarded,
        "pass-holdings-on": untold,
        "shelve": unshelved,
        "locate-images": unlocated,
        "send-readings": unsent,
        "send-head": untold_head,
    }
    if node.settings.role == "cloud":
        asked |= {"run": runs_waiting, "release": requests_waiting, "admit": releases_waiting}
    return asked | {"predict": predictions_waiting, "withdraw": unfinished}
