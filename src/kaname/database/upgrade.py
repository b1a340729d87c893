"""Alembic, imported only when there is a step to take."""

from __future__ import annotations

from collections.abc import Mapping

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from kaname.errors import NotYet

SCRIPTS = "kaname.database:migrations"
MIGRATION_LOCK = 0x6B616E616D65
"""Key of the PostgreSQL advisory lock that lets one process migrate at a time (SQLite has the write lock)."""


def upgrade(connection: Connection, histories: Mapping[str, str]) -> None:
    """Takes every missing step of the histories, each with the table that holds where it stands.

    Raises:
        NotYet: ``schema-newer``.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    for history, version_table in histories.items():
        config = Config()
        config.set_main_option("script_location", SCRIPTS)
        config.set_main_option("version_locations", f"{SCRIPTS}/{history}/versions")
        config.set_main_option("path_separator", "newline")
        config.attributes["connection"] = connection
        config.attributes["version_table"] = version_table
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise NotYet("schema-newer", history=history) from error
