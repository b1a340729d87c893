"""Brings a database to the newest schema, history by history."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from kaname.database.engine import reading, writing
from kaname.errors import NotYet

SCRIPTS = "kaname.database:migrations"
MIGRATION_LOCK = 0x6B616E616D65
"""Key of the PostgreSQL advisory lock that lets one process migrate at a time (SQLite has the write lock)."""


def migrate(engine: Engine, histories: Sequence[str]) -> None:
    """Applies every missing step of ``histories`` in one transaction; several processes may call it at once.

    Raises:
        NotYet: ``schema-newer`` when the database was written by a newer version of the software;
            what :func:`kaname.database.writing` raises.
    """
    with reading(engine) as connection:
        if all(_is_newest(connection, history) for history in histories):
            return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        for history in histories:
            _upgrade(connection, history)


def version_table(history: str) -> str:
    """Name of the table that holds where a history stands."""
    return f"schema_{history}"


def _is_newest(connection: Connection, history: str) -> bool:
    context = MigrationContext.configure(connection, opts={"version_table": version_table(history)})
    return set(context.get_current_heads()) == set(ScriptDirectory.from_config(_config(history)).get_heads())


def _upgrade(connection: Connection, history: str) -> None:
    config = _config(history)
    config.attributes["connection"] = connection
    config.attributes["version_table"] = version_table(history)
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise NotYet("schema-newer", history=history) from error


def _config(history: str) -> Config:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("version_locations", f"{SCRIPTS}/{history}/versions")
    config.set_main_option("path_separator", "newline")
    return config
