"""One-time codes and recovery codes, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyotp import parse_uri
from pyotp.totp import TOTP
from sqlalchemy import Engine, select, text

from kaname.access import totp as module
from kaname.access.accounts import add_account, note_try
from kaname.access.factors import factors, remove_factor, tries_of
from kaname.access.index import FACTOR
from kaname.access.model import Part
from kaname.access.recovery import CODES, make_codes, spend_code
from kaname.access.sealing import FILE, Sealer, sealer
from kaname.access.totp import App, add_totp, app_address, check_totp, new_secret
from kaname.clock import Clock
from kaname.database import connect, migrate, reading
from kaname.errors import Forbidden, KanameError, Refused
from kaname.testing.postgres import find_programs, postgres_server

NOW = datetime(2026, 11, 21, 12, 0, 10, tzinfo=UTC)
NAME = "reader"
SEAL = Sealer(bytes(32))
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def clock(seconds: float = 0) -> Clock:
    """A clock that stands still, so many seconds later."""
    return Clock(now=lambda: NOW + timedelta(seconds=seconds))


def code(seconds: float = 0, secret: str = SECRET) -> str:
    """What the app shows then."""
    return TOTP(secret).at(NOW + timedelta(seconds=seconds))


@pytest.fixture(scope="module")
def postgres() -> Generator[str]:
    """The URL of a PostgreSQL server."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    with postgres_server(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Engine]:
    """An index of each kind, with somebody whose app was set up a minute ago."""
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        name = f"t{abs(hash(tmp_path))}"
        with connect(server).execution_options(isolation_level="AUTOCOMMIT").connect() as admin:
            admin.execute(text(f"CREATE DATABASE {name}"))
        url = server.replace("/postgres?", f"/{name}?")
    engine = connect(url)
    migrate(engine, ["ground"])
    add_account(engine, NAME, (Part("reader", "j-mid"),), None, clock())
    add_totp(engine, SEAL, App(NAME, SECRET, "phone"), code(-60), clock(-60))
    yield engine
    engine.dispose()


def outcomes_of_many(act: Callable[[], object]) -> list[str]:
    """What eight threads that do the same at once are told; nothing for success."""
    told: list[str] = []

    def run() -> None:
        try:
            act()
        except KanameError as error:
            told.append(error.code)
        else:
            told.append("")

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


def test_a_code_counts_once(index: Engine) -> None:
    """Nor does an older one after it: whoever looked over a shoulder gets nothing."""
    check_totp(index, SEAL, NAME, code(), clock())
    for again in (code(), code(-30)):
        with pytest.raises(Forbidden, match="code-wrong"):
            check_totp(index, SEAL, NAME, again, clock())
    check_totp(index, SEAL, NAME, code(30), clock(30))


def test_the_code_that_set_the_app_up_is_used(index: Engine) -> None:
    """It signs nobody in."""
    with pytest.raises(Forbidden, match="code-wrong"):
        check_totp(index, SEAL, NAME, code(-60), clock(-60))


def test_of_many_who_show_a_code_at_once_one_gets_in(index: Engine) -> None:
    """Four threads race."""
    told = outcomes_of_many(lambda: check_totp(index, SEAL, NAME, code(), clock()))
    assert told == ["", *["code-wrong"] * 3]


@pytest.mark.parametrize("typed", ["{0} {1}", " {0}-{1} ", "full"])
def test_a_code_may_be_typed_in_other_ways(index: Engine, typed: str) -> None:
    """With a space, a hyphen, or in the full-width figures of a Japanese keyboard."""
    shown = code()
    wide = "".join(chr(ord(figure) + 0xFEE0) for figure in shown)
    check_totp(index, SEAL, NAME, wide if typed == "full" else typed.format(shown[:3], shown[3:]), clock())


def test_five_wrong_codes_stop_the_sixth(index: Engine) -> None:
    """Also the right one, for a quarter of an hour; passwords are counted apart."""
    for _ in range(5):
        with pytest.raises(Forbidden, match="code-wrong"):
            check_totp(index, SEAL, NAME, "000000", clock())
    with pytest.raises(Forbidden, match="signin-locked"):
        check_totp(index, SEAL, NAME, code(), clock())
    note_try(index, NAME, clock())
    check_totp(index, SEAL, NAME, code(1000), clock(1000))


