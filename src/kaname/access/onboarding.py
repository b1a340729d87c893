"""A team in one file: organisation, project, agreement, quota, members and their proofs, all of it or nothing.

The file is TOML::

    [organisation]
    id = "univ-a"
    title = "A 大学"             # a known organisation needs no title and kind
    kind = "university"

    [project]
    id = "lungs-2026"
    title = "肺結節の検出"
    registry = "j-mid"
    agreement = "<SHA-256 of the document>"
    until = "2027-03-31"
    datasets = ["lungs"]
    courses = ["ethics"]
    quota = { seconds = 360000 }

    [[member]]
    name = "mori"
    role = "researcher"
    training = [{ course = "ethics", proof = "<SHA-256>", until = "2027-03-31" }]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, select

from kaname.access import organisations, projects, training
from kaname.access.accounts import enter
from kaname.access.index import ACCOUNT, ORGANISATION
from kaname.access.model import Role
from kaname.clock import Clock
from kaname.errors import Refused

MEMBERS_MOST = 500


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the team."""

    name: str
    role: Role
    training: tuple[tuple[str, str, str], ...]
    """Course, SHA-256 of the proof, last day."""


@dataclass(frozen=True, slots=True)
class Team:
    """What the file says."""

    organisation: str
    title: str
    """Of the organisation; empty where it is known."""
    kind: str
    project: str
    project_title: str
    registry: str
    agreement: str
    until: str
    datasets: tuple[str, ...]
    courses: tuple[str, ...]
    quota: Mapping[str, int]
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Onboarded:
    """What was made."""

    project: projects.Project
    new_organisation: bool
    new_accounts: tuple[str, ...]


def read_team(text: str) -> Team:
    """What a file says.

    Raises:
        Refused: ``onboarding-invalid`` with the entry that is unknown, missing or of the wrong kind.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused("onboarding-invalid") from error
    top = _entries(table, "", {"organisation": dict, "project": dict, "member": list}, optional=())
    who = _entries(
        top["organisation"], "organisation", {"id": str, "title": str, "kind": str}, optional=("title", "kind")
    )
    kinds = {"id": str, "title": str, "registry": str, "agreement": str, "until": str, "datasets": list}
    what = _entries(
        top["project"], "project", kinds | {"courses": list, "quota": dict}, optional=("courses", "quota", "until")
    )
    members = cast("list[object]", top["member"])
    if not 0 < len(members) <= MEMBERS_MOST:
        raise Refused("onboarding-invalid", entry="member")
    return Team(
        organisation=who["id"],
        title=who.get("title", ""),
        kind=who.get("kind", ""),
        project=what["id"],
        project_title=what["title"],
        registry=what["registry"],
        agreement=what["agreement"],
        until=what.get("until", ""),
        datasets=_texts(what["datasets"], "project.datasets"),
        courses=_texts(what.get("courses", []), "project.courses"),
        quota=_numbers(what.get("quota", {})),
        members=tuple(_member(one) for one in members),
    )


def onboard(connection: Connection, team: Team, clock: Clock) -> Onboarded:
    """Makes all of it and opens the project, in a transaction of :func:`kaname.access.remembered.changing`.

    A known organisation stays as it is; people who have an account already become members by it.

    Raises:
        Refused: ``entry-invalid``, ``entry-exists``, ``organisation-ended``, ``account-name``, ``training-missing``.
    """
    at = clock.stamp()
    known = select(ORGANISATION.c.id).where(ORGANISATION.c.id == team.organisation)
    new = connection.execute(known).first() is None
    if new:
        organisations.make(connection, team.organisation, team.title, team.kind, at)
    drafted = projects.drafted(team.project, team.project_title, team.registry, team.organisation, at)
    projects.make(connection, drafted)
    projects.agree(connection, team.project, team.agreement, team.until, at)
    projects.open_datasets(connection, team.project, team.datasets, at)
    projects.demand(connection, team.project, team.courses, at)
    projects.grant_quota(connection, team.project, team.quota, at)
    made = tuple(member.name for member in team.members if _entered(connection, member, team.organisation, clock))
    for member in team.members:
        for course, proof, until in member.training:
            training.record(connection, member.name, course, proof, until, at)
        projects.join(connection, team.project, member.name, member.role, at)
    return Onboarded(projects.move(connection, team.project, "open", at), new, made)


def _entered(connection: Connection, member: Member, organisation: str, clock: Clock) -> bool:
    """Makes an account, unless there is one; whether it did."""
    if connection.execute(select(ACCOUNT.c.name).where(ACCOUNT.c.name == member.name)).first() is not None:
        return False
    enter(connection, member.name, (), clock, organisation=organisation)
    return True


def _member(row: object) -> Member:
    found = _entries(row, "member", {"name": str, "role": str, "training": list}, optional=("role", "training"))
    proofs: list[tuple[str, str, str]] = []
    for one in cast("list[object]", found.get("training", [])):
        told = _entries(one, "member.training", {"course": str, "proof": str, "until": str}, optional=("until",))
        proofs.append((told["course"], told["proof"], told.get("until", "")))
    return Member(found["name"], cast("Role", found.get("role", "researcher")), tuple(proofs))


def _entries(row: object, place: str, kinds: Mapping[str, type], optional: tuple[str, ...]) -> dict[str, Any]:
    """The entries of a table, each of its kind; no other ones.

    Raises:
        Refused: ``onboarding-invalid``.
    """
    if not isinstance(row, dict):
        raise Refused("onboarding-invalid", entry=place)
    table = cast("dict[str, Any]", row)
    wrong = [name for name in table if name not in kinds or not isinstance(table[name], kinds[name])]
    wrong += [name for name in kinds if name not in table and name not in optional]
    if wrong:
        raise Refused("onboarding-invalid", entry=".".join(filter(None, (place, wrong[0]))))
    return table


def _texts(rows: list[object], place: str) -> tuple[str, ...]:
    found = tuple(row for row in rows if isinstance(row, str))
    if len(found) != len(rows):
        raise Refused("onboarding-invalid", entry=place)
    return found


def _numbers(table: dict[str, Any]) -> dict[str, int]:
    if not all(type(value) is int for value in table.values()):
        raise Refused("onboarding-invalid", entry="project.quota")
    return table
