"""Decisions: Cedar policies in files, everything denied that none permits, one that forbids outweighs all others.

The policies stand in ``kaname/access/policies`` and speak of roles, duties, registries and projects only, never of a
person or an object: so a decision is a pure function of few values, and this process remembers those that it has made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args

NAMES = ("people.cedar", "bounds.cedar")
SCHEMA = "kaname.cedarschema"
REMEMBERED_MOST = 1 << 16
"""Decisions; each is a few hundred bytes."""
Role = Literal[
    "manager",
    "curator",
    "reader",
    "adjudicator",
    "researcher",
    "checker",
    "operator",
    "auditor",
    "doctor",
    "desk",
    "program",
]
"""Facility data manager, curator, reader, adjudicator, researcher, checker, operator, auditor, clinic doctor, patient
desk; and a program that nobody in particular stands behind."""
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as the policies see them."""

    parts: tuple[tuple[str, str], ...]
    """Role, and where it is played: ``registry`` or ``registry/project``."""
    in_scope: bool
    channel: str
    fresh: bool
    weak: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policies say, and which of them said so."""

    allowed: bool
    permits: tuple[str, ...]
    """Names of the policies that permit it, when it is allowed, in the order of the alphabet."""
    against: tuple[str, ...]
    """Names of the policies that forbid it; none when nothing permits it either."""


@lru_cache(REMEMBERED_MOST)
def decide(asker: Asker, duty: str, registry: str, projects: tuple[str, ...], state: str) -> Decision:
    """Whether ``asker`` may do ``duty`` with something of a registry.

    Args:
        asker: Who, with all of their parts.
        duty: A :data:`kaname.access.model.Duty`.
        registry: That the thing belongs to.
        projects: That it belongs or is open to.
        state: Of the project.

    Raises:
        ValueError: when Cedar cannot evaluate a policy (a bug in a policy: nothing is let through).
    """
    answer = _cedar().is_authorized(*_question(asker, duty, registry, projects, state))
    if answer.diagnostics.errors:
        raise ValueError(f"policies cannot be evaluated: {answer.diagnostics.errors}")
    named: Mapping[str, str] = answer.diagnostics.id_annotations_by_reason
    applying = tuple(sorted(named[reason] for reason in answer.diagnostics.reasons))
    return Decision(answer.allowed, applying if answer.allowed else (), () if answer.allowed else applying)


def sources() -> Mapping[str, str]:
    """The text of each file of policies, and of their schema."""
    folder = files("kaname.access").joinpath("policies")
    return {name: folder.joinpath(name).read_text(encoding="utf-8") for name in (*NAMES, SCHEMA)}


def problems() -> tuple[str, ...]:
    """What Cedar's validator finds wrong with the policies: nothing, or they must not be used."""
    texts = sources()
    found = _cedar().validate_policies("\n".join(texts[name] for name in NAMES), texts[SCHEMA])
    return tuple(str(one) for one in found.errors)


@cache
def _cedar() -> Any:  # noqa: ANN401 -- its functions take and give dictionaries without types
    import cedarpy

    return cedarpy


@cache
def _policies() -> Any:  # noqa: ANN401 -- a handle of Cedar's
    return _cedar().PolicySet.from_str("\n".join(sources()[name] for name in NAMES))


def _question(
    asker: Asker, duty: str, registry: str, projects: Sequence[str], state: str
) -> tuple[dict[str, Any], Any, list[dict[str, Any]]]:
    """What Cedar is asked: the request, the policies, and the two entities that it is about."""
    own = {role: sorted({scope for played, scope in asker.parts if played == role}) for role in ROLES}
    scopes = [registry, *(f"{registry}/{project}" for project in projects)]
    thing = {"registry": registry, "scopes": scopes, "state": state}
    context = {"in_scope": asker.in_scope, "channel": asker.channel, "fresh": asker.fresh, "weak": asker.weak}
    request: dict[str, Any] = {
        "principal": 'Kaname::Asker::"who"',
        "action": f"Kaname::Action::{json.dumps(duty)}",
        "resource": 'Kaname::Thing::"what"',
        "context": context,
    }
    entities: list[dict[str, Any]] = [
        {"uid": {"type": "Kaname::Asker", "id": "who"}, "attrs": own, "parents": []},
        {"uid": {"type": "Kaname::Thing", "id": "what"}, "attrs": thing, "parents": []},
    ]
    return request, _policies(), entities
