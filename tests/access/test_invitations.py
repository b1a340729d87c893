"""Codes that let one node join."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from kaname.access.index import INVITATION
from kaname.access.invitations import TRIES, any_open, key_of
from kaname.access.partners import Partner, admit, list_partners, revoke
from kaname.access.signing import SigningKey, sign_statement
from kaname.clock import SYSTEM, Clock
from kaname.database import reading
from kaname.errors import Refused
from kaname.intake.admission import Guest, invite, join
from kaname.node import Node
from kaname.parcel.enrolment import accept_answer, make_request
from kaname.parcel.joining import JOINING, Line, joining, read_joining
from kaname.settings import Settings
from kaname.testing.postgres import find_programs, postgres_server
from kaname.upkeep.home import make_home

URL = "https://hub.example:8471"
NAME = "facility-1"


@dataclass(slots=True)
class Hour:
    """A clock that a test moves."""

    passed: timedelta = timedelta()

    @property
    def clock(self) -> Clock:
        """Shows it."""
        return Clock(now=lambda: datetime.now(UTC) + self.passed)


@dataclass(frozen=True, slots=True)
class Host:
    """A hub, and the keys of nodes that want to join."""

    hub: Node
    folder: Path
    hour: Hour

    def invite(self, name: str = NAME, *registries: str, hours: int = 24) -> Line:
        """The line for one node."""
        return invite(self.hub, URL, Guest(name, "gateway", registries or ("j-mid",)), hours=hours)

    def ask(self, line: Line, name: str = NAME, *registries: str, keys: str = "keys") -> bytes:
        """What a node with that line sends."""
        request = make_request(self.folder / keys, name, registries or ("j-mid",))
        return joining(line, request, SYSTEM)

    def names(self) -> list[str]:
        """Who was admitted."""
        return [partner.name for partner in list_partners(self.hub.index)]

    def tries(self) -> int:
        """How many wrong codes were counted."""
        with reading(self.hub.index) as connection:
            return sum(connection.scalars(select(INVITATION.c.tries)))


@contextmanager
def hosting(folder: Path, database: str = "") -> Generator[Host]:
    """A hub with nobody admitted, at an hour of its own."""
    hour = Hour()
    node = make_home(Settings(folder / "hub", "hub", "society", database=database, registries=("j-mid", "basic")))
    yield Host(replace(node, clock=hour.clock), folder, hour)
    node.index.dispose()


@pytest.fixture
def host(tmp_path: Path) -> Generator[Host]:
    """One on SQLite."""
    with hosting(tmp_path) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Host]:
    """One on each database."""
    with ExitStack() as held:
        url = ""
        if request.param == "postgres":
            programs = find_programs()
            if programs is None:
                pytest.skip("PostgreSQL is not installed: make system")
            url = held.enter_context(postgres_server(programs))
        yield held.enter_context(hosting(tmp_path, url))


def refused(host: Host, data: bytes, code: str = "invitation-invalid") -> dict[str, object]:
    """Expects that a request is refused and admits nobody; returns all that is said."""
    with pytest.raises(Refused, check=lambda error: error.code == code) as found:
        join(host.hub, data)
    return dict(found.value.facts)


def other_code(line: Line) -> Line:
    """The line of somebody who guesses."""
    return replace(line, code="ABCD-EFGH-JKLM-NPQR")


def test_a_code_lets_one_node_in(host: Host) -> None:
    """The answer is that of the two files: for that key, that name, and the registries that both sides named."""
    line = host.invite(NAME, "j-mid")
    answer = join(host.hub, host.ask(line, NAME, "basic", "j-mid"))
    record = accept_answer(host.folder / "keys", answer)
    (partner,) = list_partners(host.hub.index)
    assert (record.name, record.url, record.registries) == ("society", URL, ("j-mid",))
    assert (partner.name, partner.role, partner.registries) == (NAME, "gateway", ("j-mid",))
    assert [event.action for event in host.hub.ledger.events(about=NAME)] == ["partner-invited", "partner-admitted"]


def test_a_code_is_written_in_any_way(host: Host) -> None:
    """Hyphens, spaces and small letters make no difference; another letter does."""
    line = host.invite()
    spelled = line.code.replace("-", " ").lower()
    assert key_of(spelled).public == key_of(line.code).public
    for wrong in ("", "ABCD", line.code + "A", line.code[:-1] + "0", line.code[:-1] + "é"):
        with pytest.raises(Refused, match="invitation-invalid"):
            key_of(wrong)


def test_the_table_lets_nobody_in(host: Host) -> None:
    """Neither the code nor anything from which it could be made stands in the hub's home."""
    line = host.invite()
    kept = b"".join(path.read_bytes() for path in host.hub.settings.home.rglob("*") if path.is_file())
    private = key_of(line.code).private.private_bytes_raw()
    assert line.invitation.encode() in kept
    for secret in (line.code.encode(), line.code.replace("-", "").encode(), private, private.hex().encode()):
        assert secret not in kept


