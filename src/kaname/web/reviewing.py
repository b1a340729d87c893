"""The airlock as a work list: what wants out, what the checks say, and the decision of a second person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kaname.access.tokens import Grant
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
    """Requests in review and the last ones that were decided, by the names that the template uses.

    Raises:
        Forbidden: ``duty-missing``.
    """
    grant.need("check")
    waiting = requests(node, grant.registries, "in-review")
    decided = [one for one in requests(node, grant.registries) if one.decided_at][:DECIDED]
    return {
        "reviews": [Review(one, one.requester == grant.name, _texts(node, one)) for one in waiting],
        "decided": decided,
    }


def decide(node: Node, grant: Grant, request_id: str, decision: str, reason: str) -> None:
    """Approves or rejects, as ``grant``'s owner.

    Raises:
        Forbidden: ``duty-missing``, ``two-persons``.
        Refused: ``not-found`` also for another registry's; ``query-invalid``, ``review-reason``, ``request-state``.
    """
    grant.need("check")
    if find(node, request_id).registry not in grant.registries:
        raise Refused("not-found")
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
