"""What a process remembers of who may do what, and when it forgets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from kaname.access import pairs, remembered
from kaname.access.accounts import add_account, set_parts
from kaname.access.model import Grant, Part
from kaname.access.sessions import Opening, begin_session, check_session, revoke_grants
from kaname.access.tokens import check_token, issue, revoke_token, tokens
from kaname.clock import Clock
from kaname.database import connect, migrate, writing
from kaname.errors import Forbidden, Refused
from kaname.testing.tokens import make_token

CLOCK = Clock(now=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
CURATOR, READER = Part("curator", "j-mid"), Part("reader", "j-mid")


@pytest.fixture
def index(tmp_path: Path) -> Engine:
    """An index with one account."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    add_account(engine, "ueda", (CURATOR, READER), None, CLOCK)
    return engine


@contextmanager
def counted(index: Engine) -> Iterator[list[str]]:
    """Statements that reach the database meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(index, "before_cursor_execute", note)
    yield seen
    event.remove(index, "before_cursor_execute", note)


def opened(index: Engine, owner: str = "ueda") -> str:
    """The secret of a session of that account."""
    with writing(index) as connection:
        opening = Opening(Grant(owner, (CURATOR, READER)), owner, ("address",))
        return begin_session(connection, opening, place="console", clock=CLOCK).secret


def test_a_second_look_asks_the_database_nothing(index: Engine) -> None:
    """Neither for a session nor for a token."""
    session, token = opened(index), make_token(index, name="viewer", registries=["j-mid"], days=1, clock=CLOCK)
    check_session(index, session, place="console", clock=CLOCK)
    check_token(index, token, registry=None, clock=CLOCK)
    with counted(index) as seen:
        for _ in range(100):
            assert check_session(index, session, place="console", clock=CLOCK).grant.parts == (CURATOR, READER)
            assert check_token(index, token, registry="j-mid", clock=CLOCK).name == "viewer"
    assert not [one for one in seen if "access_session" in one or "access_token" in one]
    assert len(seen) <= 2


def test_who_loses_a_part_loses_it_at_once(index: Engine) -> None:
    """In an open session and for their own token; a part that is new waits for the next sign-in."""
    session = opened(index)
    token = issue(index, Grant("ueda", (CURATOR, READER)), days=1, clock=CLOCK, owner="ueda")
    assert check_session(index, session, place="console", clock=CLOCK).grant.may("curate")
    assert check_token(index, token, registry=None, clock=CLOCK).may("curate")
    set_parts(index, "ueda", (READER, Part("checker", "j-mid")))
    for grant in (
        check_session(index, session, place="console", clock=CLOCK).grant,
        check_token(index, token, registry=None, clock=CLOCK),
    ):
        assert grant.parts == (READER,)


def test_who_leaves_is_out_at_once(index: Engine) -> None:
    """Session and token open nothing any more, remembered or not."""
    session = opened(index)
    token = issue(index, Grant("ueda", (READER,)), days=1, clock=CLOCK, owner="ueda")
    check_session(index, session, place="console", clock=CLOCK)
    check_token(index, token, registry=None, clock=CLOCK)
    revoke_grants(index, "ueda")
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session, place="console", clock=CLOCK)
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(index, token, registry=None, clock=CLOCK)


def test_a_token_taken_away_by_its_id_is_gone(index: Engine) -> None:
    """And nobody takes away one of somebody else."""
    secret = issue(index, Grant("ueda", (READER,)), days=1, clock=CLOCK, owner="ueda")
    check_token(index, secret, registry=None, clock=CLOCK)
    (token,) = tokens(index, "ueda")
    with pytest.raises(Exception, match="not-found"):
        revoke_token(index, token.id, "endo")
    revoke_token(index, token.id, "ueda")
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(index, secret, registry=None, clock=CLOCK)


def test_what_another_process_changed_counts_within_a_second(
    index: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process looks at one number; until then it goes by what it knew."""
    now = [0.0]
    monkeypatch.setattr(remembered, "monotonic", lambda: now[0])
    session = opened(index)
    check_session(index, session, place="console", clock=CLOCK)
    elsewhere = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    kept = dict(remembered._memories)
    remembered._memories.clear()  # the other process has memories of its own
    revoke_grants(elsewhere, "ueda")
    remembered._memories.update(kept)
    now[0] = remembered.LOOK_SECONDS - 0.01
    check_session(index, session, place="console", clock=CLOCK)
    now[0] = remembered.LOOK_SECONDS + 0.01
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session, place="console", clock=CLOCK)


