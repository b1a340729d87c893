"""Brings a database to the newest schema, history by history."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, Engine, column, inspect, select, table

from kaname.database.engine import reading, writing


def migrate(engine: Engine, histories: Sequence[str]) -> None:
    """Applies every missing step of ``histories`` in one transaction; several processes may call it at once.

    Raises:
        NotYet: ``schema-newer`` when the database was written by a newer version of the software;
            what :func:`kaname.database.writing` raises.
    """
    with reading(engine) as connection:
        if all(_stands_at(connection, history) == newest(history) for history in histories):
            return
    from kaname.database.upgrade import upgrade  # Alembic: half a second that most starts do without

    with writing(engine) as connection:
        upgrade(connection, {history: version_table(history) for history in histories})


def version_table(history: str) -> str:
    """Name of the table that holds where a history stands."""
    return f"schema_{history}"


@cache
def newest(history: str) -> str:
    """The last step of a history: its files are named by their number and are their revision."""
    folder = files("kaname.database").joinpath("migrations", history, "versions")
    return max(file.name.removesuffix(".py") for file in folder.iterdir() if file.name[:1].isdecimal())


def _stands_at(connection: Connection, history: str) -> str:
    """The step that a history stands at; empty before the first."""
    name = version_table(history)
    if not inspect(connection).has_table(name):
        return ""
    return connection.execute(select(table(name, column("version_num")).c.version_num)).scalar_one_or_none() or ""
