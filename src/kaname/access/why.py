"""Why somebody may do something, or may not: the decision as the doors take it, with the policies that made it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Engine, select

from kaname.access import policy
from kaname.access.accounts import account
from kaname.access.index import PROJECT
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
    state: str
    """Of the project; ``open`` for what is the registry's own."""
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
    state = _state(index, registry, project) if project else "open"
    projects = (project,) if project else ()
    scopes = {registry, f"{registry}/{project}"} if project else {registry}
    asking = Grant(name, person.parts, channel=how.channel, fresh=how.fresh, weak=how.weak)
    decision = asking.decision(duty, registry, projects, state)
    roles = [
        role
        for role in PEOPLE
        if Grant(name, (Part(role, registry),), channel=how.channel, fresh=how.fresh, weak=how.weak)
        .decision(duty, registry, projects, state)
        .allowed
    ]
    texts = policy_texts()
    ended = person.until if person.until and person.until <= clock.stamp() else ""
    return Why(
        allowed=decision.allowed and not ended,
        policies=tuple((one, texts[one]) for one in (*decision.permits, *decision.against)),
        parts=tuple(part for part in person.parts if part.scope in scopes),
        roles=tuple(roles),
        state=state,
        ended=ended,
    )


def policy_texts() -> dict[str, str]:
    """Each policy by its name, with the remark before it."""
    sources = policy.sources()
    return {name: text for file in policy.NAMES for text, name in _POLICY.findall(sources[file])}


def _state(index: Engine, registry: str, project: str) -> str:
    query = select(PROJECT.c.state).where(PROJECT.c.id == project, PROJECT.c.registry == registry)
    with reading(index) as connection:
        state = connection.scalar(query)
    if state is None:
        raise Refused("not-found", name=project)
    return state