def test_a_hundred_wrong_codes_in_a_row_stop_an_app(index: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly they came; here after three."""
    monkeypatch.setattr(module, "WRONG_MOST_IN_A_ROW", 3)
    for at in range(3):
        with pytest.raises(Forbidden, match="code-wrong"):
            check_totp(index, SEAL, NAME, "000000", clock(at * 2000))
    with pytest.raises(Forbidden, match="app-locked"):
        check_totp(index, SEAL, NAME, code(8000), clock(8000))


def test_a_right_code_forgets_the_wrong_ones(index: Engine) -> None:
    """Both those of the last minutes and those in a row."""
    for at in range(4):
        for _ in range(4):
            with pytest.raises(Forbidden, match="code-wrong"):
                check_totp(index, SEAL, NAME, "000000", clock(at * 60))
        check_totp(index, SEAL, NAME, code(at * 60), clock(at * 60))
    with reading(index) as connection:
        assert connection.execute(select(FACTOR.c.data)).scalar_one()["wrong"] == 0


def test_nothing_of_the_secret_is_in_the_index(index: Engine) -> None:
    """And what is there opens with this node's key alone, and for this person alone."""
    with reading(index) as connection:
        row = connection.execute(select(FACTOR)).one()
    assert SECRET not in json.dumps(row.data)
    with pytest.raises(Refused, match="key-invalid"):
        Sealer(bytes(31) + b"x").open(row.data["sealed"], f"{NAME}\0{row.id}")
    with pytest.raises(Refused, match="key-invalid"):
        SEAL.open(row.data["sealed"], f"other\0{row.id}")
    assert SEAL.open(row.data["sealed"], f"{NAME}\0{row.id}").decode() == SECRET


def test_an_app_is_kept_once_it_shows_the_right_code(index: Engine) -> None:
    """Else nobody could sign in with it later."""
    with pytest.raises(Forbidden, match="code-wrong"):
        add_totp(index, SEAL, App(NAME, new_secret(), "other"), code(), clock())
    with pytest.raises(Refused, match="factor-label"):
        add_totp(index, SEAL, App(NAME, SECRET, "\x07"), code(), clock())
    with pytest.raises(Refused, match="not-found"):
        add_totp(index, SEAL, App("nobody", SECRET, "phone"), code(), clock())
    assert [one.label for one in factors(index, NAME)] == ["phone"]


def test_recovery_codes_count_once_each(index: Engine) -> None:
    """A new set replaces the old one; other people's open nothing."""
    old = make_codes(index, SEAL, NAME, clock())
    codes = make_codes(index, SEAL, NAME, clock())
    assert len({*codes, *old}) == 2 * CODES
    assert spend_code(index, SEAL, NAME, codes[0].upper(), clock()) == CODES - 1
    for wrong in (codes[0], old[1], ""):
        with pytest.raises(Forbidden, match="code-wrong"):
            spend_code(index, SEAL, NAME, wrong, clock())
    with pytest.raises(Forbidden, match="code-wrong"):
        spend_code(index, SEAL, "other", codes[1], clock())
    assert outcomes_of_many(lambda: spend_code(index, SEAL, NAME, codes[2], clock())).count("") == 1
    assert [one.left for one in factors(index, NAME) if one.kind == "recovery"] == [CODES - 2]


def test_recovery_codes_stand_in_for_something(index: Engine) -> None:
    """With the last other factor they go; the last one that is demanded stays."""
    make_codes(index, SEAL, NAME, clock())
    (app,) = (one for one in factors(index, NAME) if one.kind == "totp")
    with pytest.raises(Refused, match="factor-last"):
        remove_factor(index, NAME, app.id, demanded=True)
    with pytest.raises(Refused, match="not-found"):
        remove_factor(index, "other", app.id, demanded=False)
    remove_factor(index, NAME, app.id, demanded=False)
    assert factors(index, NAME) == ()
    with pytest.raises(Refused, match="recovery-alone"):
        make_codes(index, SEAL, NAME, clock())


def test_the_key_is_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    """Made once, mode 0600, and refused when others can read it or when it is no such key."""
    made = sealer(tmp_path)
    assert sealer(tmp_path) == made
    path = tmp_path / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert made.key.hex() not in repr(made)
    path.chmod(0o640)
    with pytest.raises(Refused, match="key-permissions"):
        sealer(tmp_path)
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(Refused, match="key-invalid"):
        sealer(tmp_path)


def test_what_tries_are_counted_under_is_nobodys_name() -> None:
    """No account can be called so: names are printable."""
    assert not tries_of(NAME).isprintable()


@given(st.integers(min_value=0, max_value=2**32), st.integers(min_value=-5, max_value=5))
def test_a_code_counts_in_its_half_minute_and_beside_it(at: int, steps: int) -> None:
    """RFC 6238, at any time: one step before and after, and no more."""
    app = TOTP(SECRET)
    shown = app.generate_otp(max(at // 30 + steps, 0))
    near = {app.generate_otp(max(at // 30 + beside, 0)) for beside in (-1, 0, 1)}
    here = Clock(now=lambda: datetime.fromtimestamp(at, UTC))
    assert (module._matching(SECRET, shown, here, -1) is not None) == (shown in near)


@given(st.text(max_size=40))
def test_no_text_breaks_the_check(typed: str) -> None:
    """Whatever somebody types, a code is right or it is not."""
    right = {code(-30), code(), code(30)}
    found = module._matching(SECRET, typed, clock(), -1)
    assert (found is not None) == (module.typed(typed) in right)


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_an_app_reads_who_it_is_for(name: str, issuer: str) -> None:
    """Any name survives the address."""
    parsed = parse_uri(app_address(SECRET, name, issuer))
    assert (parsed.name, parsed.issuer, parsed.secret) == (name, issuer, SECRET)


@given(st.binary(max_size=64), st.text(max_size=20))
def test_what_is_sealed_opens_again_and_changed_it_does_not(data: bytes, about: str) -> None:
    """Any flipped byte is refused."""
    sealed = SEAL.seal(data, about)
    assert SEAL.open(sealed, about) == data
    for broken in ("A" if sealed[0] != "A" else "B") + sealed[1:], sealed[:-4], "", "*":
        with pytest.raises(Refused, match="key-invalid"):
            SEAL.open(broken, about)
