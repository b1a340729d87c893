"""Transactions and migrations, on SQLite and on PostgreSQL."""

from __future__ import annotations

import importlib
import multiprocessing
import sqlite3
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

import kaname
from kaname.database import connect, migrate, reading, scrub, writing
from kaname.database import engine as engine_module
from kaname.database.migration import newest, version_table
from kaname.database.schema import GROUND, HISTORIES
from kaname.errors import NotYet
from kaname.testing.postgres import find_programs, postgres_server


@pytest.fixture(scope="module")
def postgres() -> Generator[str]:
    """The URL of a PostgreSQL server."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    with postgres_server(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'index.sqlite'}"
        return
    server = request.getfixturevalue("postgres")
    name = f"t{abs(hash(tmp_path))}"
    admin = connect(server).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.replace("/postgres?", f"/{name}?")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def index(url: str) -> Generator[Engine]:
    """An engine on an empty database of each kind."""
    engine = connect(url)
    yield engine
    engine.dispose()


def make_table(engine: Engine) -> None:
    """A table ``t`` of numbers."""
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))


def count(engine: Engine) -> int:
    """How many numbers it has."""
    with reading(engine) as connection:
        return connection.execute(text("SELECT count(*) FROM t")).scalar_one()


def test_commits(index: Engine) -> None:
    """What was written stands after the transaction."""
    make_table(index)
    with writing(index) as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    assert count(index) == 1


def test_rolls_back(index: Engine) -> None:
    """When anything is raised inside, nothing was written; tables made inside are gone too."""
    make_table(index)

    def fail() -> None:
        with writing(index) as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
            connection.execute(text("CREATE TABLE u (n INTEGER)"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert count(index) == 0
    assert inspect(index).get_table_names() == ["t"]


def test_reading_cannot_write(index: Engine) -> None:
    """Who said they would only read cannot write by mistake; the connection can write again afterwards."""
    make_table(index)
    with pytest.raises(DBAPIError), reading(index) as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    with writing(index) as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    assert count(index) == 1


def test_one_snapshot(index: Engine) -> None:
    """A reader sees the same from its first question on, whatever is written meanwhile."""
    make_table(index)
    with reading(index) as reader:
        assert reader.execute(text("SELECT count(*) FROM t")).scalar_one() == 0
        with writing(index) as writer:
            writer.execute(text("INSERT INTO t VALUES (1)"))
        assert reader.execute(text("SELECT count(*) FROM t")).scalar_one() == 0
    assert count(index) == 1


def test_sqlite_is_durable(tmp_path: Path) -> None:
    """SQLite runs with a write-ahead log, full synchronisation and foreign keys."""
    with reading(connect(f"sqlite:///{tmp_path / 'i.sqlite'}")) as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert values == ["wal", 2, 1, 30000]


def test_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that stays locked is a reason to try again."""
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0)
    engine = connect(f"sqlite:///{tmp_path / 'i.sqlite'}")
    make_table(engine)
    with sqlite3.connect(tmp_path / "i.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotYet, match="index-busy"), writing(engine):
            pass


def test_full(tmp_path: Path) -> None:
    """A full disk is a reason to try again, and nothing of the transaction stands."""
    engine = connect(f"sqlite:///{tmp_path / 'i.sqlite'}")
    make_table(engine)

    def fill() -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 3")
            connection.execute(text("CREATE TABLE u AS SELECT hex(zeroblob(100000)) AS x"))

    with pytest.raises(NotYet, match="storage-full"):
        fill()
    assert inspect(engine).get_table_names() == ["t"]


def test_unreachable(tmp_path: Path) -> None:
    """A database that cannot be reached is a reason to try again, on both kinds."""
    for url in (f"sqlite:///{tmp_path / 'no' / 'i.sqlite'}", f"postgresql://nobody@/none?host={tmp_path}"):
        with pytest.raises(NotYet, match="index-busy"), reading(connect(url)):
            pass


def test_our_mistakes_stay_what_they_are(index: Engine) -> None:
    """A statement that is wrong is a bug, and no reason to try again."""
    with pytest.raises(DBAPIError), reading(index) as connection:
        connection.execute(text("SELECT * FROM nothing"))


def rooms() -> None:
    """Imports every room's tables."""
    for file in sorted(Path(kaname.__file__).parent.glob("*/index.py")):
        importlib.import_module(f"kaname.{file.parent.name}.index")


@pytest.mark.parametrize("history", HISTORIES)
def test_migrated_schema_is_the_declared_one(index: Engine, history: str) -> None:
    """After all migrations the tables are exactly those that the rooms declare."""
    rooms()
    migrate(index, ["ground", history])
    metadata: list[MetaData] = [GROUND] if history == "ground" else [GROUND, HISTORIES[history]]
    versions = {version_table(name) for name in HISTORIES}
    with reading(index) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _parents: kind != "table" or name not in versions,
            },
        )
        found = compare_metadata(context, metadata)
    steps = [step for steps in found for step in (steps if isinstance(steps, list) else [steps])]
    assert [step for step in steps if not step[0].endswith("_comment")] == []  # prose, which SQLite does not keep


