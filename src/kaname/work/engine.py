"""DBOS behind the door: the list in its database, and the engine that works it off. Imported when first needed."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from zlib import crc32

from dbos import DBOS, DBOSClient, WorkflowStatus
from sqlalchemy import URL

from kaname.ledger import Json
from kaname.work.again import Again
from kaname.work.model import Flow, Outcome
from kaname.work.run import execute
from kaname.work.serializer import JsonSerializer

APPLICATION = "kaname"
QUEUE = "work"
VERSION = "1"
"""Work under way is taken up by this version alone: to be changed when a flow's steps change their order."""
POLL_SECONDS = 0.1
PAGE = 500
"""Ids asked for in one query."""

# DBOS took hold of standard error when it was imported, to print what quotes values; ours are the outcomes
logging.getLogger("dbos").handlers = [logging.NullHandler()]


class WorkList:
    """The list itself: any process may put work on it and ask for outcomes."""

    def __init__(self, url: URL) -> None:
        _prepare(url)
        self.address = url.render_as_string(hide_password=False)
        self._client = DBOSClient(
            system_database_url=self.address, serializer=JsonSerializer(), application_name=APPLICATION
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.destroy()

    def open_queue(self) -> None:
        """Makes the one queue; its partitions are the lanes of the flows, each with one piece of work at a time.

        One, because each queue is a thread that asks the database ten times a second, whether there is work or not.
        """
        self._client.register_queue(QUEUE, partition_worker_concurrency=1, polling_interval_sec=POLL_SECONDS)

    def put(self, flow: str, id: str, payload: Json, lanes: int) -> None:  # noqa: A002 -- the word for what is ours
        """Puts one piece of work on the list, in one of the flow's lanes, unless it is or was there."""
        name = _workflow_id(flow, id)
        self._client.enqueue(
            {
                "workflow_name": flow,
                "queue_name": QUEUE,
                "queue_partition_key": f"{flow}/{crc32(id.encode()) % lanes}",
                "workflow_id": name,
                "app_version": VERSION,
            },
            payload,
        )

    def outcomes(self, flow: str, ids: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
        """Id and outcome of each that has ended."""
        ours = {_workflow_id(flow, id): id for id in ids}  # noqa: A001
        names = list(ours)
        for start in range(0, len(names), PAGE):
            for status in self._client.list_workflows(workflow_ids=names[start : start + PAGE], load_input=False):
                outcome = _outcome(status)
                if outcome is not None:
                    yield ours[status.workflow_id], outcome


@dataclass(frozen=True, slots=True)
class Worker:
    """The engine that works the list off in this process. One at a time."""

    again: Again

    def stop(self, grace_seconds: float) -> None:
        """Stops between two steps, or after ``grace_seconds`` within one."""
        self.again.stop(grace_seconds)
        DBOS.destroy(destroy_registry=True)


def start_worker(todo: WorkList, name: str, flows: Mapping[str, Flow], *, retry_seconds: float) -> Worker:
    """Takes up what ``name`` left behind, then what is on the list. The queues of all flows are open."""
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": todo.address,
            "executor_id": name,
            "application_version": VERSION,
            "serializer": JsonSerializer(),
            "log_level": "CRITICAL",  # nothing is even put together for the log that nobody reads
            "notification_listener_polling_interval_sec": POLL_SECONDS,
        }
    )
    again = Again(_resume, lambda: _pending(name), first_pause_seconds=retry_seconds)
    for flow_name, run in flows.items():
        _register(flow_name, run, again)
    DBOS.launch()
    again.start()
    return Worker(again)


def _prepare(url: URL) -> None:
    """Brings the list's tables up to date. SQLite: write-ahead log, so that asking never waits for working."""
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database), timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode = WAL").close()
    DBOS.migrate(url.render_as_string(hide_password=False))


def _register(name: str, run: Flow, again: Again) -> None:
    def workflow(payload: Json) -> Json:
        return execute(run, again, payload)

    DBOS.workflow(name=name, max_recovery_attempts=None)(workflow)


def _resume(workflow_id: str) -> None:
    DBOS.resume_workflow(workflow_id, queue_name=QUEUE)


def _pending(name: str) -> Iterable[str]:
    left = DBOS.list_workflows(status="PENDING", executor_id=name, load_input=False, load_output=False)
    return [status.workflow_id for status in left]


def _outcome(status: WorkflowStatus) -> Outcome | None:
    if status.status == "SUCCESS":
        return Outcome.from_json(status.output)
    if status.status in ("PENDING", "ENQUEUED", "DELAYED"):
        return None
    return Outcome("failed", reason="bug", facts={"type": status.status})


def _workflow_id(flow: str, id: str) -> str:  # noqa: A002
    return f"{flow}:{id}"
