"""The policy of each route, declared beside it; a route without one fails a house test.

Who asks is known by then: the router read the token or the cookie first. What the policies permit them is worked out
once for each request, and the route sees no more than that: :func:`permitted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request

from kaname.access.model import Duty, Grant, need_any


@dataclass(frozen=True, slots=True)
class Permit:
    """What a route asks of who calls it."""

    duties: tuple[Duty, ...] = ()
    """Any of these, in any registry; none where no duty is asked for."""
    open_because: str = ""
    """Why anybody may call it, or anybody with a session."""

    async def __call__(self, request: Request) -> None:
        """Lets the request on to its route, or not.

        Raises:
            Forbidden: ``duty-missing``, ``second-factor-missing``, ``proof-old``.
        """
        if not self.duties:
            return
        grant: Grant = request.state.grant
        need_any(grant, self.duties)
        request.state.duties = self.duties
        request.state.permitted = grant.registries_for(*self.duties)


def may(duty: Duty, *more: Duty) -> Any:  # noqa: ANN401 -- what FastAPI calls a dependency
    """For ``dependencies`` of a route: whoever has one of these duties in any registry."""
    return Depends(Permit((duty, *more)))


def anybody(because: str) -> Any:  # noqa: ANN401
    """For ``dependencies`` of a route that asks for no duty.

    Args:
        because: Why that is right; stands in the list of routes.
    """
    return Depends(Permit(open_because=because))


def permitted(request: Request) -> tuple[str, ...]:
    """Registries in which the route's duties are permitted to who calls it; all others do not exist for them."""
    registries: tuple[str, ...] = request.state.permitted
    return registries


def permits_of(dependencies: Sequence[Any]) -> list[Permit]:
    """The policies among what a route depends on."""
    return [one.dependency for one in dependencies if isinstance(one.dependency, Permit)]
