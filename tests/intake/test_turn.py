"""One at a time for one subject."""

from __future__ import annotations

import threading
from pathlib import Path

from kaname.intake.turn import turn
from kaname.testing.deliveries import REGISTRY, make_hub


def test_a_subject_has_one_turn(tmp_path: Path) -> None:
    """A second thread waits until the first one has ended its turn."""
    hub = make_hub(tmp_path / "hub")
    order: list[str] = []
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with turn(hub, REGISTRY, "A"):
            order.append("second")

    with turn(hub, REGISTRY, "A"):
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    hub.index.dispose()
