"""The list of one node, and the process that works it off."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from kaname.ledger import Json
from kaname.work.lock import sole_worker
from kaname.work.lookout import Lookout, Waiting
from kaname.work.model import Flow, Outcome

if TYPE_CHECKING:
    from kaname.work.engine import WorkList

GRACE_SECONDS = 60.0
"""How long :meth:`Work.stop` waits for the steps that run; one that is cut off is done again at the next start."""
WAIT_POLL_SECONDS = 0.05
_one_per_process = threading.Lock()


class Work:
    """The durable to-do list of one node.

    Any process may put work on it and ask for outcomes; one process at a time, the one that called :meth:`start`,
    works it off. Flows of one name run in the order they came, one at a time in each of the name's lanes.
    """

    def __init__(self, database: str, name: str, *, retry_seconds: float = 1.0) -> None:
        """Names the list; nothing is opened yet.

        Args:
            database: ``sqlite:////absolute/path`` or ``postgresql://…``; made when absent.
            name: Name of this node: who comes back under it takes up the work it left behind.
            retry_seconds: First pause before a step that answered ``NotYet`` is tried again; doubles up to 300 s.
        """
        url = make_url(database)
        self._url = url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url
        self._name = name
        self._retry_seconds = retry_seconds
        self._lanes: dict[str, int] = {}
        self._flows: dict[str, Flow] = {}
        self._rooms: dict[str, Waiting] = {}
        self._started = ExitStack()

    def flow(self, name: str, run: Flow, waiting: Waiting | None = None, *, lanes: int = 1) -> None:
        """Makes a flow known. Before :meth:`start`.

        Args:
            name: Without a colon.
            run: The flow.
            waiting: Asked again and again which ids wait for it: those are put on the list, each as its own payload.
            lanes: How many run side by side; an id always takes the same lane.
        """
        self._lanes[name] = lanes
        self._flows[name] = run
        if waiting is not None:
            self._rooms[name] = waiting

    def start(self) -> None:
        """Begins to work, first of all on what a killed process left behind, then on what waits in the rooms.

        Raises:
            NotYet: ``work-elsewhere`` when another process does this node's work.
            RuntimeError: when another list is being worked off in this process: DBOS allows one (a bug).
        """
        from kaname.work.engine import start_worker

        if not _one_per_process.acquire(blocking=False):
            msg = "one list of work per process"
            raise RuntimeError(msg)
        with ExitStack() as held:
            held.callback(_one_per_process.release)
            held.enter_context(sole_worker(self._url, self._name))
            self._list.open_queue()
            worker = start_worker(self._list, self._name, self._flows, retry_seconds=self._retry_seconds)
            held.callback(worker.stop, GRACE_SECONDS)
            lookout = Lookout(self._rooms, lambda flow, one: self.enqueue(flow, one, one))
            lookout.look()
            lookout.start()
            held.callback(lookout.stop)
            self._started = held.pop_all()

    def stop(self) -> None:
        """Stops between two steps; what is under way goes on at the next start. Closes the list; harmless twice."""
        self._started.close()
        if "_list" in self.__dict__:
            self._list.close()
            del self._list

    def enqueue(self, flow: str, id: str, payload: Json) -> None:  # noqa: A002 -- the word for what is ours
        """Puts one piece of work on the list; the same flow and id again changes nothing, whatever became of it.

        Args:
            flow: Name of the flow.
            id: A digest or id of ours; no identity.
            payload: JSON; ids and digests.

        Raises:
            TypeError, ValueError: when ``payload`` is no JSON (a bug).
        """
        self._list.put(flow, id, payload, self._lanes.get(flow, 1))

    def outcome(self, flow: str, id: str) -> Outcome | None:  # noqa: A002
        """How a piece of work ended; ``None`` while it is under way or unknown."""
        return dict(self._list.outcomes(flow, [id])).get(id)

    def wait(self, flow: str, ids: Sequence[str], *, timeout_seconds: float) -> dict[str, Outcome]:
        """Outcomes of those of ``ids`` that have ended: after all have, or when the time is up."""
        deadline = time.monotonic() + timeout_seconds
        found: dict[str, Outcome] = {}
        while True:
            found |= self._list.outcomes(flow, [id for id in ids if id not in found])  # noqa: A001
            left = deadline - time.monotonic()
            if left <= 0 or len(found) == len(set(ids)):
                return found
            time.sleep(min(WAIT_POLL_SECONDS, left))

    @cached_property
    def _list(self) -> WorkList:
        from kaname.work.engine import WorkList

        return WorkList(self._url)
