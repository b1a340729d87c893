"""What somebody reaches: registries as a whole, and of others only what an open project of theirs opens.

Each answer is the policies' (:meth:`kaname.access.model.Grant.decision`), asked with the projects that a thing belongs
or is open to, and their state at that moment. A member whose training has run out is no member meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from kaname.access.model import Duty, Grant
from kaname.access.projects import Project, State, projects
from kaname.access.training import missing
from kaname.clock import Clock
from kaname.database import reading
from kaname.errors import Forbidden, Refused


@dataclass(frozen=True)
class Reach:
    """What somebody reaches with some duties, any of which is enough."""

    grant: Grant
    """Without the parts in projects whose courses they lack."""
    duties: tuple[Duty, ...]
    registries: tuple[str, ...]
    """Where a duty is theirs as a whole."""
    known: Mapping[str, Project]
    """Every project of the registries in which they have a part, by id."""
    at: str

    @property
    def projects(self) -> tuple[str, ...]:
        """Ids of the projects whose runs they see now."""
        return tuple(one.id for one in self.known.values() if self._allowed(one.registry, (one.id,), self._state(one)))

    @property
    def members_of(self) -> tuple[str, ...]:
        """Ids of the projects in which they have a part, whatever the state."""
        own = {part.project for part in self.grant.parts}
        return tuple(one for one in self.known if one in own)

    def datasets_of(self, registry: str) -> tuple[str, ...]:
        """Names of the datasets that open projects of theirs open, where the registry as a whole is not theirs."""
        mine = (one for one in self.known.values() if one.registry == registry and self._opened(one))
        return tuple(sorted({name for one in mine for name in one.datasets}))

    def sees_dataset(self, registry: str, name: str) -> bool:
        """Whether a dataset is there for them."""
        return registry in self.registries or name in self.datasets_of(registry)

    def need_dataset(self, registry: str, name: str) -> None:
        """Returns when a dataset is there for them.

        Raises:
            Refused: ``not-found``.
            Forbidden: ``project-closed`` when only projects open it to them that are not open themselves.
        """
        if self.sees_dataset(registry, name):
            return
        opening = tuple(one.id for one in self.known.values() if one.registry == registry and name in one.datasets)
        self._turned_away(registry, opening)

    def need(self, registry: str, project: str) -> None:
        """Returns when what was made in a project is there for them; without one, what is the registry's own.

        Raises:
            Refused: ``not-found``.
            Forbidden: ``project-closed``.
        """
        if not project:
            if registry not in self.registries:
                raise Refused("not-found")
            return
        found = self.known.get(project)
        if found is None or found.registry != registry or not self._allowed(registry, (project,), self._state(found)):
            self._turned_away(registry, (project,) if found is not None and found.registry == registry else ())

    def sees(self, registry: str, project: str) -> bool:
        """Whether what was made in a project, or in none, is there for them."""
        return project in self.projects if project else registry in self.registries

    def need_released(self, registry: str, project: str) -> None:
        """As :meth:`need`, for what has left a project: it is the registry's own, too, and stays when that closes.

        Raises:
            Refused: ``not-found``.
            Forbidden: ``project-closed``.
        """
        if registry not in self.registries:
            self.need(registry, project)

    def _opened(self, one: Project) -> bool:
        return self._state(one) == "open" and self._allowed(one.registry, (one.id,), "open")

    def _turned_away(self, registry: str, projects: tuple[str, ...]) -> None:
        if projects and self._allowed(registry, projects, "open"):
            raise Forbidden("project-closed")
        raise Refused("not-found")

    def _allowed(self, registry: str, projects: tuple[str, ...], state: State) -> bool:
        return any(self.grant.decision(duty, registry, projects, state).allowed for duty in self.duties)

    def _state(self, one: Project) -> State:
        return one.standing(self.at)


def reach(index: Engine, grant: Grant, duties: Iterable[Duty], clock: Clock) -> Reach:
    """What ``grant`` reaches with any of ``duties``, now."""
    at = clock.stamp()
    with reading(index) as connection:
        known = {one.id: one for one in projects(connection, grant.registries)}
        trained = _trained(connection, grant, known, at)
    asked = tuple(duties)
    return Reach(trained, asked, trained.registries_for(*asked), known, at)


def _trained(connection: Connection, grant: Grant, known: Mapping[str, Project], at: str) -> Grant:
    """The grant without parts in projects that ask for courses of which this person has no proof that holds."""
    own = {part.project for part in grant.parts if part.project}
    barred = {one.id for one in known.values() if one.id in own and missing(connection, grant.name, one.courses, at)}
    if not barred:
        return grant
    kept = tuple(part for part in grant.parts if part.project not in barred or part.role == "program")
    return replace(grant, parts=kept)