def test_what_was_read_before_a_change_is_not_remembered_after_it(index: Engine) -> None:
    """However the two threads fall in with each other."""
    read, changed = threading.Event(), threading.Event()

    def slowly(_connection: Connection) -> str:
        read.set()
        assert changed.wait(5)
        return "old"

    late = threading.Thread(target=remembered.recall, args=(index, "key", str, slowly))
    late.start()
    assert read.wait(5)
    set_parts(index, "ueda", ())
    changed.set()
    late.join()
    assert remembered.recall(index, "key", str, lambda _: "new") == "new"


@pytest.mark.parametrize(
    ("origins", "address", "inside"),
    [
        ((), "", True),
        (("10.1.0.0/16",), "10.1.2.3", True),
        (("10.1.0.0/16",), "10.2.0.1", False),
        (("10.1.0.0/16",), "", False),
        (("10.1.0.0/16",), "::ffff:10.1.2.3", False),
        (("10.1.0.0/16", "fd00::/8"), "fd00::1", True),
        (("10.1.0.0/16",), "10.1.2.3, 10.1.2.4", False),
    ],
)
def test_a_token_may_be_bound_to_networks(
    index: Engine, origins: tuple[str, ...], address: str, *, inside: bool
) -> None:
    """From elsewhere, or from nobody knows where, it is no token."""
    secret = issue(index, Grant.of_program("x", ("j-mid",), ("browse",)), days=1, clock=CLOCK, origins=origins)
    if inside:
        assert check_token(index, secret, registry=None, clock=CLOCK, address=address).name == "x"
        return
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(index, secret, registry=None, clock=CLOCK, address=address)


@pytest.mark.parametrize("origin", ["10.1.0.1/16", "everywhere", "", "10.1.0.0/33"])
def test_what_is_no_network_binds_no_token(index: Engine, origin: str) -> None:
    """Nothing is made of it."""
    with pytest.raises(Exception, match="token-origin"):
        issue(index, Grant.of_program("x", ("j-mid",), ("browse",)), days=1, clock=CLOCK, origins=(origin,))
    assert tokens(index) == ()


def test_a_programs_viewer_goes_with_its_token(index: Engine) -> None:
    """What was opened by a token that is taken away is shut; a person's own goes by their account."""
    grant = Grant.of_program("pacs", ("j-mid",), ("browse", "pixels"))
    issue(index, grant, days=1, clock=CLOCK)
    with writing(index) as connection:
        shown = begin_session(connection, Opening(grant), place="viewer", clock=CLOCK, about="1.2").secret
    check_session(index, shown, place="viewer", clock=CLOCK)
    (token,) = tokens(index)
    revoke_token(index, token.id)
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, shown, place="viewer", clock=CLOCK)


def test_what_was_agreed_to_for_one_is_not_done_by_the_next_of_that_name(index: Engine) -> None:
    """Whoever leaves takes what they asked for along."""
    with writing(index) as connection:
        asked = pairs.ask(connection, "identity-lookup", "subject", "j-mid", "ueda", "偶発所見。", CLOCK)
        pairs.agree(connection, asked.id, Grant.of_person("endo", ("j-mid",), ("desk",)), CLOCK)
    revoke_grants(index, "ueda")
    with writing(index) as connection, pytest.raises(Refused):
        pairs.take(connection, asked.id, "ueda", "identity-lookup", CLOCK)
