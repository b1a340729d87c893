"""Engines and transactions. Reading sees one snapshot; writing holds the write lock from its first line.

On SQLite a transaction that reads first and writes later can fail half-way because somebody else wrote in between;
``BEGIN IMMEDIATE`` makes it wait at the door instead (up to 30 s), so a flow never sees that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from kaname.errors import NotYet

BUSY_SECONDS = 30
"""How long a SQLite transaction waits for the lock of another one."""
POSTGRES_FULL = "53100"
"""SQLSTATE ``disk_full``."""
WRITES = "kaname_writes"


def connect(url: str) -> Engine:
    """An engine for ``sqlite:///…`` or ``postgresql://…``. Nothing is opened before the first transaction.

    SQLite: write-ahead log, every commit on the disk before it returns, foreign keys enforced.
    """
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        return create_engine(address.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """A transaction that sees one snapshot and cannot write.

    Raises:
        NotYet: ``index-busy`` when the database cannot be reached or stays locked.
    """
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if _is_postgres(engine) else {}
    with _told(), engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """A transaction that may write: committed on leaving, rolled back when anything is raised.

    Raises:
        NotYet: ``storage-full`` on a full disk; ``index-busy`` when the database cannot be reached or stays locked.
            Nothing was written then.
    """
    with _told(), engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield connection


def scrub(engine: Engine) -> None:
    """Makes what was deleted leave the files too: on SQLite the write-ahead log still has every page as it was.

    PostgreSQL keeps dead rows until it vacuums and its log until it is recycled: that is for its own settings.

    Raises:
        NotYet: ``index-busy`` when a reader still needs the log.
    """
    if _is_postgres(engine):
        return
    raw = engine.raw_connection()  # a checkpoint runs outside of transactions
    try:
        busy, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        raw.close()
    if busy:
        raise NotYet("index-busy")


def _is_postgres(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    # Deleted rows are overwritten: what was withdrawn does not linger in free pages.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {0 if writes else 1}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _told() -> Generator[None]:
    """Says what a database error means for the caller."""
    try:
        yield
    except OperationalError as error:
        raise _meaning(error) from error


def _meaning(error: DBAPIError) -> Exception:
    code = getattr(error.orig, "sqlite_errorcode", None)
    state = getattr(error.orig, "sqlstate", None)
    if code == sqlite3.SQLITE_FULL or state == POSTGRES_FULL:
        return NotYet("storage-full")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN):
        return NotYet("index-busy")
    if code is None and (state is None or state[:2] in ("08", "57", "40", "53")):
        return NotYet("index-busy")
    return error
