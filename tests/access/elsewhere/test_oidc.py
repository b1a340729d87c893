"""An identity provider that answers what it likes, and what gets in by that: nothing that it should not."""

from __future__ import annotations

import hmac
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from sqlalchemy import Engine, select

from kaname.access import organisations
from kaname.access import provider as fetching
from kaname.access.accounts import account, accounts, add_account
from kaname.access.idtoken import half_digest
from kaname.access.index import CHALLENGE
from kaname.access.model import Part
from kaname.access.oidc import SignInElsewhere
from kaname.access.remembered import changing
from kaname.access.sessions import check_session
from kaname.access.tokens import check_token, issue
from kaname.database import reading
from kaname.errors import Forbidden, NotYet

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
OTHER = RSAKey.generate_key(2048, {"kid": "second"})
BROUGHT = ECKey.generate_key("P-256", {"kid": "brought"})
READER = Part("reader", "j-mid")
Door = Any
"""The fixture of that name: see ``conftest.py``."""


def test_who_is_in_a_group_gets_its_parts(door: Door) -> None:
    """Under a name of the organisation, with an account that has no password."""
    session = door.come()
    assert (session.grant.name, session.grant.parts) == ("yamada@hospital-a", (READER,))
    assert session.factors == ("password",)
    one = account(door.index, "yamada@hospital-a", door.clock)
    assert (one.subject, one.organisation, one.password) == (f"{door.about.client.issuer} s-1", "hospital-a", False)
    assert {urlsplit(path).path for path in door.pretender.asked} == {
        "/.well-known/openid-configuration",
        "/token",
        "/jwks",
    }


@pytest.mark.parametrize("claims", [{"amr": ["pwd", "mfa"]}, {"acr": "urn:two"}])
def test_two_factors_count_where_the_settings_trust_the_word(door: Door, claims: dict[str, Any]) -> None:
    """As method or as class; the same person with another word is weak where two factors are demanded."""
    for session, weak in ((door.come(**claims), False), (door.come(amr=["pwd", "otp"], acr="0"), True)):
        shown = check_session(door.index, session.secret, place="console", clock=door.clock, demanded=("reader",))
        assert shown.grant.weak is weak


@pytest.mark.parametrize(
    ("part", "claims"),
    [
        ("issuer", {"iss": "https://evil.example"}),
        ("audience", {"aud": "other"}),
        ("audience", {"aud": None}),
        ("party", {"aud": ["kaname", "other"]}),
        ("party", {"azp": "other"}),
        ("expired", {"exp": int(NOW.timestamp()) - 61}),
        ("exp", {"exp": None}),
        ("exp", {"exp": True}),
        ("made", {"iat": int(NOW.timestamp()) - 700}),
        ("made", {"iat": int(NOW.timestamp()) + 120}),
        ("early", {"nbf": int(NOW.timestamp()) + 120}),
        ("nonce", {"nonce": "another"}),
        ("nonce", {"nonce": None}),
        ("proof", {"auth_time": int(NOW.timestamp()) - 3600}),
        ("auth_time", {"auth_time": None}),
        ("access", {"at_hash": "wrong"}),
        ("subject", {"sub": None}),
        ("subject", {"sub": "a\nb"}),
    ],
)
def test_a_token_that_says_something_else_opens_nothing(door: Door, part: str, claims: dict[str, Any]) -> None:
    """However well it is signed."""
    assert door.refused(**claims) == part


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("PS256", None),
        ("ES256", ECKey.generate_key("P-256", {"kid": "e"})),
        ("EdDSA", OKPKey.generate_key("Ed25519", {"kid": "o"})),
        ("Ed25519", OKPKey.generate_key("Ed25519", {"kid": "o"})),
    ],
)
def test_other_good_signatures_are_taken(door: Door, algorithm: str, key: Key | None) -> None:
    """With the digest of the access token that goes with each."""
    door.pretender.algorithm = algorithm
    if key is not None:
        door.pretender.keys, door.pretender.key = [door.pretender.key, key], key
    assert door.come(at_hash=half_digest("access", algorithm)).grant.parts == (READER,)


