"""The routes of a door with the policy of each: for the reference page, and for tests that go through all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp

from kaname.web.guard import Guard
from kaname.web.permit import Permit


@dataclass(frozen=True, slots=True)
class Declared:
    """A route."""

    method: str
    path: str
    """With the names of its parameters in braces."""
    permits: tuple[Permit, ...]
    """Exactly one, or a house test fails."""


def declared(door: ASGIApp) -> tuple[Declared, ...]:
    """Every route of a door (:mod:`kaname.web.app`), by path and method."""
    assert isinstance(door, Guard)
    assert isinstance(door.app, FastAPI)
    found = [
        Declared(method, str(route.path), tuple(_permits(route.dependant)))
        for route in iter_route_contexts(door.app.routes)
        for method in sorted(route.methods or ())
    ]
    return tuple(sorted(found, key=lambda one: (one.path, one.method)))


def _permits(dependant: Dependant) -> Iterator[Permit]:
    for one in dependant.dependencies:
        if isinstance(one.call, Permit):
            yield one.call
        yield from _permits(one)
