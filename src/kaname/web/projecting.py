"""``/projects``: what teams work on, under which agreement, and who belongs to them. Closing one takes two persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from kaname.access import projects
from kaname.access.model import Role
from kaname.access.named import same_person
from kaname.access.organisations import organisations
from kaname.access.pairs import Pair
from kaname.access.projects import MEMBER_ROLES, MOVES, QUOTAS, Project
from kaname.access.remembered import changing
from kaname.compute.flow import seconds_used
from kaname.database import reading
from kaname.datasets.flow import names, need_names
from kaname.errors import Forbidden, Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.web.pages import DIGITS_MOST, form_of, page
from kaname.web.pairing import PATH as PAIRS
from kaname.web.pairing import Doing, Shell, ask
from kaname.web.permit import may, permitted
from kaname.web.signin import SEE_OTHER, own_form, session_of, session_routes

PATH = "/projects"
CLOSING = "project-close"
ENTRIES = ("id", "title", "registry", "organisation")
Change = Callable[[Connection, Project, Mapping[str, str], str], tuple[str, str, dict[str, Json]]]
"""Makes a change and says which event that is: action, about, facts."""


def closing(node: Node) -> Doing:
    """Closing a project: nothing of it is opened any more, for good."""

    def close(connection: Connection, pair: Pair, by: str) -> Mapping[str, Any]:
        projects.move(connection, pair.about, "closed", node.clock.stamp())
        facts: dict[str, Json] = {"pair": pair.id, "registry": pair.registry}
        node.ledger.append("project-closed", pair.about, actor=by, facts=facts, connection=connection)
        return {}

    return Doing(CLOSING, "people", close)


def project_routes(node: Node, shell: Shell) -> APIRouter:
    """The pages and what their forms do, for who looks after the people of a registry; each change is an event."""
    routes = session_routes(node, PATH)
    doing = closing(node)
    changes = _CHANGES | {"/open": partial(_opened, node)}

    def listed(request: Request) -> Response:
        """All of the registries of who looks."""
        with reading(node.index) as connection:
            found = projects.projects(connection, permitted(request))
            known = [one for one in organisations(connection) if not one.ended_at]
        facts: dict[str, Any] = {"found": found, "organisations": known, "places": permitted(request)}
        return page(request, "projects", **shell(request), **facts, now=node.clock.stamp())

    def one(id: str, request: Request) -> Response:  # noqa: A002 -- the word for what is ours
        """One project."""
        with reading(node.index) as connection:
            found = _known(connection, request, id)
            members = projects.members(connection, id)
        return page(request, "project", **shell(request), **_facts(node, found), members=members)

    def made(request: Request) -> Response:
        """Makes one, as a draft."""
        form, by = form_of(request), session_of(request).grant.name
        if form.get("registry", "") not in permitted(request):
            raise Refused("not-found")
        id_, title, registry, organisation = (form.get(entry, "").strip() for entry in ENTRIES)
        drafted = projects.drafted(id_, title, registry, organisation, node.clock.stamp())
        with changing(node.index) as connection:
            projects.make(connection, drafted)
            facts: dict[str, Json] = {"organisation": drafted.organisation, "registry": drafted.registry}
            node.ledger.append("project-made", drafted.id, actor=by, facts=facts, connection=connection)
        return RedirectResponse(f"{PATH}/{drafted.id}", SEE_OTHER)

    def closed(id: str, request: Request) -> Response:  # noqa: A002
        """Asks to close one."""
        with reading(node.index) as connection:
            found = _known(connection, request, id)
        if found.state == "closed":
            raise Refused("project-state", state=found.state)
        ask(node, session_of(request).grant, doing, id, found.registry, form_of(request).get("reason", ""))
        return RedirectResponse(PAIRS, SEE_OTHER)

    routes.add_api_route("", listed, methods=["GET"], dependencies=[may("people")])
    routes.add_api_route("", made, methods=["POST"], dependencies=[may("people"), Depends(own_form)])
    routes.add_api_route("/{id}", one, methods=["GET"], dependencies=[may("people")])
    routes.add_api_route("/{id}/close", closed, methods=["POST"], dependencies=[may("people"), Depends(own_form)])
    for path, change in changes.items():
        routes.add_api_route(
            f"/{{id}}{path}", _by_form(node, change), methods=["POST"], dependencies=[may("people"), Depends(own_form)]
        )
    return routes


def _by_form(node: Node, change: Change) -> Callable[[str, Request], Response]:
    def changed(id: str, request: Request) -> Response:  # noqa: A002
        """Changes one thing of a project."""
        form, by = form_of(request), session_of(request).grant.name
        if change is _joined and same_person(form.get("name", ""), by):
            raise Forbidden("own-part")
        with changing(node.index) as connection:
            found = _known(connection, request, id)
            action, about, facts = change(connection, found, form, node.clock.stamp())
            node.ledger.append(action, about, actor=by, facts={**facts, "project": id}, connection=connection)
        return RedirectResponse(f"{PATH}/{id}", SEE_OTHER)

    return changed


def _facts(node: Node, found: Project) -> dict[str, Any]:
    """What the page of a project shows and offers."""
    return {
        "project": found,
        "state": found.standing(node.clock.stamp()),
        "moves": MOVES[found.state],
        "member_roles": MEMBER_ROLES,
        "quotas": QUOTAS,
        "used": seconds_used(node, found.id),
        "offered": [one.name for one in names(node, (found.registry,)) if one.name not in found.datasets],
    }


def _known(connection: Connection, request: Request, id: str) -> Project:  # noqa: A002
    """A project of a registry that the route is permitted in.

    Raises:
        Refused: ``not-found``.
    """
    found = projects.find(connection, id)
    if found.registry not in permitted(request):
        raise Refused("not-found")
    return found


def _moved(
    connection: Connection, found: Project, form: Mapping[str, str], at: str
) -> tuple[str, str, dict[str, Json]]:
    state = form.get("state", "")
    if state not in {"open", "suspended"}:
        raise Refused("query-invalid", term="state")
    projects.move(connection, found.id, cast("projects.State", state), at)
    return f"project-{state}", found.id, {}


def _agreed(
    connection: Connection, found: Project, form: Mapping[str, str], at: str
) -> tuple[str, str, dict[str, Json]]:
    now = projects.agree(connection, found.id, form.get("agreement", ""), form.get("until", ""), at)
    return "project-agreed", found.id, {"agreement": now.agreement, "until": now.until}


def _demanded(
    connection: Connection, found: Project, form: Mapping[str, str], at: str
) -> tuple[str, str, dict[str, Json]]:
    now = projects.demand(connection, found.id, form.get("courses", "").replace(",", " ").split(), at)
    return "project-courses", found.id, {"courses": list(now.courses)}


def _granted(
    connection: Connection, found: Project, form: Mapping[str, str], at: str
) -> tuple[str, str, dict[str, Json]]:
    typed = {name: form.get(name, "").strip() for name in QUOTAS if form.get(name, "").strip()}
    if not all(text.isascii() and text.isdecimal() and len(text) <= 2 * DIGITS_MOST for text in typed.values()):
        raise Refused("entry-invalid", entry="quota")
    now = projects.grant_quota(connection, found.id, {name: int(text) for name, text in typed.items()}, at)
    return "project-quota", found.id, {"quota": dict(now.quota)}


def _opened(
    node: Node, connection: Connection, found: Project, form: Mapping[str, str], at: str
) -> tuple[str, str, dict[str, Json]]:
    dataset = form.get("dataset", "")
    need_names(node, found.registry, (dataset,))
    return _datasets(connection, found, (*found.datasets, dataset), at)


def _shut(connection: Connection, found: Project, form: Mapping[str, str], at: str) -> tuple[str, str, dict[str, Json]]:
    return _datasets(connection, found, tuple(one for one in found.datasets if one != form.get("dataset", "")), at)


def _datasets(
    connection: Connection, found: Project, datasets: tuple[str, ...], at: str
) -> tuple[str, str, dict[str, Json]]:
    now = projects.open_datasets(connection, found.id, datasets, at)
    return "project-datasets", found.id, {"datasets": list(now.datasets)}


def _joined(
    connection: Connection, found: Project, form: Mapping[str, str], at: str
) -> tuple[str, str, dict[str, Json]]:
    name, role = form.get("name", "").strip(), form.get("role", "")
    projects.join(connection, found.id, name, cast("Role", role), at)
    return "member-added", name, {"role": role}


def _left(connection: Connection, found: Project, form: Mapping[str, str], _: str) -> tuple[str, str, dict[str, Json]]:
    name = form.get("name", "")
    projects.leave(connection, found.id, name)
    return "member-removed", name, {}


_CHANGES: dict[str, Change] = {
    "/state": _moved,
    "/agreement": _agreed,
    "/courses": _demanded,
    "/quota": _granted,
    "/shut": _shut,
    "/join": _joined,
    "/leave": _left,
}