def test_nothing_unsigned_and_nothing_signed_with_what_is_public(door: Door) -> None:
    """``none``; HS256 with the public key or the client's secret; a key that the token itself brings."""
    public = door.pretender.key.as_pem(private=False)

    def none(claims: dict[str, Any]) -> str:
        _, body, _ = door.pretender.signed(claims).split(".")
        return f"eyJhbGciOiJub25lIn0.{body}."

    def symmetric(secret: bytes) -> Callable[[dict[str, Any]], str]:
        def token(claims: dict[str, Any]) -> str:
            _, body, _ = door.pretender.signed(claims).split(".")
            head = urlsafe_b64encode(b'{"alg":"HS256","kid":"first"}').decode().rstrip("=")
            seal = hmac.digest(secret, f"{head}.{body}".encode(), "sha256")
            return f"{head}.{body}.{urlsafe_b64encode(seal).decode().rstrip('=')}"

        return token

    def inside(claims: dict[str, Any]) -> str:
        header = {"alg": "ES256", "kid": "brought", "jwk": BROUGHT.as_dict(private=False)}
        return jwt.encode(header, claims, BROUGHT, algorithms=["ES256"])

    for token, part in ((none, "algorithm"), (symmetric(public), "algorithm"), (symmetric(b"s" * 32), "algorithm")):
        door.pretender.token = token
        assert door.refused() == part
    door.pretender.token = inside
    assert door.refused() == "key"
    door.pretender.token = lambda _claims: "a.b"
    assert door.refused() == "form"
    door.pretender.token = lambda claims: door.pretender.signed(claims)[:-8] + "AAAAAAAA"
    assert door.refused() == "signature"


def test_a_key_of_the_right_name_that_did_not_sign(door: Door) -> None:
    """The signature decides, not the name."""
    door.pretender.key = replace_kid(OTHER, "first")
    assert door.refused() == "signature"


def replace_kid(key: RSAKey, kid: str) -> RSAKey:
    """The same key under another name."""
    return RSAKey.import_key(dict(key.as_dict(private=True)) | {"kid": kid})


def test_a_short_key_is_none(door: Door) -> None:
    """1024 bits are within reach of others."""
    door.pretender.key = RSAKey.generate_key(1024, {"kid": "short"}, auto_kid=False)
    door.pretender.keys = [door.pretender.key]
    assert door.refused() == "key"


def test_keys_are_fetched_again_for_a_new_name_and_not_too_often(door: Door) -> None:
    """A provider that changes its key is followed; names of keys that nobody has make no traffic."""
    door.come()
    door.pretender.keys, door.pretender.key = [door.pretender.key, OTHER], OTHER
    with pytest.raises(Forbidden, match="elsewhere-refused"):
        door.come()
    door.minutes = 1.5
    assert door.come().grant.name == "yamada@hospital-a"
    before = door.pretender.asked.count("/jwks")
    door.pretender.header = {"kid": "nobody's"}
    for _ in range(5):
        with pytest.raises(Forbidden, match="elsewhere-refused"):
            door.come()
    assert door.pretender.asked.count("/jwks") == before


def test_an_answer_is_good_once_in_the_browser_that_asked_and_not_for_long(door: Door) -> None:
    """Another browser's state, the same one twice, ten minutes later, none at all."""
    (mine, answer), (theirs, _) = door.away(), door.away()
    for secret, query in ((theirs.secret, answer), ("", answer), (mine.secret, {"code": "c"}), ("", {})):
        with pytest.raises(Forbidden, match="elsewhere-refused"):
            door.signing.finish(secret, query)
    mine, answer = door.away()
    door.signing.finish(mine.secret, answer)
    with pytest.raises(Forbidden, match="elsewhere-refused") as caught:
        door.signing.finish(mine.secret, answer)
    assert caught.value.facts == {"part": "state"}
    late, answer = door.away()
    door.minutes = 10
    with pytest.raises(Forbidden, match="elsewhere-refused"):
        door.signing.finish(late.secret, answer)
    door.away()
    with reading(door.index) as connection:
        assert len(connection.execute(select(CHALLENGE.c.digest)).all()) == 1  # what nobody came back for went


def test_the_provider_learns_what_pkce_asks(door: Door) -> None:
    """The verifier goes to the token endpoint alone, and is the one whose digest went along with the browser."""
    begun, answer = door.away()
    assert "verifier" not in begun.address
    assert begun.secret not in repr(begun)
    assert begun.secret not in begun.address
    door.signing.finish(begun.secret, answer)
    (form,) = door.pretender.forms
    assert (form["grant_type"], form["redirect_uri"]) == (
        "authorization_code",
        "https://kaname.example.jp/elsewhere/back",
    )
    assert len(form["code_verifier"]) == 64
    assert "client_secret" not in form  # it goes as the client's password, form-encoded


