"""Looks in the rooms for what waits there: one room leaves an outcome, the flow of the next one takes it from the list.

What waits is asked for again and again, so nothing has to be told at the moment when it happens, and a process that
was killed finds the same when it comes back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from kaname.errors import NotYet
from kaname.work.model import shielded

LOOK_SECONDS = 0.25
Waiting = Callable[[], Sequence[str]]
"""Ids of what waits for a flow now, cheaply: it is asked several times a second."""


class Lookout:
    """A thread that asks each flow's room what waits, and puts what is new on the list."""

    def __init__(self, rooms: Mapping[str, Waiting], put: Callable[[str, str], None]) -> None:
        """Nothing is asked yet.

        Args:
            rooms: What waits for each flow, by the flow's name.
            put: Puts ``(flow, id)`` on the list; the same again is harmless.
        """
        self._rooms = rooms
        self._put = put
        self._given: dict[str, set[str]] = {flow: set() for flow in rooms}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kaname-lookout", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends behind the look under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Asks every room once. One that cannot answer now, or whose answer cannot be put down, is asked again."""
        for flow in self._rooms:
            with suppress(NotYet):  # a busy index, a full disk: the next look finds the same
                shielded(self._look_into, flow)

    def _look_into(self, flow: str) -> None:
        found, given = self._rooms[flow](), self._given[flow]
        for id in found:  # noqa: A001 -- the word for what is ours
            if id not in given:
                self._put(flow, id)
                given.add(id)
        given &= set(found)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self.look()
