"""Tokens of invented programs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from kaname.access.model import Duty, Grant
from kaname.access.tokens import issue
from kaname.clock import Clock


def make_token(
    index: Engine,
    *,
    name: str,
    registries: Sequence[str],
    days: int,
    clock: Clock,
    duties: Sequence[Duty] = ("browse", "pixels"),
) -> str:
    """Makes a program's token: ``duties`` in ``registries`` for ``days``; returns the secret, which is kept nowhere."""
    return issue(index, Grant.of_program(name, registries, duties), days=days, clock=clock)
