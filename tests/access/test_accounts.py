"""People with a password."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Engine, select

from kaname.access import accounts as module
from kaname.access.accounts import accounts, add_account, random_password, set_password, sign_in
from kaname.access.index import ACCOUNT, ATTEMPT
from kaname.access.model import Part
from kaname.access.sessions import check_session, revoke_grants
from kaname.clock import Clock
from kaname.database import connect, migrate, reading
from kaname.errors import Forbidden, Refused

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
READER = (Part("doctor", "j-mid"), Part("reader", "j-mid"))
PASSWORD = "かなめ の とびら 2026"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of a test cost little; one test looks at the real parameters."""
    monkeypatch.setattr(module, "MEMORY_KIB", 64)
    monkeypatch.setattr(module, "PASSES", 1)
    module._hasher.cache_clear()
    module._nobody.cache_clear()


def clock(minutes: float = 0) -> Clock:
    """A clock that stands still, so many minutes later."""
    return Clock(now=lambda: NOW + timedelta(minutes=minutes))


@pytest.fixture
def index(tmp_path: Path) -> Engine:
    """An index with one account."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    add_account(engine, "reader", READER, PASSWORD, clock())
    return engine


def test_the_right_password_opens_a_session(index: Engine) -> None:
    """With the duties and registries of the account."""
    session = sign_in(index, "reader", PASSWORD, clock())
    assert check_session(index, session.secret, place="console", clock=clock()).grant.parts == READER


def test_a_password_may_be_typed_in_full_width(index: Engine) -> None:
    """A Japanese keyboard gives other characters for the same letters."""
    assert sign_in(index, " reader ", "かなめ　の　とびら　２０２６", clock()).grant.parts == READER


def test_nothing_of_a_password_is_kept_but_its_hash(index: Engine) -> None:
    """Argon2id; two people of one password have two hashes."""
    add_account(index, "other", (Part("doctor", "j-mid"),), PASSWORD, clock())
    with reading(index) as connection:
        kept = connection.scalars(select(ACCOUNT.c.password)).all()
    assert len(set(kept)) == 2
    assert all(one.startswith("$argon2id$") and PASSWORD not in one for one in kept)


def test_the_parameters_are_those_of_the_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9106 section 4, second recommended option: three passes, 64 MiB, four lanes."""
    monkeypatch.undo()
    module._hasher.cache_clear()
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in module._hashed("x", PASSWORD)
    module._hasher.cache_clear()


@pytest.mark.parametrize(("name", "password"), [("reader", "wrong"), ("nobody", PASSWORD), ("", ""), ("reader", "")])
def test_wrong_and_unknown_are_one_answer(index: Engine, name: str, password: str) -> None:
    """Nobody learns who has an account."""
    with pytest.raises(Forbidden, match="password-wrong"):
        sign_in(index, name, password, clock())


