"""Walking a chain of events: what every verifier does, whether the events come out of an index or out of a file."""

from __future__ import annotations

from collections.abc import Iterable

from kaname.errors import Refused
from kaname.ledger.model import Event, Head, event_digest


class Chain:
    """Takes events in their order and stops at the first that does not hold."""

    def __init__(self, known: Iterable[Head] = ()) -> None:
        """Begins with the empty head.

        Args:
            known: Heads that somebody else has kept: each must be met on the way. Without them, events cut off at the
                end cannot be missed.
        """
        self.head = Head()
        self._known: dict[int, set[str]] = {}
        for head in known:
            if head.sequence:
                self._known.setdefault(head.sequence, set()).add(head.digest)

    def take(self, event: Event | None) -> None:
        """The next event; ``None`` for what stands in its place and is none.

        Raises:
            Refused: ``ledger-broken`` with the ``sequence`` of the event that does not hold.
        """
        if event is None or not self._fits(event) or self._known.pop(event.sequence, {event.digest}) != {event.digest}:
            raise Refused("ledger-broken", sequence=self.head.sequence + 1)
        self.head = Head(event.sequence, event.digest)

    def end(self) -> Head:
        """The head, when nothing comes any more.

        Raises:
            Refused: ``ledger-broken`` with the ``sequence`` of the first known head that was not met.
        """
        if self._known:
            raise Refused("ledger-broken", sequence=min(self._known))
        return self.head

    def _fits(self, event: Event) -> bool:
        linked = event.sequence == self.head.sequence + 1 and event.previous == self.head.digest
        return linked and _digest(event) == event.digest


def _digest(event: Event) -> str:
    """The digest that the event ought to have; empty when it has none."""
    try:
        return event_digest(event)
    except (ValueError, TypeError, RecursionError):  # whatever somebody wrote there instead
        return ""
