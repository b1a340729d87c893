"""Access tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kaname.access.model import Grant
from kaname.access.tokens import check_token
from kaname.clock import Clock
from kaname.database import connect, migrate
from kaname.errors import Forbidden
from kaname.testing.tokens import make_token

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def clock(days: float = 0) -> Clock:
    """A clock that stands still, so many days later."""
    return Clock(now=lambda: NOW + timedelta(days=days))


@pytest.fixture
def index(tmp_path: Path) -> Engine:
    """An index with the tables of access."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    return engine


def test_grants(index: Engine) -> None:
    """A token grants its name and registries, until it expires."""
    secret = make_token(index, name="viewer", registries=["j-mid", "basic"], days=30, clock=clock())
    grant = Grant.of_program("viewer", ("j-mid", "basic"), ("browse", "pixels"))
    assert check_token(index, secret, registry="j-mid", clock=clock()) == grant
    assert check_token(index, secret, registry=None, clock=clock(29.99)) == replace(grant, fresh=False)
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(index, secret, registry="j-mid", clock=clock(30))


def test_other_registry(index: Engine) -> None:
    """A token opens no registry but its own."""
    secret = make_token(index, name="viewer", registries=["basic"], days=1, clock=clock())
    with pytest.raises(Forbidden, match="not-permitted"):
        check_token(index, secret, registry="j-mid", clock=clock())


@pytest.mark.parametrize("secret", ["kaname_guess", "x", "髙橋", "' OR 1=1 --"])
def test_unknown(index: Engine, secret: str) -> None:
    """A secret that was never made opens nothing."""
    make_token(index, name="viewer", registries=["basic"], days=1, clock=clock())
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(index, secret, registry=None, clock=clock())


@pytest.mark.parametrize("secret", ["", None])
def test_missing(index: Engine, secret: str | None) -> None:
    """Who sends no token is told that it is missing."""
    with pytest.raises(Forbidden, match="token-missing"):
        check_token(index, secret, registry=None, clock=clock())


def test_secret_is_not_kept(index: Engine, tmp_path: Path) -> None:
    """The secret stands nowhere in the index, and two secrets differ."""
    secrets = [make_token(index, name="viewer", registries=["basic"], days=1, clock=clock()) for _ in range(2)]
    assert secrets[0] != secrets[1]
    for file in tmp_path.iterdir():
        assert secrets[0].removeprefix("kaname_").encode() not in file.read_bytes()
