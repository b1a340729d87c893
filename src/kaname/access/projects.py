"""Projects: what a team works on in one registry, under an agreement, with the datasets that are opened to it.

Members are accounts with a part in just that project. What they may do hangs on the state of the project at that very
moment (:mod:`kaname.access.reach`): an agreement that has run out closes it without anybody doing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from sqlalchemy import Connection, Row, insert, select, update

from kaname.access.accounts import parts_now, put_parts
from kaname.access.entries import checked_digest, checked_id, checked_title, last_second
from kaname.access.index import ACCOUNT, PROJECT
from kaname.access.model import Part, Role, parts_of
from kaname.access.organisations import standing
from kaname.access.training import missing
from kaname.errors import Forbidden, Refused

State = Literal["draft", "open", "suspended", "closed"]
STATES: tuple[State, ...] = get_args(State)
MOVES: Mapping[State, tuple[State, ...]] = {
    "draft": ("open", "closed"),
    "open": ("suspended", "closed"),
    "suspended": ("open", "closed"),
    "closed": (),
}
"""Where a project may go from where it is."""
MEMBER_ROLES: tuple[Role, ...] = ("researcher", "checker")
"""What somebody may be in one project alone: all else is about the registry."""
QUOTAS = ("seconds", "gpu_seconds", "bytes")
"""What may be agreed on: seconds that its jobs run, seconds on accelerators, bytes that they leave."""
QUOTA_MOST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Project:
    """A project as it stands."""

    id: str
    title: str
    registry: str
    organisation: str
    """Id of who answers for it."""
    state: State
    """As it was set; see :meth:`standing`."""
    agreement: str
    """SHA-256 of the document; empty before there is one."""
    until: str
    """When the agreement runs out (UTC, ISO 8601 with seconds); empty for never."""
    datasets: tuple[str, ...]
    """Names of those that its members see."""
    courses: tuple[str, ...]
    """That each member must have been trained in."""
    quota: Mapping[str, int]
    """By name of :data:`QUOTAS`."""
    made_at: str
    changed_at: str

    def standing(self, at: str) -> State:
        """What it counts as at that time."""
        return "closed" if self.until and at >= self.until else self.state


def make(connection: Connection, project: Project) -> None:
    """Writes a new project down, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``entry-invalid``, ``entry-exists``; ``not-found``, ``organisation-ended`` for its organisation.
    """
    checked_id(project.id)
    checked_title(project.title)
    standing(connection, project.organisation)
    if connection.execute(select(PROJECT.c.id).where(PROJECT.c.id == project.id)).first() is not None:
        raise Refused("entry-exists", entry=project.id)
    fields = asdict(project) | {"datasets": list(project.datasets), "courses": list(project.courses)}
    connection.execute(insert(PROJECT).values(fields | {"quota": checked_quota(project.quota)}))


def drafted(id: str, title: str, registry: str, organisation: str, at: str) -> Project:  # noqa: A002 -- ours
    """A project that nothing is known of yet."""
    return Project(id, title, registry, organisation, "draft", "", "", (), (), {}, at, at)


def find(connection: Connection, id: str) -> Project:  # noqa: A002
    """One project.

    Raises:
        Refused: ``not-found``.
    """
    row = connection.execute(select(PROJECT).where(PROJECT.c.id == id)).one_or_none()
    if row is None:
        raise Refused("not-found")
    return _project(row)


def projects(connection: Connection, registries: Iterable[str]) -> tuple[Project, ...]:
    """All projects of these registries, by id."""
    query = select(PROJECT).where(PROJECT.c.registry.in_(list(registries))).order_by(PROJECT.c.id)
    return tuple(_project(row) for row in connection.execute(query))


def move(connection: Connection, id: str, state: State, at: str) -> Project:  # noqa: A002
    """Opens, suspends or closes a project, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``not-found``; ``project-state`` when it cannot go there from where it is; ``agreement-missing`` when
            it would open without one that holds.
    """
    known = find(connection, id)
    if state not in MOVES[known.state]:
        raise Refused("project-state", state=known.state)
    if state == "open":
        standing(connection, known.organisation)
        if not known.agreement or (known.until and at >= known.until):
            raise Refused("agreement-missing")
    return _change(connection, known, at, state=state)


def agree(connection: Connection, id: str, agreement: str, until: str, at: str) -> Project:  # noqa: A002
    """Writes down under which agreement (SHA-256 of the document) a project works, and its last day (``2027-03-31``).

    Raises:
        Refused: ``not-found``, ``entry-invalid``; ``project-state`` when it is closed.
    """
    digest, end = checked_digest(agreement, "agreement"), last_second(until)
    return _change(connection, _living(connection, id), at, agreement=digest, until=end)


def open_datasets(connection: Connection, id: str, datasets: Sequence[str], at: str) -> Project:  # noqa: A002
    """Sets which datasets a project opens to its members; that they are of its registry, the caller has looked at.

    Raises:
        Refused: ``not-found``; ``project-state`` when it is closed.
    """
    return _change(connection, _living(connection, id), at, datasets=sorted({*datasets}))


def demand(connection: Connection, id: str, courses: Sequence[str], at: str) -> Project:  # noqa: A002
    """Sets which courses members must have been trained in; who has not sees nothing of the project from now on.

    Raises:
        Refused: ``not-found``, ``entry-invalid``; ``project-state`` when it is closed.
    """
    named = sorted({checked_id(course) for course in courses})
    return _change(connection, _living(connection, id), at, courses=named)


def grant_quota(connection: Connection, id: str, quota: Mapping[str, int], at: str) -> Project:  # noqa: A002
    """Sets how much a project may use.

    Raises:
        Refused: ``not-found``, ``entry-invalid``; ``project-state`` when it is closed.
    """
    return _change(connection, _living(connection, id), at, quota=checked_quota(quota))


def members(connection: Connection, id: str) -> tuple[tuple[str, tuple[Role, ...]], ...]:  # noqa: A002
    """Names of who has a part in just this project, and their roles there."""
    rows = connection.execute(select(ACCOUNT.c.name, ACCOUNT.c.parts).order_by(ACCOUNT.c.name)).all()
    found: list[tuple[str, tuple[Role, ...]]] = []
    for row in rows:
        roles = tuple[Role, ...](part.role for part in parts_of(row.parts) if part.project == id)
        found += [(row.name, roles)] if roles else []
    return tuple(found)


def join(connection: Connection, id: str, name: str, role: Role, at: str) -> Part:  # noqa: A002
    """Makes somebody a member, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``not-found`` for the project or the person; ``entry-invalid`` for the role; ``project-state`` when it
            is closed; ``training-missing`` with the courses.
    """
    known = _living(connection, id)
    if role not in MEMBER_ROLES:
        raise Refused("entry-invalid", entry="role")
    parts = parts_now(connection, name)
    lacking = missing(connection, name, known.courses, at)
    if lacking:
        raise Refused("training-missing", courses=" ".join(lacking))
    part = Part(role, known.registry, known.id)
    put_parts(connection, name, {*parts, part})
    return part


def leave(connection: Connection, id: str, name: str) -> None:  # noqa: A002
    """Takes every part in the project from somebody, in a transaction of :func:`kaname.access.remembered.changing`.

    Raises:
        Refused: ``not-found`` also for who is no member.
    """
    known = find(connection, id)
    parts = parts_now(connection, name)
    left = tuple(part for part in parts if part.project != known.id)
    if len(left) == len(parts):
        raise Refused("not-found")
    put_parts(connection, name, left)


def need_open(connection: Connection, id: str, registry: str, at: str) -> Project:  # noqa: A002
    """A project of that registry in which work may go on now.

    Raises:
        Refused: ``not-found`` also for another registry's.
        Forbidden: ``project-closed``.
    """
    known = find(connection, id)
    if known.registry != registry:
        raise Refused("not-found")
    if known.standing(at) != "open":
        raise Forbidden("project-closed")
    return known


def checked_quota(quota: Mapping[str, int]) -> dict[str, int]:
    """A quota as it is kept.

    Raises:
        Refused: ``entry-invalid``.
    """
    for name, most in quota.items():
        if name not in QUOTAS or isinstance(most, bool) or not 0 <= most <= QUOTA_MOST:
            raise Refused("entry-invalid", entry="quota")
    return dict(quota)


def _living(connection: Connection, id: str) -> Project:  # noqa: A002
    known = find(connection, id)
    if known.state == "closed":
        raise Refused("project-state", state=known.state)
    return known


def _change(connection: Connection, known: Project, at: str, **values: Any) -> Project:  # noqa: ANN401 -- columns of any kind
    connection.execute(update(PROJECT).where(PROJECT.c.id == known.id).values(values | {"changed_at": at}))
    return find(connection, known.id)


def _project(row: Row[*tuple[Any, ...]]) -> Project:
    return Project(
        id=row.id,
        title=row.title,
        registry=row.registry,
        organisation=row.organisation,
        state=cast("State", row.state),
        agreement=row.agreement,
        until=row.until,
        datasets=tuple(row.datasets),
        courses=tuple(row.courses),
        quota=row.quota,
        made_at=row.made_at,
        changed_at=row.changed_at,
    )
