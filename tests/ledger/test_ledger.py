"""The ledger: appended, linked, verified."""

from __future__ import annotations

import json
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from kaname.clock import SYSTEM, Clock
from kaname.database import connect, migrate, writing
from kaname.errors import Refused
from kaname.ledger import Event, Head, Json, Ledger, canonical
from kaname.ledger import book as book_module
from kaname.ledger.model import NOTHING, event_digest

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "ledger.md"
CLOCK = Clock(now=lambda: datetime(2026, 11, 21, 3, 0, 0, tzinfo=UTC))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def index(tmp_path: Path) -> Engine:
    """An index with a ledger's table."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    return engine


@pytest.fixture
def ledger(index: Engine) -> Ledger:
    """An empty ledger."""
    return Ledger(index, CLOCK)


@given(VALUES)
def test_canonical_round_trip(value: Json) -> None:
    """Canonical JSON reads back as the same value, and spelling that again gives the same bytes."""
    spelled = canonical(value)
    assert json.loads(spelled) == value
    assert canonical(json.loads(spelled)) == spelled


@given(st.dictionaries(st.text(), st.integers()))
def test_canonical_order(value: dict[str, Json]) -> None:
    """The order in which an object was filled does not show; names stand in the order of their UTF-8 bytes."""
    spelled = canonical(value)
    assert canonical(dict(reversed(value.items()))) == spelled
    names = [name.encode() for name in json.loads(spelled)]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}'),
        ('髙橋\n"\\/\u0001\u007f\u2028', '"髙橋\\n\\"\\\\/\\u0001\u007f\u2028"'.encode()),
        (
            [1, 1.0, -0.0, 1e-05, 0.0001, 1.5e16, 123456.5, 1e15],
            b"[1,1.0,-0.0,1e-05,0.0001,1.5e+16,123456.5,1000000000000000.0]",
        ),
    ],
)
def test_canonical_spelling(value: Json, spelled: bytes) -> None:
    """The spelling is the one that the specification gives."""
    assert canonical(value) == spelled


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_canonical_refuses(value: Json) -> None:
    """What has no spelling in JSON is refused, not written somehow."""
    with pytest.raises(ValueError):  # noqa: PT011 -- the messages are Python's
        canonical(value)


def test_specification_vector() -> None:
    """The test vector of the specification is what this ledger writes."""
    blocks = re.findall(r"```(?:json|text)?\n(.*?)```", SPEC.read_text(encoding="utf-8"), re.DOTALL)
    events = [Event(**fields) for fields in json.loads(blocks[-2])]
    assert [event_digest(event) for event in events] == [event.digest for event in events]
    assert [event.previous for event in events] == [NOTHING, events[0].digest]
    covered = {name: value for name, value in asdict(events[0]).items() if name != "digest"}
    assert canonical(covered) == blocks[-1].strip().encode()


def test_empty(ledger: Ledger) -> None:
    """An empty ledger has the head 0 and verifies."""
    assert ledger.head() == ledger.verify() == Head(0, "0" * 64)
    assert list(ledger.events()) == []


def test_append(ledger: Ledger) -> None:
    """Each event has the next number, the time, and the digest of the one before."""
    first = ledger.append("parcel.accepted", "d1", actor="hub", facts={"instances": 3})
    second = ledger.append("subject.withdrawn", "s1", actor="hub")
    assert first == Event(
        1, "2026-11-21T03:00:00Z", "hub", "parcel.accepted", "d1", {"instances": 3}, NOTHING, first.digest
    )
    assert (second.sequence, second.previous, second.facts) == (2, first.digest, {})
    assert ledger.head() == ledger.verify() == Head(2, second.digest)


def test_events(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are found by action, by what they are about, and after a number, also over several pages."""
    monkeypatch.setattr(book_module, "PAGE", 2)
    made = [ledger.append(f"action.{n % 2}", f"about{n % 3}", actor="me") for n in range(7)]
    assert list(ledger.events()) == made
    assert list(ledger.events(after=5)) == made[5:]
    assert list(ledger.events(action="action.1")) == made[1::2]
    assert list(ledger.events(action="action.1", about="about0")) == [made[3]]
    assert ledger.verify().sequence == 7


def test_the_latest_events_come_newest_first(ledger: Ledger) -> None:
    """Before a number, of one action where one is asked for, and no more than wanted."""
    for number in range(6):
        ledger.append("odd" if number % 2 else "even", f"{number}", actor="a")
    assert [event.about for event in ledger.latest(3)] == ["5", "4", "3"]
    assert [event.about for event in ledger.latest(9, before=3)] == ["1", "0"]
    assert [event.about for event in ledger.latest(9, before=5, action="odd")] == ["3", "1"]
    assert ledger.latest(9, before=1) == ()


