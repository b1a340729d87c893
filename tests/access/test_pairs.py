"""What takes two persons: asked for, agreed to by another, done once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from kaname.access import pairs
from kaname.access.model import Grant
from kaname.access.pairs import AGREED_MINUTES, ASKED_HOURS, Pair
from kaname.clock import Clock
from kaname.database import reading, writing
from kaname.errors import Forbidden, NotYet, Refused

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
OTHER = Grant.of_person("abe", ("j-mid",), ("desk",))


def clock(minutes: float = 0) -> Clock:
    """A clock that stands still, so many minutes later."""
    return Clock(now=lambda: NOW + timedelta(minutes=minutes))


def asked(index: Engine, by: str = "mori", reason: str = "An incidental finding.") -> Pair:
    """Something that waits for somebody else."""
    with writing(index) as connection:
        return pairs.ask(connection, "identity-lookup", "subject", "j-mid", by, reason, clock())


def agreed(index: Engine, pair: Pair, by: Grant = OTHER, minutes: float = 0) -> Pair:
    """Once somebody else has agreed."""
    with writing(index) as connection:
        return pairs.agree(connection, pair.id, by, clock(minutes))


def taken(index: Engine, pair: Pair, by: str = "mori", minutes: float = 0, action: str = "identity-lookup") -> Pair:
    """Once it was used."""
    with writing(index) as connection:
        return pairs.take(connection, pair.id, by, action, clock(minutes))


def test_two_persons_do_it_once(people: Engine) -> None:
    """Asked, agreed, used; and not again."""
    pair = asked(people)
    assert pair.state(clock().stamp()) == "asked"
    with pytest.raises(NotYet, match="pair-waiting"):
        taken(people, pair)
    assert agreed(people, pair).state(clock().stamp()) == "agreed"
    assert taken(people, pair).state(clock().stamp()) == "used"
    with pytest.raises(Refused, match="pair-state"):
        taken(people, pair)
    with pytest.raises(Refused, match="pair-state"):
        agreed(people, pair)
    with reading(people) as connection:
        assert [one.decided_by for one in pairs.pairs(connection, ("j-mid",), ("identity-lookup",))] == ["abe"]
        assert pairs.pairs(connection, ("basic",), ("identity-lookup",)) == ()
        assert pairs.pairs(connection, ("j-mid",), ("project-close",)) == ()


@pytest.mark.parametrize("name", ["mori", "Mori", "ｍｏｒｉ", " mori ", "m ori", ""])
def test_the_same_person_never_agrees(people: Engine, name: str) -> None:
    """However the name is spelled, and a nameless one neither."""
    pair = asked(people)
    with pytest.raises(Forbidden, match="two-persons"):
        agreed(people, pair, Grant(name, OTHER.parts))
    assert taken_is_waiting(people, pair)


def taken_is_waiting(people: Engine, pair: Pair) -> bool:
    """Whether it still waits."""
    with reading(people) as connection:
        return pairs.find(connection, pair.id).state(clock().stamp()) == "asked"


def test_who_agrees_has_shown_lately_who_they_are(people: Engine) -> None:
    """An open screen that somebody left does not agree."""
    pair = asked(people)
    with pytest.raises(Forbidden, match="proof-old"):
        agreed(people, pair, Grant("abe", OTHER.parts, fresh=False))


def test_only_who_asked_may_do_it_and_only_that(people: Engine) -> None:
    """Not who agreed, not somebody of a like name, and nothing else than what was asked for."""
    pair = asked(people)
    agreed(people, pair)
    for name in ("abe", "Mori", "x"):
        with pytest.raises(Refused, match="not-found"):
            taken(people, pair, name)
    with pytest.raises(Refused, match="not-found"):
        taken(people, pair, action="project-close")
    assert taken(people, pair).used_at


def test_what_was_refused_is_not_done(people: Engine) -> None:
    """Nor agreed to afterwards."""
    pair = asked(people)
    with writing(people) as connection:
        assert pairs.refuse(connection, pair.id, OTHER, clock()).state(clock().stamp()) == "refused"
    with pytest.raises(Refused, match="pair-state"):
        agreed(people, pair)
    with pytest.raises(Refused, match="pair-state"):
        taken(people, pair)


def test_both_steps_have_their_time(people: Engine) -> None:
    """A day to agree, half an hour to do it."""
    late, done_late = asked(people), asked(people)
    with pytest.raises(Refused, match="pair-state"):
        agreed(people, late, minutes=ASKED_HOURS * 60)
    agreed(people, done_late)
    with pytest.raises(Refused, match="pair-state"):
        taken(people, done_late, minutes=AGREED_MINUTES)
    assert taken(people, done_late, minutes=AGREED_MINUTES - 1).used_at


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\nb", "a\x00b"])
def test_a_reason_is_one_sentence(people: Engine, reason: str) -> None:
    """Nothing is asked for without one."""
    with pytest.raises(Refused, match="pair-reason"):
        asked(people, reason=reason)


def test_of_many_at_once_one_does_it(people: Engine) -> None:
    """Eight threads race for one agreement."""
    pair = asked(people)
    agreed(people, pair)
    start, done = threading.Barrier(8), []

    def race() -> None:
        start.wait()
        try:
            done.append(taken(people, pair))
        except Refused:
            return

    racers = [threading.Thread(target=race) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len(done) == 1
