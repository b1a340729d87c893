"""Passkeys, with an authenticator made of software; the real ceremony is in tests/browser."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from kaname.access.accounts import add_account
from kaname.access.challenges import Asked, ask, take
from kaname.access.factors import MOST, factors
from kaname.access.index import CHALLENGE
from kaname.access.model import Part
from kaname.access.passkeys import Site, add_passkey, check_passkey, question, registration, site_of
from kaname.access.sealing import Sealer
from kaname.clock import Clock
from kaname.database import connect, migrate, reading
from kaname.errors import Forbidden, Refused
from kaname.settings import Settings
from kaname.testing.authenticator import PRESENT, Authenticator, text

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SEAL = Sealer(bytes(32))
SITE = Site("https://hub.example", "society")
ENROL, PROVE, SIGNIN = Asked("enrol", "reader", "s"), Asked("prove", "reader", "s"), Asked("signin")
Change = Callable[[Authenticator], object]


def clock(minutes: float = 0) -> Clock:
    """A clock that stands still, so many minutes later."""
    return Clock(now=lambda: NOW + timedelta(minutes=minutes))


@pytest.fixture
def index(tmp_path: Path) -> Engine:
    """An index with two people."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    for name in ("reader", "other"):
        add_account(engine, name, (Part("reader", "j-mid"),), None, clock())
    return engine


@pytest.fixture
def key(index: Engine) -> Authenticator:
    """A passkey of the reader."""
    return made(index, Authenticator(SITE.origin, SITE.host))


def made(index: Engine, authenticator: Authenticator, asked: Asked = ENROL) -> Authenticator:
    """The same, once it is set up."""
    options = registration(index, SEAL, SITE, asked, clock())
    add_passkey(index, SITE, asked, authenticator.make(options), "stick", clock())
    return authenticator


def check(index: Engine, answer: str, asked: Asked = PROVE, minutes: float = 0) -> str:
    """Whose passkey has answered."""
    return check_passkey(index, SEAL, SITE, asked, answer, clock(minutes))


def test_a_passkey_answers_for_its_owner(index: Engine, key: Authenticator) -> None:
    """As a second factor, and where nobody has said yet who they are."""
    assert check(index, key.answer(question(index, SITE, PROVE, clock()))) == "reader"
    assert check(index, key.answer(question(index, SITE, SIGNIN, clock())), SIGNIN) == "reader"
    (own,) = factors(index, "reader")
    assert (own.kind, own.label, own.used_at) == ("passkey", "stick", clock().stamp())


def test_what_a_browser_is_told(index: Engine, key: Authenticator) -> None:
    """Its owner is verified, a key that it can find itself is preferred, no maker is asked for, none is made twice."""
    told = registration(index, SEAL, SITE, ENROL, clock())
    assert told["rp"] == {"id": "hub.example", "name": "society"}
    assert told["attestation"] == "none"
    assert told["authenticatorSelection"]["userVerification"] == "required"
    assert told["authenticatorSelection"]["residentKey"] == "preferred"
    assert [one["id"] for one in told["excludeCredentials"]] == [text(key.id)]
    assert "reader" not in base64.urlsafe_b64decode(told["user"]["id"] + "==").decode("latin-1")
    assert question(index, SITE, SIGNIN, clock())["allowCredentials"] == []
    assert [one["id"] for one in question(index, SITE, PROVE, clock())["allowCredentials"]] == [text(key.id)]


def test_a_question_is_answered_once(index: Engine, key: Authenticator) -> None:
    """Whoever listened and sends the same again gets nothing."""
    answer = key.answer(question(index, SITE, PROVE, clock()))
    check(index, answer)
    with pytest.raises(Forbidden, match="answer-late"):
        check(index, answer)


def test_a_question_is_answered_within_five_minutes(index: Engine, key: Authenticator) -> None:
    """Later it is no more there."""
    answer = key.answer(question(index, SITE, PROVE, clock()))
    with pytest.raises(Forbidden, match="answer-late"):
        check(index, answer, minutes=5)
    question(index, SITE, PROVE, clock(6))
    with reading(index) as connection:
        assert len(connection.execute(select(CHALLENGE)).all()) == 1


@pytest.mark.parametrize(
    "asked",
    [
        replace(PROVE, session="t"),
        replace(PROVE, name="other"),
        SIGNIN,
        ENROL,
    ],
)
def test_a_question_is_for_one_session_and_one_purpose(index: Engine, key: Authenticator, asked: Asked) -> None:
    """An answer to another one counts for nothing, and cannot be tried twice."""
    answer = key.answer(question(index, SITE, PROVE, clock()))
    for expected in (asked, PROVE):
        with pytest.raises(Forbidden, match="answer-late"):
            check(index, answer, expected)


@pytest.mark.parametrize(
    "change",
    [
        lambda key: setattr(key, "origin", "https://hub.example.evil"),
        lambda key: setattr(key, "origin", "http://hub.example"),
        lambda key: setattr(key, "host", "example"),
        lambda key: setattr(key, "flags", PRESENT),
        lambda key: setattr(key, "flags", 0),
        lambda key: setattr(key, "handle", text(b"somebody else")),
        lambda key: setattr(key, "key", Authenticator("", "").key),
        lambda key: setattr(key, "id", b"unknown"),
    ],
    ids=["origin", "scheme", "host", "unverified", "absent", "handle", "signature", "unknown"],
)
def test_an_answer_from_elsewhere_is_refused(index: Engine, key: Authenticator, change: Change) -> None:
    """A forged page, an owner who was not verified, another's key."""
    change(key)
    with pytest.raises(Forbidden, match="passkey-refused"):
        check(index, key.answer(question(index, SITE, PROVE, clock())))


