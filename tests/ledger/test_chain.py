"""The chain of events: whatever one thing is changed, the walk stops at it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.errors import Refused
from kaname.ledger import Chain, Event, Head
from kaname.ledger.model import event_digest

LENGTH = 8


def chained(count: int = LENGTH) -> list[Event]:
    """Events that hold together."""
    events: list[Event] = []
    before = Head()
    for number in range(1, count + 1):
        draft = Event(number, "2026-11-21T03:00:00Z", "hub", "a-thing", f"{number}", {"n": number}, before.digest, "")
        events.append(replace(draft, digest=event_digest(draft)))
        before = Head(number, events[-1].digest)
    return events


def heads(events: list[Event]) -> list[Head]:
    """The head after each event."""
    return [Head(event.sequence, event.digest) for event in events]


def walked(events: list[Event], known: list[Head] | None = None) -> Head:
    """Where the walk ends."""
    chain = Chain(known or [])
    for event in events:
        chain.take(event)
    return chain.end()


def broken_at(events: list[Event], known: list[Head] | None = None) -> int:
    """Number of the event at which the walk stops."""
    with pytest.raises(Refused, match="ledger-broken") as raised:
        walked(events, known)
    found = raised.value.facts["sequence"]
    assert isinstance(found, int)
    return found


PLACES = st.integers(0, LENGTH - 1)


@given(PLACES, st.sampled_from(["at", "actor", "action", "about", "previous", "digest"]), st.text(max_size=3))
def test_one_changed_text_is_named(place: int, name: str, text: str) -> None:
    """Any text of any event: the walk stops at that event."""
    events = chained()
    fields = {name: getattr(events[place], name) + text + "x"}
    events[place] = replace(events[place], **fields)
    assert broken_at(events) == place + 1


@given(PLACES, st.integers().filter(lambda number: number > LENGTH or number < 1))
def test_one_changed_fact_is_named(place: int, number: int) -> None:
    """Any fact of any event: the walk stops at that event."""
    events = chained()
    events[place] = replace(events[place], facts={"n": number})
    assert broken_at(events) == place + 1


@given(PLACES)
def test_one_removed_event_is_named(place: int) -> None:
    """Any event: the walk stops where it stood; only the last one needs a head that somebody kept."""
    events = chained()
    known = heads(events)
    del events[place]
    assert broken_at(events, known) == place + 1


@given(PLACES, PLACES)
def test_two_exchanged_events_are_named(one: int, other: int) -> None:
    """Any two: the walk stops at the first of them."""
    events = chained()
    events[one], events[other] = events[other], events[one]
    if one == other:
        assert walked(events).sequence == LENGTH
    else:
        assert broken_at(events) == min(one, other) + 1


@given(PLACES)
def test_an_event_that_stands_twice_is_named(place: int) -> None:
    """The walk stops at the second one."""
    events = chained()
    events.insert(place, events[place])
    assert broken_at(events) == place + 2


@given(PLACES, PLACES)
def test_a_chain_written_anew_misses_a_head_that_was_kept(place: int, kept: int) -> None:
    """From any event on: it holds by itself, and stops at the first head that somebody kept from then on."""
    events = chained()
    known = heads(events)[kept]
    anew = chained(place)
    before = heads(anew)[-1] if anew else Head()
    for number in range(place + 1, LENGTH + 1):
        draft = replace(events[number - 1], actor="other", previous=before.digest)
        anew.append(replace(draft, digest=event_digest(draft)))
        before = Head(number, anew[-1].digest)
    assert walked(anew).sequence == LENGTH
    if kept < place:
        assert walked(anew, [known]).sequence == LENGTH
    else:
        assert broken_at(anew, [known]) == kept + 1


def test_two_digests_of_one_number_cannot_both_be_met() -> None:
    """Whoever told two people different things has no chain that pleases both."""
    events = chained()
    assert broken_at(events, [heads(events)[2], Head(3, "f" * 64)]) == 3


def test_what_is_no_event_is_named() -> None:
    """It stands in the place of the next one; so does one whose facts are no JSON."""
    chain = Chain()
    chain.take(chained()[0])
    with pytest.raises(Refused) as raised:
        chain.take(None)
    assert raised.value.facts == {"sequence": 2}
    strange: dict[str, Any] = {"n": {1, 2}}
    events = chained()
    events[1] = replace(events[1], facts=strange)
    assert broken_at(events) == 2
