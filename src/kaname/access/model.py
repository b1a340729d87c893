"""Who may do what, in types: roles that people play, duties that routes ask for, grants that answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast, get_args

from kaname.access.policy import ROLES, Asker, Decision, Role, decide
from kaname.errors import Forbidden

PEOPLE: tuple[Role, ...] = ROLES[:-1]
"""Roles that people play."""

Duty = Literal[
    "browse",
    "pixels",
    "store",
    "read",
    "adjudicate",
    "research",
    "check",
    "release",
    "curate",
    "identity",
    "withdraw",
    "people",
    "operate",
    "audit",
]
"""What a route asks for: to look at lists and records; at pixels; to bring derived objects; to read cases and mark
them; to settle what readers disagree on; to run jobs and ask for their outputs; to look at what others ask for, and to
let it go; to make tasks; to see what names a patient; to see withdrawals and begin them; to look after people; to look
after the node; to read the ledger."""
DUTIES: tuple[Duty, ...] = get_args(Duty)

Channel = Literal["console", "viewer", "token"]
"""How somebody comes in."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A role that somebody plays in a registry, or in one project of it."""

    role: Role
    registry: str
    project: str = ""
    """Empty: in the registry itself and in all of its projects."""

    @property
    def scope(self) -> str:
        """``registry`` or ``registry/project``, as policies compare it."""
        return f"{self.registry}/{self.project}" if self.project else self.registry


def parts_json(parts: Iterable[Part]) -> list[list[str]]:
    """Parts for a JSON column, in order and once each."""
    return [[part.role, part.registry, part.project] for part in sorted(set(parts))]


def parts_of(rows: Sequence[Sequence[str]]) -> tuple[Part, ...]:
    """What :func:`parts_json` made."""
    return tuple(Part(cast("Role", role), registry, project) for role, registry, project in rows)


@dataclass(frozen=True)
class Grant:
    """What somebody may do here and now. Every answer comes from the policies (:mod:`kaname.access.policy`)."""

    name: str
    parts: tuple[Part, ...]
    duties: tuple[Duty, ...] = DUTIES
    """No more than these, whatever the parts say."""
    channel: Channel = "token"
    fresh: bool = True
    """Whether they showed within :data:`kaname.access.sessions.FRESH_MINUTES` who they are."""
    weak: bool = False
    """Whether a second factor that is asked of them was not shown."""

    @classmethod
    def of_program(cls, name: str, registries: Iterable[str], duties: Sequence[Duty]) -> Grant:
        """A program's: its duties in all of the registries."""
        return cls(name, tuple(sorted(Part("program", registry) for registry in registries)), tuple(duties))

    @classmethod
    def of_person(cls, name: str, registries: Iterable[str], roles: Iterable[Role]) -> Grant:
        """A person's: every role in each of the registries, at the console."""
        every = {Part(role, registry) for role in roles for registry in registries}
        return cls(name, tuple(sorted(every)), channel="console")

    @cached_property
    def registries(self) -> tuple[str, ...]:
        """Registries in which they have any part."""
        return tuple(sorted({part.registry for part in self.parts}))

    def decision(self, duty: Duty, registry: str, projects: Sequence[str] = (), state: str = "open") -> Decision:
        """What the policies say about one duty in a registry.

        Args:
            duty: What is asked for.
            registry: Where.
            projects: Those that the thing belongs to or is open to; none for what is the registry's own.
            state: Of the project.
        """
        played = tuple(sorted({(part.role, part.scope) for part in self.parts}))
        asker = Asker(played, duty in self.duties, self.channel, self.fresh, self.weak)
        return decide(asker, duty, registry, tuple(projects), state)

    def may(self, duty: Duty, registry: str = "") -> bool:
        """Whether the duty is theirs in that registry; without one, in any, or in a project of any."""
        if registry:
            return self.decision(duty, registry).allowed
        return bool(self.registries_for(duty) or self.projects_for(duty))

    def registries_for(self, *duties: Duty) -> tuple[str, ...]:
        """Registries in which any of the duties is theirs."""
        return tuple(one for one in self.registries if any(self.decision(duty, one).allowed for duty in duties))

    def projects_for(self, duty: Duty) -> tuple[str, ...]:
        """Projects in which the duty is theirs by a part in just that project, whatever the project's state."""
        own = sorted({(part.registry, part.project) for part in self.parts if part.project})
        return tuple(project for registry, project in own if self.decision(duty, registry, (project,)).allowed)

    def need(self, duty: Duty, registry: str | None = None) -> None:
        """Returns when the grant has that duty, in that registry if one is named.

        Raises:
            Forbidden: ``duty-missing``, ``not-permitted`` (another registry), or what a forbidding policy is named.
        """
        need_any(self, (duty,), registry)


def need_any(grant: Grant, duties: Sequence[Duty], registry: str | None = None) -> None:
    """Returns when the grant has one of the duties, in that registry if one is named.

    Raises:
        Forbidden: ``duty-missing``, ``not-permitted``, ``second-factor-missing``, ``proof-old``.
    """
    if any(grant.may(duty, registry or "") for duty in duties):
        return
    projects = [(part.registry, (part.project,) if part.project else ()) for part in grant.parts]
    where = [one for one in projects if registry is None or one[0] == registry]
    for code in ("second-factor-missing", "proof-old"):
        if any(code in grant.decision(duty, at, own).against for duty in duties for at, own in where):
            raise Forbidden(code)
    if registry is not None and any(grant.may(duty) for duty in duties):
        raise Forbidden("not-permitted", registry=registry)
    raise Forbidden("duty-missing", duty=" / ".join(duties))