@pytest.mark.parametrize(
    "change",
    [
        lambda key: setattr(key, "origin", "https://evil.example"),
        lambda key: setattr(key, "host", "evil.example"),
        lambda key: setattr(key, "flags", PRESENT),
    ],
)
def test_a_passkey_made_elsewhere_is_not_kept(index: Engine, change: Change) -> None:
    """Nor one that verifies nobody."""
    key = Authenticator(SITE.origin, SITE.host)
    change(key)
    with pytest.raises(Forbidden, match="passkey-refused"):
        made(index, key)
    assert factors(index, "reader") == ()


def test_anothers_passkey_is_no_second_factor(index: Engine, key: Authenticator) -> None:
    """Whoever knows a password cannot use a key of their own with it."""
    asked = replace(PROVE, name="other")
    with pytest.raises(Forbidden, match="passkey-refused"):
        check(index, key.answer(question(index, SITE, asked, clock())), asked)


def test_a_copy_is_told_by_its_count(index: Engine, key: Authenticator) -> None:
    """A key that has counted no further than before is refused, and the count that is kept stays."""
    check(index, key.answer(question(index, SITE, PROVE, clock())))
    check(index, key.answer(question(index, SITE, PROVE, clock())))
    for count in (0, 1):
        key.count = count
        with pytest.raises(Forbidden, match="passkey-copied"):
            check(index, key.answer(question(index, SITE, PROVE, clock())))
    check(index, key.answer(question(index, SITE, PROVE, clock())))


def test_only_a_signed_count_tells_a_copy(index: Engine, key: Authenticator) -> None:
    """Nobody makes a key look copied without having it."""
    check(index, key.answer(question(index, SITE, PROVE, clock())))
    forger = replace(key, key=Authenticator("", "").key, count=-1)
    forger.count = 0
    with pytest.raises(Forbidden, match="passkey-refused"):
        check(index, forger.answer(question(index, SITE, PROVE, clock())))


def test_a_passkey_is_one_persons(index: Engine, key: Authenticator) -> None:
    """Nobody sets up what another has, and nobody has more than ten."""
    with pytest.raises(Refused, match="factor-known"):
        made(index, replace(key), replace(ENROL, name="other"))
    for _ in range(MOST - 1):
        made(index, Authenticator(SITE.origin, SITE.host))
    with pytest.raises(Refused, match="factors-many"):
        made(index, Authenticator(SITE.origin, SITE.host))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("", "localhost"),
        ("https://hub.example", "hub.example"),
        ("https://hub.example:8443", "hub.example"),
        ("https://192.0.2.7", None),
    ],
)
def test_where_passkeys_count(tmp_path: Path, origin: str, host: str | None) -> None:
    """As the settings say; browsers take no number for a name."""
    site = site_of(Settings(tmp_path, "hub", "society", public_origin=origin))
    assert (site and site.host) == host
    assert site is None or site.origin == (origin or "http://localhost:8470")


def test_what_was_kept_with_a_question_comes_back(index: Engine) -> None:
    """Once."""
    handle = ask(index, PROVE, clock(), {"a": 1})
    assert take(index, handle, PROVE, clock()) == {"a": 1}
    with pytest.raises(Forbidden, match="answer-late"):
        take(index, handle, PROVE, clock())


BROKEN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=40).map(text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30) | BROKEN.map(json.dumps))
def test_no_answer_breaks_the_check(index: Engine, answer: str) -> None:
    """Whatever is sent instead of an answer is refused."""
    for act in (check, lambda index, answer: add_passkey(index, SITE, ENROL, answer, "stick", clock())):
        with pytest.raises(Forbidden, match=r"passkey-refused|answer-late"):
            act(index, answer)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature", "userHandle"]), st.integers(0, 500), BROKEN)
def test_no_changed_answer_counts(index: Engine, key: Authenticator, part: str, at: int, instead: object) -> None:
    """A bit of any part turned, or anything else in its place."""
    answer = key.answer(question(index, SITE, PROVE, clock()))
    with pytest.raises(Forbidden, match=r"passkey-refused|answer-late"):
        check(index, bent(answer, part, at, None))
    if instead or part != "userHandle":  # not every browser sends one
        answer = key.answer(question(index, SITE, PROVE, clock()))
        with pytest.raises(Forbidden, match=r"passkey-refused|answer-late"):
            check(index, bent(answer, part, at, instead))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["clientDataJSON", "attestationObject"]), st.integers(0, 500), BROKEN)
def test_no_changed_passkey_breaks_the_check(index: Engine, part: str, at: int, instead: object) -> None:
    """It is refused, or it is kept as one that its owner will never be able to use."""
    for other in (None, instead):
        told = registration(index, SEAL, SITE, ENROL, clock())
        answer = Authenticator(SITE.origin, SITE.host).make(told)
        with suppress(Forbidden, Refused):
            add_passkey(index, SITE, ENROL, bent(answer, part, at, other), "stick", clock())


def bent(answer: str, part: str, at: int, instead: object) -> str:
    """An answer with one part changed: one bit of it, or all."""
    sent = json.loads(answer)
    if instead is None:
        whole = bytearray(base64.urlsafe_b64decode(sent["response"][part] + "=="))
        whole[at % len(whole)] ^= 1
        instead = text(bytes(whole))
    sent["response"][part] = instead
    return json.dumps(sent)
