"""An index with the tables of people, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kaname.database import connect, migrate
from kaname.testing.postgres import find_programs, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL that this test run has to itself."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    with postgres_server(programs) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty index of people, on either database."""
    with ExitStack() as opened:
        url = f"sqlite:///{tmp_path / 'people.sqlite'}"
        if request.param == "postgres":
            url = request.getfixturevalue("postgres")
        engine = connect(url)
        opened.callback(engine.dispose)
        if request.param == "postgres":
            with engine.begin() as connection:
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
        migrate(engine, ["ground"])
        yield engine
