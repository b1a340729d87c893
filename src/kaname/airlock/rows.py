"""Rows of requests: each moves only as :data:`kaname.airlock.model.MOVES` says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from kaname.airlock.index import REQUESTS
from kaname.airlock.model import MOVES, Finding, Item, Request, State
from kaname.compute.index import RUNS
from kaname.errors import Refused
from kaname.ledger import canonical


def add(connection: Connection, request: Request) -> bool:
    """Writes a draft down; whether it is new."""
    if connection.execute(select(REQUESTS.c.id).where(REQUESTS.c.id == request.id)).first():
        return False
    connection.execute(
        insert(REQUESTS).values(
            id=request.id,
            run=request.run,
            kind=request.kind,
            registry=request.registry,
            requester=request.requester,
            state=request.state,
            items=canonical([asdict(item) for item in request.items]).decode(),
            log=request.log,
            made_at=request.made_at,
        )
    )
    return True


def of_id(connection: Connection, request_id: str) -> Request:
    """One request; its row stays locked until the transaction ends, so that two reviews never meet.

    Raises:
        Refused: ``not-found``.
    """
    mine = _asked().where(REQUESTS.c.id == request_id).with_for_update(of=REQUESTS)
    return _one(connection.execute(mine).one_or_none())


def seen(connection: Connection, request_id: str) -> Request:
    """One request, in a transaction that only reads.

    Raises:
        Refused: ``not-found``.
    """
    return _one(connection.execute(_asked().where(REQUESTS.c.id == request_id)).one_or_none())


def of_run(connection: Connection, run_id: str) -> Request:
    """The request that a run led to.

    Raises:
        Refused: ``not-found``.
    """
    return _one(connection.execute(_asked().where(REQUESTS.c.run == run_id)).one_or_none())


def sought(connection: Connection, run_id: str) -> Request | None:
    """The request that a run led to, if it did; its row stays locked until the transaction ends."""
    mine = _asked().where(REQUESTS.c.run == run_id).with_for_update(of=REQUESTS)
    row = connection.execute(mine).one_or_none()
    return None if row is None else _request(row)


def of_registries(
    connection: Connection,
    registries: Iterable[str],
    state: State | None,
    limit: int,
    projects: Iterable[str] | None = None,
) -> tuple[Request, ...]:
    """Requests of these registries, of one state if given, the newest first, as :func:`.flow.requests`."""
    mine = REQUESTS.c.registry.in_(list(registries))
    if projects is not None:
        mine = (mine & (RUNS.c.project == "")) | RUNS.c.project.in_(list(projects))
    query = _asked().where(mine)
    if state is not None:
        query = query.where(REQUESTS.c.state == state)
    rows = connection.execute(query.order_by(REQUESTS.c.made_at.desc(), REQUESTS.c.id).limit(limit))
    return tuple(_request(row) for row in rows)


def move(connection: Connection, request: Request, state: State, **values: str) -> None:
    """Moves a request on.

    Raises:
        Refused: ``request-state`` when it cannot go there from where it is.
    """
    if state not in MOVES[request.state]:
        raise Refused("request-state", state=request.state)
    connection.execute(update(REQUESTS).where(REQUESTS.c.id == request.id).values(state=state, **values))


def due_ids(connection: Connection) -> tuple[str, ...]:
    """Approved models that the next room has not taken yet, in the order of their approval."""
    query = select(REQUESTS.c.id).where(REQUESTS.c.handed == "due").order_by(REQUESTS.c.decided_at, REQUESTS.c.id)
    return tuple(connection.scalars(query))


def hand_on(connection: Connection, request_id: str) -> None:
    """The next room has taken the request."""
    connection.execute(update(REQUESTS).where(REQUESTS.c.id == request_id).values(handed="done"))


def _asked() -> Select[*tuple[Any, ...]]:
    """Requests, each with the project of its run."""
    return select(REQUESTS, RUNS.c.project).join(RUNS, RUNS.c.id == REQUESTS.c.run)


def _one(row: Row[*tuple[Any, ...]] | None) -> Request:
    if row is None:
        raise Refused("not-found")
    return _request(row)


def _request(row: Row[*tuple[Any, ...]]) -> Request:
    return Request(
        id=row.id,
        run=row.run,
        kind=row.kind,
        registry=row.registry,
        project=row.project,
        requester=row.requester,
        state=row.state,
        items=tuple(Item(**one) for one in json.loads(row.items)),
        log=row.log,
        findings=tuple(Finding(**one) for one in json.loads(row.findings)),
        checker=row.checker,
        reason=row.reason,
        made_at=row.made_at,
        decided_at=row.decided_at,
    )