def test_migrating_twice(index: Engine) -> None:
    """Migrating what is migrated changes nothing and takes no lock."""
    migrate(index, ["ground"])
    with writing(index):
        migrate(index, ["ground"])


@pytest.mark.parametrize("history", HISTORIES)
def test_steps_in_a_row(history: str) -> None:
    """Steps are named by their number and follow each other: the last file is where a history ends."""
    folder = Path(kaname.__file__).parent / "database" / "migrations" / history / "versions"
    names = sorted(file.stem for file in folder.glob("[0-9]*.py"))
    steps = [importlib.import_module(f"kaname.database.migrations.{history}.versions.{name}") for name in names]
    assert [step.revision for step in steps] == names
    assert [step.down_revision for step in steps] == [None, *names[:-1]]
    assert newest(history) == names[-1]


def test_newer_database(index: Engine) -> None:
    """A database that a newer version has written is left as it is."""
    migrate(index, ["ground"])
    with writing(index) as connection:
        connection.execute(text("UPDATE schema_ground SET version_num = '9999_future'"))
    with pytest.raises(NotYet, match="schema-newer"):
        migrate(index, ["ground"])


def _migrate(url: str) -> None:
    migrate(connect(url), ["ground"])


def test_migrating_at_once(url: str) -> None:
    """Several processes that start at the same time migrate an empty database once."""
    with ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
        list(pool.map(_migrate, [url] * 4))
    assert "ledger" in inspect(connect(url)).get_table_names()


def test_meaning_of_other_errors() -> None:
    """An operational error that says neither full nor busy stays itself."""
    error = OperationalError("statement", None, sqlite3.OperationalError("no such table"))
    error.orig.sqlite_errorcode = sqlite3.SQLITE_ERROR
    assert engine_module._meaning(error) is error


def test_what_was_deleted_leaves_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted value stays in the write-ahead log until it is scrubbed, which a reader in between can only delay."""
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0.05)
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (v TEXT)"))
        connection.execute(text("INSERT INTO t VALUES ('unforgettable')"))
    with reading(engine) as reader:
        reader.execute(text("SELECT v FROM t")).all()
        with writing(engine) as connection:
            connection.execute(text("DELETE FROM t"))
        with pytest.raises(NotYet, match="index-busy"):
            scrub(engine)
    assert holding(tmp_path)
    scrub(engine)
    assert not holding(tmp_path)
    engine.dispose()


def holding(folder: Path) -> list[Path]:
    """Files in which the deleted value still stands."""
    return [file for file in folder.iterdir() if b"unforgettable" in file.read_bytes()]


def test_scrubbing_is_fine_on_every_database(url: str) -> None:
    """Where there is nothing to do it changes nothing."""
    engine = connect(url)
    scrub(engine)
    engine.dispose()
