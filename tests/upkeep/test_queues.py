"""What the worker has in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from kaname.node import Node
from kaname.settings import Role
from kaname.testing.busy import busy_hub
from kaname.upkeep import worker
from kaname.upkeep.queues import queues
from kaname.web.pages import words
from kaname.work import Work


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub with something in every room."""
    folder = tmp_path_factory.mktemp("hub")
    node = busy_hub(folder / "home", folder)
    yield node
    node.index.dispose()


class Listed:
    """Takes flows as the worker's list does, and keeps what was asked for."""

    def __init__(self) -> None:
        self.flows: dict[str, Callable[[], tuple[str, ...]]] = {}

    def flow(self, name: str, _run: Any, waiting: Callable[[], tuple[str, ...]], *, lanes: int = 1) -> None:
        """One flow."""
        assert lanes
        self.flows[name] = waiting


@pytest.mark.parametrize("role", ["hub", "cloud", "clinic"])
def test_every_flow_of_the_worker_is_counted_by_its_own_question(hub: Node, role: Role) -> None:
    """The page shows the flows that the worker has, with the numbers that it sees."""
    node, listed = replace(hub, settings=replace(hub.settings, role=role)), Listed()
    worker._society(cast("Work", listed), node)
    counted = {name: len(waiting()) for name, waiting in listed.flows.items()}
    assert {queue.flow: queue.waiting for queue in queues(node)} == counted
    assert {f"flow-{name}" for name in counted} <= words().keys()


def test_what_waits_is_counted(hub: Node, tmp_path: Path) -> None:
    """A parcel before the shelf, and at the cloud a run and a release."""
    at_hub = {queue.flow: queue.waiting for queue in queues(hub)}
    cloud = replace(hub, settings=replace(hub.settings, role="cloud", home=tmp_path))
    assert at_hub["shelve"] == 1
    assert {queue.flow: queue.waiting for queue in queues(cloud)}["run"] == 1
