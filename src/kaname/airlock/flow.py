"""The verbs of the airlock: take what a run left, check it, let a second person decide, hand out what was approved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import partial

from sqlalchemy import Connection

from kaname.access.named import person, same_person
from kaname.access.projects import need_open
from kaname.airlock import rows
from kaname.airlock.checks import LARGEST_BYTES, log_is_plain, problem
from kaname.airlock.model import Finding, Item, Request, State
from kaname.airlock.release import key_of, let_go
from kaname.compute import rows as run_rows
from kaname.compute.flow import ended_runs
from kaname.compute.flow import find as find_run
from kaname.compute.model import Run
from kaname.compute.outputs import key_of as kept_key
from kaname.database import reading, writing
from kaname.errors import Forbidden, NotYet, Refused
from kaname.ledger import Json, canonical
from kaname.node import Node
from kaname.store import digest_bytes
from kaname.work import Do, Outcome, attempt

ID_DIGITS = 32
REASON_CHARACTERS = 500
LOG = "log"


def requests_waiting(node: Node) -> tuple[str, ...]:
    """Ids of ended runs that want out."""
    return ended_runs(node)


def take_run(node: Node, do: Do, run_id: Json) -> Json:
    """The worker's flow: a draft is made, then checked; it ends ``in-review`` or ``blocked``."""
    request_id = do(partial(draft, node), run_id)
    return do(partial(check, node), request_id)


def draft(node: Node, run_id: str) -> str:
    """Makes the request of an ended run; returns its id. Again, it changes nothing.

    Raises:
        Refused: ``not-found``.
        NotYet: ``storage-full``, ``index-busy``.
    """
    run = find_run(node, run_id)
    request = _drafted(node, run)
    with writing(node.index) as connection:
        if rows.add(connection, request):
            facts: dict[str, Json] = {"items": [_plain(item) for item in request.items], "run": run.id}
            _tell(node, connection, request, run.actor, facts | {"kind": request.kind})
    return request.id


def check(node: Node, request_id: str) -> Json:
    """Runs the automatic checks on a draft and moves it on; returns its state. Again, it changes nothing.

    Raises:
        Refused: ``not-found``.
        NotYet: ``storage-unreachable``, ``index-busy``.
    """
    request = find(node, request_id)
    found = [Finding(item.name, code) for item in request.items if (code := _item_problem(node, request, item))]
    if request.log and not _log_may_go(node, request):
        found.append(Finding(LOG, "log-withheld"))
    stopped = any(finding.item != LOG or request.kind == LOG for finding in found)
    state: State = "blocked" if stopped else "in-review"
    values = {"findings": canonical([asdict(finding) for finding in found]).decode()}
    if any(finding.item == LOG for finding in found):
        values["log"] = ""
    with writing(node.index) as connection:
        request = rows.of_id(connection, request_id)
        if request.state == "draft":
            rows.move(connection, request, "submitted", **values)
            rows.move(connection, replace(request, state="submitted"), state)
            facts: dict[str, Json] = {"findings": [finding.code for finding in found], "run": request.run}
            _tell(node, connection, replace(request, state=state), node.settings.name, facts)
        run_rows.hand_on(connection, request.run)
    return find(node, request_id).state


def review(node: Node, request_id: str, *, approve: bool, actor: str, reason: str) -> Request:
    """Decides about a request. The same decision again by the same person changes nothing.

    What is approved is released first and written down afterwards: a crash in between releases what the same person
    will approve again, and nobody can read it before.

    Args:
        node: A node of the de-identified side.
        request_id: The request.
        approve: Whether it may go.
        actor: Who decides.
        reason: Why, in a sentence; kept with the request.

    Raises:
        Refused: ``not-found``; ``request-state`` when it is not in review; ``review-reason``.
        Forbidden: ``two-persons`` when the one who asked would decide; ``project-closed`` for what its project may not
            let go any more.
        NotYet: ``storage-full``, ``storage-unreachable``, ``index-busy``.
    """
    request = find(node, request_id)
    if same_person(actor, request.requester) or not person(actor):
        raise Forbidden("two-persons")
    reason = reason.strip()
    if not 0 < len(reason) <= REASON_CHARACTERS or not reason.isprintable():
        raise Refused("review-reason", characters=len(reason))
    state: State = "approved" if approve else "rejected"
    if (request.state, request.checker) == (state, actor):
        return request
    if request.state != "in-review":
        raise Refused("request-state", state=request.state)
    if approve:
        _stands(node, request)
        let_go(node, request)
    with writing(node.index) as connection:
        request = rows.of_id(connection, request_id)
        handed = "due" if approve and request.kind == "model" else "no"
        at = node.clock.stamp()
        rows.move(connection, request, state, checker=actor, reason=reason, handed=handed, decided_at=at)
        _tell(node, connection, replace(request, state=state), actor, {"run": request.run})
    return find(node, request_id)


