"""Every route of every door says who may call it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.types import ASGIApp

from kaname.node import Node
from kaname.settings import Role, Settings
from kaname.testing.deliveries import make_hub
from kaname.upkeep.home import make_home
from kaname.web.app import make_app, make_peer_app, make_viewer_app
from kaname.web.declared import declared

DOORS: tuple[Callable[[Node], ASGIApp], ...] = (make_app, make_peer_app, make_viewer_app)
PLACES = [(role, door) for role in get_args(Role) for door in DOORS if not (role == "gateway" and door is not make_app)]


@pytest.mark.parametrize(("role", "door"), PLACES)
def test_every_route_declares_its_policy(tmp_path: Path, role: Role, door: Callable[[Node], ASGIApp]) -> None:
    """Exactly one: duties, or a reason why it asks for none."""
    node = make_home(Settings(tmp_path, role, "somewhere", registries=("j-mid",)))
    routes = declared(door(node))
    assert len(routes) > 3
    wrong = [f"{one.method} {one.path}" for one in routes if len(one.permits) != 1]
    assert not wrong, "\n".join(wrong)
    for one in routes:
        (permit,) = one.permits
        assert bool(permit.duties) != bool(permit.open_because), f"{one.method} {one.path}"
    node.index.dispose()


def test_a_route_without_a_policy_is_found(tmp_path: Path) -> None:
    """What the test above would say of one."""
    door = make_app(make_hub(tmp_path))
    app: Any = getattr(door, "app")  # noqa: B009 -- the guard around it is no part of what a door promises
    app.add_api_route("/forgotten", lambda: None, methods=["GET"])
    assert [one.path for one in declared(door) if not one.permits] == ["/forgotten"]
