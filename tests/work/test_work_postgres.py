"""The same list on PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from sqlalchemy import make_url

from kaname.errors import NotYet
from kaname.testing.postgres import find_programs, postgres_server
from kaname.work import Outcome, Work
from kaname.work.lock import sole_worker


@pytest.fixture(scope="module")
def url() -> Generator[str]:
    """The URL of a PostgreSQL server."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    with postgres_server(programs) as url:
        yield url


def test_works(url: str) -> None:
    """Work is put on the list, done, and asked for; tried again when it is not yet possible."""
    tries: list[int] = []

    def double(number: int) -> int:
        tries.append(number)
        if len(tries) == 1:
            raise NotYet("receiver-busy")
        return 2 * number

    work = Work(url, "node", retry_seconds=0.02)
    work.flow("flow", lambda do, n: do(double, n))
    work.enqueue("flow", "id", 21)
    work.start()
    try:
        assert work.wait("flow", ["id"], timeout_seconds=20) == {"id": Outcome("done", 42)}
    finally:
        work.stop()


def test_one_worker_per_node(url: str) -> None:
    """A node's work is done by one process; another node's may be done beside it."""
    address = make_url(url).set(drivername="postgresql+psycopg")
    with (
        sole_worker(address, "one"),
        sole_worker(address, "two"),
        pytest.raises(NotYet, match="work-elsewhere"),
        sole_worker(address, "one"),
    ):
        pass
    with sole_worker(address, "one"):
        pass
