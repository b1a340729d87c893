"""Options that every command shares."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from kaname.errors import NotYet
from kaname.ledger.canonical import Json
from kaname.settings import home_from_environment

F = Callable[..., Any]


def home_option(function: F) -> F:
    """``--home DIR``, by default ``KANAME_HOME``."""
    return click.option("--home", type=click.Path(path_type=Path), help="The node's home (or KANAME_HOME).")(function)


def json_option(function: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def home_of(home: Path | None) -> Path:
    """The home that was named.

    Raises:
        NotYet: ``home-missing``.
    """
    place = home or home_from_environment()
    if place is None:
        raise NotYet("home-missing")
    return place


def line_of(text: str) -> str:
    """A line that stands in no list of processes and no history when ``-`` was given: then it is read here."""
    return sys.stdin.readline().strip() if text == "-" else text


def show(value: Json, *, as_json: bool) -> None:
    """Prints a result: as JSON, or one ``name  value`` a line and one line a row."""
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False, indent=1))
    elif isinstance(value, dict):
        for name, part in value.items():
            click.echo(f"{name:20} {_flat(part)}")
    elif isinstance(value, list):
        for row in value:
            click.echo(_flat(row))
    else:
        click.echo(str(value))


def _flat(value: Json) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name}={_flat(part)}" for name, part in value.items())
    if isinstance(value, list):
        return " ".join(_flat(part) for part in value)
    return "" if value is None else str(value)


def registries(names: Sequence[str]) -> tuple[str, ...]:
    """Checked registry ids.

    Raises:
        Refused: ``unknown-registry``.
    """
    from kaname.registries import load

    return tuple(load(name).id for name in names)
