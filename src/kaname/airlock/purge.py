"""What a withdrawal means for outputs: what learned from the subject and has not been released never will be."""

from __future__ import annotations

from sqlalchemy import Connection

from kaname.airlock import rows
from kaname.airlock.model import MOVES, Finding, Request
from kaname.compute import purge
from kaname.compute import rows as run_rows
from kaname.compute.model import Run
from kaname.compute.outputs import key_of
from kaname.compute.watch import TAKEN_AWAY
from kaname.database import writing
from kaname.ledger import Json, canonical
from kaname.node import Node


def forget(node: Node, registry: str, subject: str) -> int:
    """Blocks every undecided request of a run on the subject's data, and deletes what such runs left, log and outputs.

    What was released before stays: models that learned from the subject are named in the certificate. To be called
    when the subject's packs have left the store. Again, it changes nothing.

    Returns:
        How many runs it was about.

    Raises:
        NotYet: ``storage-unreachable``, ``index-busy``.
    """
    seen = purge.forget(node, registry, subject)
    for run in seen:
        with writing(node.index) as connection:
            request = rows.sought(connection, run.id)
            if request and "blocked" in MOVES[request.state]:
                _block(node, connection, request)
            run_rows.hand_on(connection, run.id)
        if request is None or request.state != "approved":
            _delete(node, run)
    return len(seen)


def _block(node: Node, connection: Connection, request: Request) -> None:
    found = (*request.findings, Finding("data", TAKEN_AWAY))
    findings = canonical([{"code": finding.code, "item": finding.item} for finding in found]).decode()
    rows.move(connection, request, "blocked", findings=findings)
    facts: dict[str, Json] = {"findings": [TAKEN_AWAY], "registry": request.registry, "run": request.run}
    node.ledger.append("release-blocked", request.id, actor=node.settings.name, facts=facts, connection=connection)


def _delete(node: Node, run: Run) -> None:
    for digest in filter(None, (*(output.digest for output in run.outputs), run.log)):
        node.store.delete(key_of(run.id, digest))
