"""Sign-ins and sessions."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kaname.access.accounts import enter
from kaname.access.model import Grant
from kaname.access.remembered import changing
from kaname.access.sessions import (
    Place,
    Session,
    check_session,
    end_session,
    make_signin,
    open_session,
    revoke_grants,
)
from kaname.access.training import missing, record
from kaname.clock import Clock
from kaname.database import connect, migrate
from kaname.errors import Forbidden

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
READER = Grant.of_person("reader", ("j-mid",), ("reader", "doctor"))
UID = "1.2.840.99"


def clock(minutes: float = 0) -> Clock:
    """A clock that stands still, so many minutes later."""
    return Clock(now=lambda: NOW + timedelta(minutes=minutes))


@pytest.fixture
def index(tmp_path: Path) -> Engine:
    """An index with the tables of access."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    return engine


def signed_in(index: Engine, place: Place = "console", about: str = "") -> Session:
    """A fresh session."""
    signin = make_signin(index, READER, place=place, clock=clock(), about=about)
    return open_session(index, signin, place=place, clock=clock())


def test_a_sign_in_opens_a_session_with_its_grant(index: Engine) -> None:
    """Who signs in has the duties and registries that the sign-in was made for."""
    session = signed_in(index)
    assert session.grant == replace(READER, channel="console")
    assert check_session(index, session.secret, place="console", clock=clock()) == session


def test_a_sign_in_works_once(index: Engine) -> None:
    """Whoever shows it second gets nothing."""
    signin = make_signin(index, READER, place="console", clock=clock())
    open_session(index, signin, place="console", clock=clock())
    with pytest.raises(Forbidden, match="signin-invalid"):
        open_session(index, signin, place="console", clock=clock())


def test_of_many_who_show_it_at_once_one_gets_in(index: Engine) -> None:
    """Eight threads race for one sign-in."""
    signin = make_signin(index, READER, place="console", clock=clock())
    start, opened = threading.Barrier(8), []

    def race() -> None:
        start.wait()
        try:
            opened.append(open_session(index, signin, place="console", clock=clock()))
        except Forbidden:
            return

    racers = [threading.Thread(target=race) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len(opened) == 1


@pytest.mark.parametrize("minutes", [15, 16, 1e6])
def test_a_sign_in_expires(index: Engine, minutes: float) -> None:
    """After a quarter of an hour it opens nothing."""
    signin = make_signin(index, READER, place="console", clock=clock())
    with pytest.raises(Forbidden, match="signin-invalid"):
        open_session(index, signin, place="console", clock=clock(minutes))


def test_a_session_expires(index: Engine) -> None:
    """It lasts a working day, however much it is used."""
    session = signed_in(index)
    assert (
        check_session(index, session.secret, place="console", clock=clock(8 * 60 - 1)).expires_at == session.expires_at
    )
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session.secret, place="console", clock=clock(8 * 60))


def test_a_session_that_was_signed_out_is_over(index: Engine) -> None:
    """The cookie that is still in a browser opens nothing; ending it twice is harmless."""
    session, other = signed_in(index), signed_in(index)
    end_session(index, session.secret)
    end_session(index, session.secret)
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session.secret, place="console", clock=clock())
    assert check_session(index, other.secret, place="console", clock=clock()) == other


def test_each_place_has_its_own(index: Engine) -> None:
    """The viewer's tickets and cookies open nothing at the console, and the other way round."""
    ticket = make_signin(index, READER, place="viewer", clock=clock(), about=UID)
    with pytest.raises(Forbidden, match="signin-invalid"):
        open_session(index, ticket, place="console", clock=clock())
    session = open_session(index, ticket, place="viewer", clock=clock())
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session.secret, place="console", clock=clock())


def test_a_ticket_says_what_it_is_for_and_cannot_be_made_to_say_other(index: Engine) -> None:
    """The session carries the study of its ticket; with another one in its place the secret is unknown."""
    session = signed_in(index, "viewer", UID)
    assert session.about == UID
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session.secret.replace(UID, "1.2.3"), place="viewer", clock=clock())


def test_the_index_learns_no_secret_and_no_study(index: Engine, tmp_path: Path) -> None:
    """Neither stands in any file of the index, before or after."""
    signin = make_signin(index, READER, place="viewer", clock=clock(), about=UID)
    session = open_session(index, signin, place="viewer", clock=clock())
    for file in tmp_path.iterdir():
        for text in (signin.partition("~")[0], session.secret.partition("~")[0], UID):
            assert text.encode() not in file.read_bytes()
    assert session.secret not in repr(session)


@pytest.mark.parametrize("secret", ["", "guess", "髙橋", "' OR 1=1 --", "~1.2"])
def test_what_was_never_made_opens_nothing(index: Engine, secret: str) -> None:
    """A guess is told apart from nothing by nobody."""
    signed_in(index)
    with pytest.raises(Forbidden, match="signin-invalid"):
        open_session(index, secret, place="console", clock=clock())
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, secret, place="console", clock=clock())


def test_forms_carry_a_token_of_their_session(index: Engine) -> None:
    """The token of one session does not pass in another, and is not the secret."""
    one, other = signed_in(index), signed_in(index)
    assert one.sent_from_its_own_form(one.form_token)
    assert not one.sent_from_its_own_form(other.form_token)
    assert not one.sent_from_its_own_form("")
    assert not one.sent_from_its_own_form("髙")
    assert one.form_token != one.secret


def test_what_has_expired_is_swept(index: Engine) -> None:
    """A new sign-in takes the rows of old ones out."""
    signed_in(index)
    make_signin(index, READER, place="console", clock=clock())
    make_signin(index, READER, place="console", clock=clock(24 * 60))
    with index.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM access_session").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM access_signin").scalar() == 1


def test_signing_out_closes_what_is_open_in_the_viewer(index: Engine) -> None:
    """And what was about to be: whoever comes next to that browser sees nothing as who went. Others keep theirs."""
    console, viewer = signed_in(index), signed_in(index, "viewer", UID)
    ticket = make_signin(index, READER, place="viewer", clock=clock(), about=UID)
    another = make_signin(index, replace(READER, name="another"), place="viewer", clock=clock(), about=UID)
    end_session(index, console.secret)
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, viewer.secret, place="viewer", clock=clock())
    with pytest.raises(Forbidden, match="signin-invalid"):
        open_session(index, ticket, place="viewer", clock=clock())
    assert open_session(index, another, place="viewer", clock=clock()).about == UID


def test_leaving_the_viewer_leaves_the_console_open(index: Engine) -> None:
    """A session of one study takes nothing else with it."""
    console, viewer = signed_in(index), signed_in(index, "viewer", UID)
    end_session(index, viewer.secret)
    assert check_session(index, console.secret, place="console", clock=clock()) == console


def test_who_gets_a_name_anew_was_trained_in_nothing(index: Engine) -> None:
    """What was proved of the one before went with them."""
    for expected in ((), ("ethics",)):
        with changing(index) as connection:
            enter(connection, "reader", READER.parts, clock())
            assert missing(connection, "reader", ("ethics",), clock().stamp()) == ("ethics",), expected
            record(connection, "reader", "ethics", "a" * 64, "", clock().stamp())
        revoke_grants(index, "reader")
