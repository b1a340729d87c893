"""Brings back work that was put off: at its time, or because it was found lying about.

A flow that must wait is not kept in a thread: its execution ends without an outcome, and it is queued again later,
where it replays its finished steps from the database. So waiting blocks nobody, and a waiting process can stop at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

PAUSE_MAX_SECONDS = 300.0
SWEEP_SECONDS = 30.0
"""How often work is looked for that has neither an outcome, nor a thread, nor a time: its outcome could not be written
down, because the disk was full for instance."""


class Again:
    """A thread that queues flows again: ``resume`` queues one, ``pending`` lists those believed to run here."""

    def __init__(
        self,
        resume: Callable[[str], None],
        pending: Callable[[], Iterable[str]],
        *,
        first_pause_seconds: float,
    ) -> None:
        self._resume = resume
        self._pending = pending
        self._first_pause = first_pause_seconds
        self._changed = threading.Condition()
        self._stopping = False
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._running: dict[str, int] = {}
        self._idle: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="kaname-work-again", daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether no new step may begin."""
        return self._stopping

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self, grace_seconds: float) -> None:
        """Lets no new step begin and waits for those that run, at most ``grace_seconds``."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running, grace_seconds)
        self._thread.join()

    @contextmanager
    def running(self, flow_id: str) -> Generator[None]:
        """While a thread executes this flow."""
        with self._changed:
            self._running[flow_id] = self._running.get(flow_id, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._running[flow_id] -= 1
                if not self._running[flow_id]:
                    del self._running[flow_id]
                self._changed.notify_all()

    def put_off(self, flow_id: str) -> None:
        """Queues a flow again after a pause: each twice as long as the one before, up to 300 s."""
        with self._changed:
            pause = self._pauses.get(flow_id, self._first_pause)
            self._pauses[flow_id] = min(pause * 2, PAUSE_MAX_SECONDS)
            self._due[flow_id] = time.monotonic() + pause
            self._changed.notify_all()

    def went_on(self, flow_id: str) -> None:
        """A step succeeded: the next pause is a short one again."""
        with self._changed:
            self._pauses.pop(flow_id, None)

    def _run(self) -> None:
        sweep_at = time.monotonic() + SWEEP_SECONDS
        while True:
            with self._changed:
                wake_at = min([sweep_at, *self._due.values()])
                self._changed.wait_for(lambda: self._stopping, max(0.0, min(wake_at - time.monotonic(), 0.2)))
                if self._stopping:
                    return
                now = time.monotonic()
                ready = [flow_id for flow_id, at in self._due.items() if at <= now]
                for flow_id in ready:
                    del self._due[flow_id]
            for flow_id in ready:
                self._queue(flow_id)
            if now >= sweep_at:
                self._sweep()
                sweep_at = time.monotonic() + SWEEP_SECONDS

    def _queue(self, flow_id: str) -> None:
        with suppress(SQLAlchemyError):  # the database cannot be written now either: a later sweep finds it
            self._resume(flow_id)

    def _sweep(self) -> None:
        try:
            pending = set(self._pending())
        except SQLAlchemyError:
            return
        with self._changed:
            idle = pending - self._running.keys() - self._due.keys()
        for flow_id in idle & self._idle:  # seen idle twice: not just between two threads
            self._queue(flow_id)
        self._idle = idle