def test_who_answers_must_be_who_was_asked(door: Door) -> None:
    """An answer that names another issuer, or none where the provider says that it names itself (RFC 9207)."""
    begun, answer = door.away()
    with pytest.raises(Forbidden, match="elsewhere-refused"):
        door.signing.finish(begun.secret, answer | {"iss": "https://evil.example"})
    door.pretender.document = {"authorization_response_iss_parameter_supported": True}
    door.minutes = 61
    assert door.refused() == "issuer"


@pytest.mark.parametrize("query", [{"error": "access_denied", "code": "c"}, {"code": ""}, {"code": "c" * 5000}])
def test_no_code_no_session(door: Door, query: dict[str, str]) -> None:
    """The person said no, or the answer is no answer; the provider is not asked."""
    begun, answer = door.away()
    with pytest.raises(Forbidden, match="elsewhere-refused"):
        door.signing.finish(begun.secret, answer | query)
    assert door.pretender.forms == []


@pytest.mark.parametrize(
    ("path", "answer", "code"),
    [
        ("/token", (400, b'{"error": "invalid_grant"}'), "elsewhere-refused"),
        ("/token", (401, b'{"error": "invalid_client"}'), "elsewhere-unreachable"),
        ("/token", (500, b""), "elsewhere-unreachable"),
        ("/token", (302, b""), "elsewhere-refused"),
        ("/token", (200, b"[]"), "elsewhere-unreachable"),
        ("/token", (200, b"{}"), "elsewhere-refused"),
        ("/token", (200, b" " * 10_000_000), "elsewhere-unreachable"),
        ("/jwks", (200, b'{"keys": 1}'), "elsewhere-unreachable"),
        ("/jwks", (200, b'{"keys": [1, {"kty": "RSA", "kid": "first"}]}'), "elsewhere-refused"),
        ("/jwks", (302, b""), "elsewhere-unreachable"),
        ("/jwks", (200, b"[" * 100_000), "elsewhere-unreachable"),
    ],
)
def test_a_provider_that_answers_something_else(door: Door, path: str, answer: tuple[int, bytes], code: str) -> None:
    """Wrong, broken, endless, elsewhere: said plainly, and nobody is in."""
    door.pretender.instead[path] = answer
    door.refused(code)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "https://evil.example/token"},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": 7},
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint_auth_methods_supported": "basic"},
    ],
)
def test_a_provider_that_sends_us_elsewhere_is_not_followed(door: Door, document: dict[str, Any]) -> None:
    """Only its own origin is asked, whatever it publishes."""
    door.pretender.document = document
    with pytest.raises(NotYet, match="elsewhere-unreachable"):
        door.signing.begin()
    assert door.pretender.asked == ["/.well-known/openid-configuration"]


def test_a_provider_that_is_not_there(door: Door) -> None:
    """Said as "not yet": it may come back, and then it works."""
    away = SignInElsewhere(replace(door.about, client=replace(door.about.client, **gone())), door.index, door.clock)
    with pytest.raises(NotYet, match="elsewhere-unreachable"):
        away.begin()


def gone() -> dict[str, Any]:
    """An address at which nobody listens."""
    return {"issuer": "http://127.0.0.1:1", "origins": ("http://127.0.0.1:1",)}