def test_a_code_never_travels(host: Host) -> None:
    """What is sent proves the code and does not hold it."""
    line = host.invite()
    sent = host.ask(line)
    assert line.code.encode() not in sent
    assert line.code.replace("-", "").encode() not in sent
    assert key_of(line.code).private.private_bytes_raw().hex().encode() not in sent


def test_wrong_codes_shut_the_invitation(host: Host) -> None:
    """After five, the right one is wrong as well, and nothing that was said told them apart."""
    line = host.invite()
    said = [refused(host, host.ask(other_code(line))) for _ in range(TRIES)]
    said.append(refused(host, host.ask(line)))
    assert said == [{}] * (TRIES + 1)
    assert host.tries() == TRIES
    assert not any_open(host.hub.index, clock=host.hub.clock)
    assert [event.action for event in host.hub.ledger.events(about=NAME)] == [
        "partner-invited",
        *["invitation-refused"] * TRIES,
    ]


def test_a_guess_at_no_invitation_shuts_nobody_out(host: Host) -> None:
    """Who does not know which invitation there is cannot lock it."""
    line = host.invite()
    for _ in range(TRIES + 1):
        assert refused(host, host.ask(replace(other_code(line), invitation="00000000"))) == {}
    assert host.tries() == 0
    join(host.hub, host.ask(line))


@pytest.mark.parametrize(
    ("name", "registries"), [("facility-2", ("j-mid",)), (NAME, ("basic",))], ids=["name", "registry"]
)
def test_a_code_is_for_one_name_and_its_registries(host: Host, name: str, registries: tuple[str, ...]) -> None:
    """Somebody else, or somewhere else: the same answer as for a wrong code."""
    line = host.invite(NAME, "j-mid")
    assert refused(host, host.ask(line, name, *registries)) == {}
    assert (host.names(), host.tries()) == ([], 1)


def test_a_code_is_for_one_role(host: Host) -> None:
    """A hub does not come in where a gateway was invited."""
    line = host.invite()
    request = make_request(host.folder / "keys", NAME, ["j-mid"], role="hub")
    assert refused(host, joining(line, request, SYSTEM)) == {}
    assert host.names() == []


def test_an_expired_code_is_a_wrong_one(host: Host) -> None:
    """An hour later the same request gets the answer of a wrong code."""
    line = host.invite(hours=1)
    host.hour.passed = timedelta(hours=1, seconds=2)
    assert refused(host, host.ask(line)) == {}
    assert not any_open(host.hub.index, clock=host.hub.clock)


def test_a_used_code_is_a_wrong_one(host: Host) -> None:
    """A second node with the same code stays outside; the first may ask again for an answer, for ten minutes."""
    line = host.invite()
    first = host.ask(line)
    join(host.hub, first)
    assert refused(host, host.ask(line, keys="others")) == {}
    accept_answer(host.folder / "keys", join(host.hub, first))
    assert len(list_partners(host.hub.index)) == 1
    assert any_open(host.hub.index, clock=host.hub.clock)
    host.hour.passed = timedelta(minutes=11)
    assert not any_open(host.hub.index, clock=host.hub.clock)
    assert refused(host, first) == {}


def test_a_revoked_partner_does_not_come_back_with_its_code(host: Host) -> None:
    """The request that it once made is worth nothing, though the invitation is still open."""
    line = host.invite()
    sent = host.ask(line)
    join(host.hub, sent)
    revoke(host.hub.index, NAME, clock=host.hub.clock)
    assert refused(host, sent) == {}
    assert host.names() == []