def cancel(node: Node, request_id: str, actor: str) -> Request:
    """Takes a request back, before it is decided.

    Raises:
        Refused: ``not-found``, ``request-state``.
        Forbidden: ``not-requester`` when somebody else asked for it.
    """
    with writing(node.index) as connection:
        request = rows.of_id(connection, request_id)
        if not same_person(actor, request.requester):
            raise Forbidden("not-requester")
        if request.state != "cancelled":
            rows.move(connection, request, "cancelled", decided_at=node.clock.stamp())
            _tell(node, connection, replace(request, state="cancelled"), actor, {"run": request.run})
    return find(node, request_id)


def find(node: Node, request_id: str) -> Request:
    """One request.

    Raises:
        Refused: ``not-found``.
    """
    with reading(node.index) as connection:
        return rows.seen(connection, request_id)


def requests(
    node: Node,
    registries: Iterable[str],
    state: State | None = None,
    limit: int = 100,
    projects: Iterable[str] | None = None,
) -> tuple[Request, ...]:
    """Requests of these registries, of one state if given, the newest first.

    With ``projects``: of runs in no project, and of all runs in those projects.
    """
    with reading(node.index) as connection:
        return rows.of_registries(connection, registries, state, limit, projects)


def released_waiting(node: Node) -> tuple[str, ...]:
    """Ids of approved models that the next room has not taken yet; it takes one by ``airlock.rows.hand_on``."""
    with reading(node.index) as connection:
        return rows.due_ids(connection)


def released(node: Node, request_id: str) -> tuple[Item, ...]:
    """What an approved request let go; :func:`kaname.airlock.release.key_of` says where each item rests.

    Raises:
        Refused: ``not-found``; ``release-denied`` when it was rejected, blocked or cancelled.
        NotYet: ``release-pending`` when nobody has decided yet.
    """
    request = find(node, request_id)
    _approved(request)
    return request.items


def log_of(node: Node, run_id: str) -> bytes:
    """What a run's job printed, once a second person let it go.

    Raises:
        Refused: ``not-found`` also when it printed nothing or its log was withheld; ``release-denied``.
        NotYet: ``release-pending``.
    """
    run = find_run(node, run_id)
    if not run.ended_at:
        raise NotYet("release-pending")
    if not run.log:
        raise Refused("not-found")
    try:
        with reading(node.index) as connection:
            request = rows.of_run(connection, run_id)
    except Refused as error:
        raise NotYet("release-pending") from error
    _approved(request)
    if not request.log:
        raise Refused("release-denied", state="withheld")
    return node.store.get(key_of(request.log))


def look(node: Node, request_id: str, name: str) -> bytes:
    """What a checker may read of a request in review: its log (``log``) and its JSON files. Weights are not read.

    Raises:
        Refused: ``not-found``; ``request-state`` when the automatic checks have not passed it.
    """
    request = find(node, request_id)
    if request.state in {"draft", "submitted", "blocked", "cancelled"}:
        raise Refused("request-state", state=request.state)
    if name == LOG and request.log:
        return node.store.get(kept_key(request.run, request.log))
    digest = next((item.digest for item in request.items if item.name == name and name.endswith(".json")), None)
    if digest is None:
        raise Refused("not-found")
    return node.store.get(kept_key(request.run, digest))


def _drafted(node: Node, run: Run) -> Request:
    items = tuple(Item(output.name, output.digest, output.size_bytes) for output in run.outputs)
    return Request(
        id=digest_bytes(f"airlock {run.id}".encode())[:ID_DIGITS],
        run=run.id,
        kind="model" if items else LOG,
        registry=run.registry,
        project=run.project,
        requester=run.actor,
        state="draft",
        items=items,
        log=run.log,
        findings=(),
        checker="",
        reason="",
        made_at=node.clock.stamp(),
        decided_at="",
    )


def _item_problem(node: Node, request: Request, item: Item) -> str:
    if item.size_bytes > LARGEST_BYTES:
        return "output-too-large"
    data = attempt(node.store.get, kept_key(request.run, item.digest))
    return data.reason if isinstance(data, Outcome) else problem(item.name, data)


def _log_may_go(node: Node, request: Request) -> bool:
    log = attempt(node.store.get, kept_key(request.run, request.log))
    return not isinstance(log, Outcome) and log_is_plain(log)


def _stands(node: Node, request: Request) -> None:
    """Returns when the request's project, if it has one, is open.

    Raises:
        Forbidden: ``project-closed``.
    """
    if request.project:
        with reading(node.index) as connection:
            need_open(connection, request.project, request.registry, node.clock.stamp())


def _approved(request: Request) -> None:
    if request.state in {"draft", "submitted", "in-review"}:
        raise NotYet("release-pending")
    if request.state != "approved":
        raise Refused("release-denied", state=request.state)


def _tell(node: Node, connection: Connection, request: Request, actor: str, facts: dict[str, Json]) -> None:
    facts = facts | {"registry": request.registry}
    node.ledger.append(f"release-{request.state}", request.id, actor=actor, facts=facts, connection=connection)


def _plain(item: Item) -> Json:
    return {"digest": item.digest, "size_bytes": item.size_bytes}