def test_a_provider_that_swells_or_takes_for_ever(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer past its time is let go, and so is one when too many wait already."""
    monkeypatch.setattr(fetching, "SECONDS", -1)
    assert door.refused("elsewhere-unreachable") == "time"
    monkeypatch.setattr(fetching, "AT_ONCE", threading.BoundedSemaphore(1))
    monkeypatch.setattr(fetching, "STEP_SECONDS", 0.01)
    fetching.AT_ONCE.acquire()
    assert door.refused("elsewhere-unreachable") == "busy"


@pytest.mark.parametrize("groups", [None, [], ["other"], "readers", [7], {"readers": 1}])
def test_who_is_in_no_group_of_ours_is_nowhere(door: Door, groups: object) -> None:
    """Whatever the provider says of them otherwise; they get no account either."""
    door.refused("elsewhere-nobody", groups=groups)


def test_who_left_the_group_is_out_at_the_next_sign_in(door: Door) -> None:
    """Open sessions and own tokens lose the roles at that moment; coming back to the group gives them back."""
    session = door.come()
    token = issue(door.index, session.grant, days=30, clock=door.clock, owner=session.owner)
    with pytest.raises(Forbidden, match="elsewhere-nobody"):
        door.come(groups=["others"])
    assert check_session(door.index, session.secret, place="console", clock=door.clock).grant.parts == ()
    assert check_token(door.index, token, registry=None, clock=door.clock).parts == ()
    assert door.come(preferred_username="renamed").grant.parts == (READER,)
    assert [one.name for one in accounts(door.index, door.clock)] == ["yamada@hospital-a"]


def test_who_does_not_come_back_ends(door: Door) -> None:
    """After thirty days without a sign-in the tokens open nothing, until the next one."""
    session = door.come()
    token = issue(door.index, session.grant, days=300, clock=door.clock, owner=session.owner)
    door.minutes = 30 * 24 * 60
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(door.index, token, registry=None, clock=door.clock)
    door.come()
    assert check_token(door.index, token, registry=None, clock=door.clock).parts == (READER,)


def test_a_name_that_somebody_has_is_not_taken_over(door: Door) -> None:
    """Neither that of a local account nor that of another person of the provider."""
    add_account(door.index, "yamada@hospital-a", (Part("operator", "j-mid"),), "a pass phrase for tests", door.clock)
    for subject in ("s-1", "s-2"):
        with pytest.raises(Forbidden, match="elsewhere-name"):
            door.come(sub=subject)
    (one,) = accounts(door.index, door.clock)
    assert (one.parts, one.subject) == ((Part("operator", "j-mid"),), "")


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("yamada", "yamada@hospital-a"),
        ("山田 太郎", "山田-太郎@hospital-a"),
        ("a@b.example.jp", "a-b.example.jp@hospital-a"),
        ("ａｂｃ\n<b>", "abc-b@hospital-a"),
        ("x" * 200, "x" * 53 + "@hospital-a"),
        ("..", "6a840baf5d8c@hospital-a"),
        (7, "6a840baf5d8c@hospital-a"),
    ],
)
def test_a_name_is_plain_and_says_the_organisation(door: Door, called: object, name: str) -> None:
    """Whatever the provider calls somebody."""
    assert door.come(preferred_username=called).grant.name == name


def test_whoever_is_denied_stays_out(door: Door) -> None:
    """By subject, whatever the groups are."""
    door.come()
    door.signing = SignInElsewhere(replace(door.about, denied=("s-1",)), door.index, door.clock)
    with pytest.raises(Forbidden, match="elsewhere-nobody"):
        door.come()


def test_a_provider_that_does_not_say_when_is_asked_to_ask(door: Door) -> None:
    """Where the settings say so: the person has to show who they are each time."""
    assert "max_age=900" in door.signing.begin().address
    door.signing = SignInElsewhere(replace(door.about, says_when=False), door.index, door.clock)
    begun, answer = door.away(auth_time=None)
    assert "prompt=login" in begun.address
    assert "max_age" not in begun.address
    assert door.signing.finish(begun.secret, answer).grant.parts == (READER,)


def test_on_either_database(door: Door, people: Engine, tmp_path: Path) -> None:
    """The same way in, once, and out again."""
    other = type(door)(people, tmp_path / "other", door.pretender)
    begun, answer = other.away()
    assert other.signing.finish(begun.secret, answer).grant.parts == (READER,)
    with pytest.raises(Forbidden, match="elsewhere-refused"):
        other.signing.finish(begun.secret, answer)
    with pytest.raises(Forbidden, match="elsewhere-nobody"):
        other.come(groups=[])
    assert account(people, "yamada@hospital-a", other.clock).parts == ()


def test_an_organisation_that_was_ended_is_brought_back_by_nobody(door: Door) -> None:
    """Its provider may go on saying what it likes: neither who was here nor who comes anew gets in."""
    door.come()
    with changing(door.index) as connection:
        organisations.make(connection, "hospital-a", "A", "hospital", door.clock.stamp())
    door.come()
    with changing(door.index) as connection:
        assert organisations.end(connection, "hospital-a", door.clock.stamp()).accounts == ("yamada@hospital-a",)
    for subject in ("s-1", "s-2"):
        with pytest.raises(Forbidden, match="elsewhere-nobody"):
            door.come(sub=subject)
    assert accounts(door.index, door.clock) == ()
