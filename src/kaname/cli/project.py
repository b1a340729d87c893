"""``kaname project``: teams, what they work on, and who belongs to them."""

from __future__ import annotations

from pathlib import Path

import click

from kaname.access import projects
from kaname.access.accounts import parts_now
from kaname.access.model import Grant
from kaname.access.onboarding import Onboarded, Team, onboard, read_team
from kaname.access.remembered import changing
from kaname.access.sessions import SIGNIN_MINUTES, make_signin
from kaname.cli.options import home_of, home_option, json_option, registries, show
from kaname.compute.flow import seconds_used
from kaname.database import reading
from kaname.datasets.flow import need_names
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node, open_node
from kaname.settings import load

OPERATOR = "operator"
"""Who acts, in the ledger: whoever has this machine in hand."""


@click.group
def project() -> None:
    """Projects: onboard a team, list, show, state, member."""


@project.command("onboard")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--at", "address", default="", help="Address of the console, where a proxy stands before it.")
@home_option
@json_option
def onboard_(file: Path, address: str, home: Path | None, as_json: bool) -> None:
    """Take in a whole team from FILE (TOML): organisation, project, agreement, quota, members, proofs of training.

    All of it or nothing. Each new member's one-time address is shown once and kept nowhere.
    """
    node = _open(home)
    team = read_team(file.read_text(encoding="utf-8"))
    (registry,) = registries((team.registry,))
    if registry not in node.settings.registries:
        raise Refused("unknown-registry")
    need_names(node, registry, team.datasets)
    with changing(node.index) as connection:
        done = onboard(connection, team, node.clock)
        parts = {name: parts_now(connection, name) for name in done.new_accounts}
        facts = _facts(team, done)
        node.ledger.append("project-onboarded", team.project, actor=OPERATOR, facts=facts, connection=connection)
    settings = node.settings
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    console = address.rstrip("/") or f"http://{host}:{settings.port}"
    signins: dict[str, Json] = {}
    for name in done.new_accounts:
        secret = make_signin(node.index, Grant(name, parts[name]), place="console", clock=node.clock, owner=name)
        node.ledger.append("signin-made", name, actor=OPERATOR)
        signins[name] = f"{console}/signin?once={secret}"
    show({"project": team.project, "minutes": SIGNIN_MINUTES, "signins": signins}, as_json=as_json)


@project.command("list")
@home_option
@json_option
def list_(home: Path | None, as_json: bool) -> None:
    """Show the projects, by id."""
    node = _open(home)
    with reading(node.index) as connection:
        found = projects.projects(connection, node.settings.registries)
    rows: list[Json] = [_row(node, one) for one in found]
    show(rows, as_json=as_json)


@project.command("show")
@click.argument("id_", metavar="ID")
@home_option
@json_option
def show_(id_: str, home: Path | None, as_json: bool) -> None:
    """Show one project: state, agreement, datasets, members, what it has used."""
    node = _open(home)
    with reading(node.index) as connection:
        found = projects.find(connection, id_)
        members = projects.members(connection, id_)
    more: dict[str, Json] = {
        "agreement": found.agreement,
        "courses": list(found.courses),
        "quota": dict(found.quota),
        "seconds_used": seconds_used(node, id_),
        "members": [f"{name} {' '.join(roles)}" for name, roles in members],
    }
    show(_row(node, found) | more, as_json=as_json)


@project.command
@click.argument("id_", metavar="ID")
@click.argument("state_", metavar="STATE", type=click.Choice(projects.STATES[1:]))
@home_option
@json_option
def state(id_: str, state_: projects.State, home: Path | None, as_json: bool) -> None:
    """Open, suspend or close a project; closed is for good."""
    node = _open(home)
    with changing(node.index) as connection:
        moved = projects.move(connection, id_, state_, node.clock.stamp())
        node.ledger.append(f"project-{state_}", id_, actor=OPERATOR, connection=connection)
    show(_row(node, moved), as_json=as_json)


@project.group
def member() -> None:
    """Members of a project: add, remove."""


@member.command
@click.argument("id_", metavar="ID")
@click.option("--name", required=True, help="Name of an account.")
@click.option("--role", type=click.Choice(projects.MEMBER_ROLES), default="researcher", show_default=True)
@home_option
@json_option
def add(id_: str, name: str, role: projects.Role, home: Path | None, as_json: bool) -> None:
    """Make somebody a member; what is new counts from their next sign-in."""
    node = _open(home)
    with changing(node.index) as connection:
        projects.join(connection, id_, name, role, node.clock.stamp())
        facts: dict[str, Json] = {"project": id_, "role": role}
        node.ledger.append("member-added", name, actor=OPERATOR, facts=facts, connection=connection)
    show({"project": id_, "name": name, "role": role}, as_json=as_json)


@member.command
@click.argument("id_", metavar="ID")
@click.option("--name", required=True, help="Name of an account.")
@home_option
@json_option
def remove(id_: str, name: str, home: Path | None, as_json: bool) -> None:
    """Take somebody out of a project, at once."""
    node = _open(home)
    with changing(node.index) as connection:
        projects.leave(connection, id_, name)
        facts: dict[str, Json] = {"project": id_}
        node.ledger.append("member-removed", name, actor=OPERATOR, facts=facts, connection=connection)
    show({"project": id_, "name": name}, as_json=as_json)


def _open(home: Path | None) -> Node:
    settings = load(home_of(home))
    if settings.role == "gateway":  # a hospital's own node has no datasets to work on
        raise Refused("wrong-role")
    return open_node(settings)


def _row(node: Node, one: projects.Project) -> dict[str, Json]:
    return {
        "id": one.id,
        "title": one.title,
        "registry": one.registry,
        "organisation": one.organisation,
        "state": one.standing(node.clock.stamp()),
        "until": one.until,
        "datasets": list(one.datasets),
    }


def _facts(team: Team, done: Onboarded) -> dict[str, Json]:
    proofs = {member.name: sorted(course for course, _, _ in member.training) for member in team.members}
    return {
        "agreement": done.project.agreement,
        "datasets": list(done.project.datasets),
        "members": {member.name: member.role for member in team.members},
        "new_accounts": list(done.new_accounts),
        "organisation": team.organisation,
        "quota": dict(done.project.quota),
        "registry": team.registry,
        "training": {name: list[Json](courses) for name, courses in proofs.items()},
        "until": done.project.until,
    }