def test_two_nodes_at_once_are_one(either: Host) -> None:
    """Of four that come with one code at the same moment, one is let in."""
    host = either
    line = host.invite()
    sent = [host.ask(line, keys=f"keys-{number}") for number in range(TRIES - 1)]

    def come(data: bytes) -> str:
        try:
            join(host.hub, data)
        except Refused as error:
            return error.code
        return ""

    with ThreadPoolExecutor(len(sent)) as pool:
        assert sorted(pool.map(come, sent)) == ["", *["invitation-invalid"] * (len(sent) - 1)]
    assert host.names() == [NAME]


def test_a_name_that_is_taken_is_not_given_away(host: Host) -> None:
    """An invitation takes nobody's place: whoever has the name has to be revoked first, and the code stays good."""
    own = SigningKey.from_seed(bytes(32)).public
    admit(host.hub.index, Partner(NAME, "gateway", own, ("j-mid",)), clock=host.hub.clock)
    line = host.invite()
    refused(host, host.ask(line), "enrolment-invalid")
    revoke(host.hub.index, NAME, clock=host.hub.clock)
    join(host.hub, host.ask(line))


def altered(data: bytes, code: str, **values: Any) -> bytes:
    """The same request with other values, signed anew with the key of a code."""
    return sign_statement(JOINING, json.loads(data)["body"] | values, key_of(code))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data, _line: data[:-1],
        lambda data, line: altered(data, line.code, url="http://hub.example"),
        lambda data, line: altered(data, line.code, more=1),
        lambda data, line: altered(data, line.code, invitation="%"),
        lambda data, line: altered(data, line.code, at=""),
        lambda data, line: altered(data, line.code, request={}),
        lambda data, _line: altered(data, "ABCD-EFGH-JKLM-NPQR"),
    ],
)
def test_what_is_no_request_is_refused(host: Host, spoil: Callable[[bytes, Line], bytes]) -> None:
    """Form and signature are judged before the code is looked at."""
    line = host.invite()
    refused(host, spoil(host.ask(line), line), "enrolment-invalid")
    assert (host.names(), host.tries()) == ([], 0)


def test_every_byte_altered_on_the_way_is_noticed(host: Host) -> None:
    """Whoever carries the request can put no other key, name or address into it."""
    data = host.ask(host.invite())
    for position in range(0, len(data), 7):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        with pytest.raises(Refused, match="enrolment-invalid"):
            read_joining(bytes(changed))


@given(st.text(max_size=400) | st.text("kaname1,htps:/0f-AB", max_size=300))
def test_only_a_line_is_a_line(text: str) -> None:
    """Whatever else is pasted is refused, with one reason."""
    with pytest.raises(Refused, match="invitation-invalid"):
        Line.read(text)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("kaname1", "kaname2"), ("https:", "http:"), ("1" * 64, "1" * 63), ("2" * 64, "G" * 64), ("3" * 8, "")],
)
def test_a_line_with_one_wrong_entry_is_no_line(right: str, wrong: str) -> None:
    """Another version, no TLS, fingerprints that are none, no invitation."""
    text = Line(URL, "1" * 64, "2" * 64, "3" * 8, "ABCD-EFGH-JKLM-NPQR").text
    assert right in text
    with pytest.raises(Refused, match="invitation-invalid"):
        Line.read(text.replace(right, wrong))


def test_a_line_is_read_as_it_was_written() -> None:
    """Everything comes back, whatever white space came along."""
    line = Line(URL, "1" * 64, "2" * 64, "3" * 8, "ABCD-EFGH-JKLM-NPQR")
    assert Line.read(f" {line.text}\n") == line


@pytest.mark.parametrize(
    ("url", "guest", "code"),
    [
        (URL, Guest(NAME, "hub", ("j-mid",)), "wrong-role"),
        (URL, Guest(NAME, "cloud", ("j-mid",)), "wrong-role"),
        (URL, Guest(NAME, "gateway", ("joi",)), "parcel-registry"),
        (URL, Guest("a b", "gateway", ("j-mid",)), "enrolment-invalid"),
        ("http://hub.example", Guest(NAME, "gateway", ("j-mid",)), "enrolment-invalid"),
    ],
)
def test_nobody_is_invited_to_what_there_is_not(host: Host, url: str, guest: Guest, code: str) -> None:
    """Refused where the operator stands, not where the guest does."""
    with pytest.raises(Refused, check=lambda error: error.code == code):
        invite(host.hub, url, guest, hours=1)
    assert not any_open(host.hub.index, clock=host.hub.clock)
