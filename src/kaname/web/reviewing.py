"""The airlock as a work list: what wants out, what the checks say, and the decision of a second person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kaname.access.model import Grant
from kaname.access.reach import reach
from kaname.airlock.flow import LOG, find, look, requests, review
from kaname.airlock.model import Request
from kaname.errors import Refused
from kaname.node import Node

DECIDED = 20
SHOWN_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Text:
    """What can be read of a request before it is decided."""

    name: str
    text: str
    cut: bool
    """Whether there is more of it."""


@dataclass(frozen=True, slots=True)
class Review:
    """One request in review."""

    request: Request
    own: bool
    """Whether the person who looks asked for it, so that somebody else has to decide."""
    texts: tuple[Text, ...]


def reviews(node: Node, grant: Grant) -> dict[str, Any]:
    """Requests in review and the last ones that were decided, by the names that the template uses."""
    checks = reach(node.index, grant, ("check",), node.clock)
    waiting = requests(node, checks.registries, "in-review", projects=checks.projects)
    known = requests(node, checks.registries, projects=checks.projects)
    decided = [one for one in known if one.decided_at][:DECIDED]
    return {
        "reviews": [Review(one, one.requester == grant.name, _texts(node, one)) for one in waiting],
        "decided": decided,
    }


def decide(node: Node, grant: Grant, request_id: str, decision: str, reason: str) -> None:
    """Approves or rejects, as ``grant``'s owner.

    Raises:
        Forbidden: ``two-persons``, ``project-closed``.
        Refused: ``not-found`` also for another registry's; ``query-invalid``, ``review-reason``, ``request-state``.
    """
    found = find(node, request_id)
    reach(node.index, grant, ("release",), node.clock).need(found.registry, found.project)
    if decision not in {"approve", "reject"}:
        raise Refused("query-invalid", term="decision")
    review(node, request_id, approve=decision == "approve", actor=grant.name, reason=reason)


def _texts(node: Node, request: Request) -> tuple[Text, ...]:
    """Log and JSON files: what a person can read. Weights were checked by the machine."""
    named = [LOG] if request.log else []
    named += [item.name for item in request.items if item.name.endswith(".json")]
    found: list[Text] = []
    for name in named:
        text = look(node, request.id, name).decode("utf-8", "replace")
        found.append(Text(name, text[:SHOWN_CHARACTERS], len(text) > SHOWN_CHARACTERS))
    return tuple(found)