def test_joins_a_transaction(ledger: Ledger, index: Engine) -> None:
    """An event of a transaction stands exactly when the transaction stands."""
    with writing(index) as connection:
        ledger.append("a", "1", actor="me", connection=connection)
        ledger.append("a", "2", actor="me", connection=connection)

    def fail() -> None:
        with writing(index) as connection:
            ledger.append("a", "3", actor="me", connection=connection)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [event.about for event in ledger.events()] == ["1", "2"]
    assert ledger.verify().sequence == 2


TAMPERING: dict[str, tuple[str, int]] = {
    "a fact": ("UPDATE ledger SET facts = '{\"n\":9}' WHERE sequence = 3", 3),
    "the spelling of facts": ("UPDATE ledger SET facts = '{\"n\": 3}' WHERE sequence = 3", 3),
    "facts that are no JSON": ("UPDATE ledger SET facts = '{' WHERE sequence = 3", 3),
    "facts with one name twice": ('UPDATE ledger SET facts = \'{"n":0,"n":3}\' WHERE sequence = 3', 3),
    "bytes in place of text": ("UPDATE ledger SET actor = x'00ff' WHERE sequence = 3", 3),
    "an actor": ("UPDATE ledger SET actor = 'other' WHERE sequence = 2", 2),
    "a digest": ("UPDATE ledger SET digest = previous WHERE sequence = 4", 4),
    "an event taken out": ("DELETE FROM ledger WHERE sequence = 2", 2),
    "the first event taken out": ("DELETE FROM ledger WHERE sequence = 1", 1),
    "two events exchanged": (
        """UPDATE ledger SET sequence = sequence - 5 WHERE sequence IN (2, 3);
        UPDATE ledger SET sequence = -sequence WHERE sequence < 0""",
        2,
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering(ledger: Ledger, index: Engine, what: str) -> None:
    """Whatever is changed afterwards, verifying names the first event that does not hold."""
    for n in range(1, 6):
        ledger.append("a", str(n), actor="me", facts={"n": n})
    statements, broken = TAMPERING[what]
    with writing(index) as connection:
        for statement in statements.split(";"):
            connection.exec_driver_sql(statement)
    with pytest.raises(Refused, match="ledger-broken") as raised:
        ledger.verify()
    assert raised.value.facts == {"sequence": broken}


def test_known_heads(ledger: Ledger, index: Engine) -> None:
    """A head that somebody kept shows an end that was cut off, and one that was written anew."""
    heads = [Head()]
    for n in range(1, 4):
        event = ledger.append("a", str(n), actor="me")
        heads.append(Head(event.sequence, event.digest))
    assert ledger.verify(known=heads) == heads[-1]
    with writing(index) as connection:
        connection.execute(text("DELETE FROM ledger WHERE sequence = 3"))
    assert ledger.verify() == heads[2]
    with pytest.raises(Refused) as raised:
        ledger.verify(known=heads)
    assert raised.value.facts == {"sequence": 3}
    ledger.append("another", "3", actor="me")
    with pytest.raises(Refused) as raised:
        ledger.verify(known=heads)
    assert raised.value.facts == {"sequence": 3}


def _append_many(task: tuple[str, int]) -> None:
    url, writer = task
    ledger = Ledger(connect(url), SYSTEM)
    for n in range(25):
        ledger.append("a", f"{writer}-{n}", actor="me")


def _from_processes(url: str) -> None:
    with ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
        list(pool.map(_append_many, [(url, writer) for writer in range(4)]))
    ledger = Ledger(connect(url), SYSTEM)
    assert ledger.verify().sequence == 100
    assert len({event.about for event in ledger.events()}) == 100


def test_many_processes(index: Engine) -> None:
    """Four processes append to one ledger at once: one chain, nothing lost."""
    _from_processes(index.url.render_as_string())


def test_many_processes_on_postgres() -> None:
    """The same on PostgreSQL."""
    from kaname.testing.postgres import find_programs, postgres_server

    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    with postgres_server(programs) as url:
        migrate(connect(url), ["ground"])
        _from_processes(url)


def test_facts_must_be_json(ledger: Ledger) -> None:
    """A fact that is no JSON is a bug, and leaves no event."""
    no_json: Any = object()
    with pytest.raises(TypeError):
        ledger.append("a", "1", actor="me", facts={"n": no_json})
    assert ledger.head() == Head()