def test_an_unknown_name_costs_as_much_as_a_wrong_password(index: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are verified against a hash, once."""
    verified: list[str] = []

    def count(kept: str, _password: str) -> bool:
        verified.append(kept)
        return False

    monkeypatch.setattr(module, "_verified", count)
    for name in ("reader", "nobody"):
        with pytest.raises(Forbidden, match="password-wrong"):
            sign_in(index, name, "wrong", clock())
    assert len(verified) == 2


@pytest.mark.parametrize("name", ["reader", "nobody"])
def test_five_wrong_ones_lock_a_name_for_a_while(index: Engine, name: str) -> None:
    """Then not even the right one is looked at; names that nobody has are locked in the same way."""
    for _ in range(5):
        with pytest.raises(Forbidden, match="password-wrong"):
            sign_in(index, name, "wrong", clock())
    with pytest.raises(Forbidden, match="signin-locked"):
        sign_in(index, name, PASSWORD, clock(14))
    assert accounts(index, clock(14))[0].locked == (name == "reader")
    assert not accounts(index, clock(16))[0].locked
    if name == "reader":
        assert sign_in(index, name, PASSWORD, clock(16)).grant.parts == READER


def test_the_right_password_forgives_wrong_ones(index: Engine) -> None:
    """Who mistypes four times and then not starts anew."""
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(Forbidden, match="password-wrong"):
                sign_in(index, "reader", "wrong", clock())
        sign_in(index, "reader", PASSWORD, clock())


def test_many_at_once_get_no_more_tries(index: Engine) -> None:
    """Each try is counted before its password is looked at."""
    answers: list[str] = []

    def attempt() -> None:
        try:
            sign_in(index, "reader", "wrong", clock())
        except Forbidden as refused:
            answers.append(refused.code)

    threads = [Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["password-wrong"] * 5 + ["signin-locked"] * 3


def test_a_typed_name_is_not_kept(index: Engine) -> None:
    """People type passwords into the field of the name: a digest of it is kept, and for a quarter of an hour only."""
    with pytest.raises(Forbidden):
        sign_in(index, PASSWORD, "x", clock())
    with reading(index) as connection:
        assert PASSWORD not in f"{connection.execute(select(ATTEMPT)).all()}"
    with pytest.raises(Forbidden):
        sign_in(index, "other", "x", clock(16))
    with reading(index) as connection:
        assert len(connection.execute(select(ATTEMPT)).all()) == 1


def test_a_new_password_ends_sessions_and_locks(index: Engine) -> None:
    """The old one opens nothing any more."""
    session = sign_in(index, "reader", PASSWORD, clock())
    for _ in range(5):
        with pytest.raises(Forbidden):
            sign_in(index, "reader", "wrong", clock())
    set_password(index, "reader", "another pass phrase", clock())
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session.secret, place="console", clock=clock())
    with pytest.raises(Forbidden, match="password-wrong"):
        sign_in(index, "reader", PASSWORD, clock())
    assert sign_in(index, "reader", "another pass phrase", clock()).grant.parts == READER


def test_who_is_revoked_has_no_password_any_more(index: Engine) -> None:
    """Together with tokens and sessions."""
    session = sign_in(index, "reader", PASSWORD, clock())
    assert revoke_grants(index, "reader") == 2
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session.secret, place="console", clock=clock())
    with pytest.raises(Forbidden, match="password-wrong"):
        sign_in(index, "reader", PASSWORD, clock())
    with pytest.raises(Refused, match="not-found"):
        set_password(index, "reader", PASSWORD, clock())


def test_who_is_revoked_while_the_password_is_looked_at_gets_no_session(
    index: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is looked at again when the session is made."""

    def revoke(_kept: str, _password: str) -> bool:
        revoke_grants(index, "reader")
        return True

    monkeypatch.setattr(module, "_verified", revoke)
    with pytest.raises(Forbidden, match="password-wrong"):
        sign_in(index, "reader", PASSWORD, clock())


@pytest.mark.parametrize("password", ["short", "x" * 129, "aaaaaaaaaaaaaa", "long-enough-name"])
def test_a_weak_password_is_refused(index: Engine, password: str) -> None:
    """Short, endless, one letter, or the name itself."""
    with pytest.raises(Refused, match="password-weak"):
        add_account(index, "Long-Enough-Name", (Part("doctor", "j-mid"),), password, clock())


@pytest.mark.parametrize("name", ["", " x", "x" * 65, "a\nb"])
def test_a_name_that_cannot_be_shown_is_refused(index: Engine, name: str) -> None:
    """Names stand in the ledger and on pages."""
    with pytest.raises(Refused, match="account-name"):
        add_account(index, name, (Part("doctor", "j-mid"),), PASSWORD, clock())


def test_a_name_is_given_once(index: Engine) -> None:
    """Adding somebody again changes neither password nor duties."""
    with pytest.raises(Refused, match="account-exists"):
        add_account(index, "reader", (Part("reader", "basic"),), "another pass phrase", clock())
    assert accounts(index, clock())[0].parts == READER


def test_made_up_passwords_are_long_and_never_the_same() -> None:
    """A hundred bits, in letters that cannot be mistaken."""
    made = {random_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) == 24 and not set(one) & set("l1o0") for one in made)
