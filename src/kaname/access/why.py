"""Why somebody may do something, or may not: the decision as the doors take it, with the policies that made it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Engine

from kaname.access import policy, projects, training
from kaname.access.accounts import account
from kaname.access.model import PEOPLE, Channel, Duty, Grant, Part
from kaname.clock import Clock
from kaname.database import reading
from kaname.errors import Refused

_POLICY = re.compile(r'((?://[^\n]*\n)*@id\("([a-z-]+)"\)\n.*?;)\n', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Assumed:
    """In which circumstances somebody is imagined to ask."""

    channel: Channel = "console"
    fresh: bool = True
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    """What was decided, and from what."""

    allowed: bool
    policies: tuple[tuple[str, str], ...]
    """Name and text of each policy that said so; none when nothing permits it."""
    parts: tuple[Part, ...]
    """The parts of the person that count there."""
    roles: tuple[str, ...]
    """The roles that would permit it there, under the same circumstances."""
    against: tuple[str, ...]
    """Names of the policies that forbid it: reason codes."""
    state: str
    """Of the project; ``open`` for what is the registry's own."""
    untrained: tuple[str, ...]
    """Courses that the project asks for and of which they have no proof that holds: they are no member meanwhile."""
    ended: str
    """When the account ended, if it did: then nobody comes in by it at all."""


def why(  # noqa: PLR0913 -- who, what, where and how
    index: Engine,
    clock: Clock,
    name: str,
    duty: Duty,
    registry: str,
    *,
    project: str = "",
    assumed: Assumed | None = None,
) -> Why:
    """Explains a decision.

    Args:
        index: The node's index.
        clock: Says whether the account has ended.
        name: Whose account.
        duty: What they would do.
        registry: Where.
        project: In which project of it; empty for what is the registry's own.
        assumed: How they would ask; by default at the console, and just signed in with all factors.

    Raises:
        Refused: ``not-found`` for a name without an account, or a project that the registry does not have.
    """
    how = assumed or Assumed()
    person = account(index, name, clock)
    state, untrained = _project(index, registry, project, name, clock.stamp()) if project else ("open", ())
    of = (project,) if project else ()
    scopes = {registry, f"{registry}/{project}"} if project else {registry}
    parts = tuple(part for part in person.parts if not (untrained and part.project == project))
    asking = Grant(name, parts, channel=how.channel, fresh=how.fresh, weak=how.weak)
    decision = asking.decision(duty, registry, of, state)
    roles = [
        role
        for role in PEOPLE
        if Grant(name, (Part(role, registry),), channel=how.channel, fresh=how.fresh, weak=how.weak)
        .decision(duty, registry, of, state)
        .allowed
    ]
    texts = policy_texts()
    ended = person.until if person.until and person.until <= clock.stamp() else ""
    return Why(
        allowed=decision.allowed and not ended,
        policies=tuple((one, texts[one]) for one in (*decision.permits, *decision.against)),
        parts=tuple(part for part in parts if part.scope in scopes),
        roles=tuple(roles),
        against=decision.against,
        state=state,
        untrained=untrained,
        ended=ended,
    )


def policy_texts() -> dict[str, str]:
    """Each policy by its name, with the remark before it."""
    sources = policy.sources()
    return {name: text for file in policy.NAMES for text, name in _POLICY.findall(sources[file])}


def _project(index: Engine, registry: str, project: str, name: str, at: str) -> tuple[str, tuple[str, ...]]:
    """The state of a project now, and the courses that somebody lacks for it."""
    with reading(index) as connection:
        found = projects.find(connection, project)
        if found.registry != registry:
            raise Refused("not-found", name=project)
        return found.standing(at), training.missing(connection, name, found.courses, at)
