"""Where the images of each facility are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from kaname.database import writing
from kaname.governance.withdraw import obey
from kaname.intake.index import FACILITIES, FACILITY_DAYS, ONWARD, PARCELS
from kaname.node import Node
from kaname.testing.busy import busy_hub
from kaname.testing.deliveries import Facility
from kaname.upkeep.board import Place, board, days, hospital_days
from kaname.upkeep.refusals import refusals
from kaname.upkeep.withdrawals import withdrawals


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Node]:
    """A hub with something in every room."""
    node = busy_hub(tmp_path / "home", tmp_path)
    yield node
    node.index.dispose()


def test_each_facility_has_its_row(hub: Node) -> None:
    """What a facility has not told is not known, which is another thing than nothing."""
    mid, other = board(hub, ("j-mid", "basic"))
    assert mid == Place("j-mid", "facility-1", None, None, None, 7, 0, 2, 0, 5)
    assert other == Place("basic", "facility-2", None, None, None, 2, 0, 0, 0, 2)
    assert board(hub, ("basic",)) == (other,)
    assert board(hub, ()) == ()


def test_what_a_withdrawn_subject_brought_is_counted_nowhere(hub: Node, tmp_path: Path) -> None:
    """Received and usable go down by the three slices that went; the withdrawal is listed as done."""
    obey(hub, Facility(tmp_path / "mid", 1, "j-mid").withdrawal("00012345"))
    (mid,) = board(hub, ("j-mid",))
    assert (mid.received, mid.usable) == (4, 2)
    (one,) = withdrawals(hub, ("j-mid",))
    assert (one.state, one.facility, one.upstream) == ("certified", "facility-1", False)
    assert withdrawals(hub, ("basic",)) == ()


def test_what_the_next_tier_took_is_counted(hub: Node) -> None:
    """Parcels that were forwarded; those that wait are not."""
    with writing(hub.index) as connection:
        parcels = connection.execute(
            PARCELS.select().where(PARCELS.c.registry == "j-mid", PARCELS.c.state == "shelved")
        ).all()
        states = ("forwarded", "waiting")
        for parcel, state in zip(parcels, states, strict=True):
            connection.execute(update(ONWARD).where(ONWARD.c.parcel == parcel.digest).values(state=state))
    (mid,) = board(hub, ("j-mid",))
    assert mid.passed_on == parcels[0].instances


def test_what_hospitals_say_stands_beside_it(hub: Node) -> None:
    """The latest word counts; who was silent on a day still has what it said last."""
    at = "2026-11-21T12:00:00Z"
    said = {"registry": "j-mid", "sequence": 1, "statement": b"", "at": at, "received": 15, "sent": 12}
    with writing(hub.index) as connection:
        one = {**said, "facility": "facility-1", "held": 2, "reasons": '{"text-in-pixels":2}'}
        connection.execute(insert(FACILITIES).values(**one))
        for facility, day, held in (("facility-1", "20", 1), ("facility-9", "20", 4), ("facility-1", "21", 2)):
            row = {"facility": facility, "registry": "j-mid", "day": f"2026-11-{day}", "received": 9, "sent": 7}
            connection.execute(insert(FACILITY_DAYS).values(**row, held=held))
    (mid,) = board(hub, ("j-mid",))
    assert (mid.came_in, mid.in_hospital, mid.at_society, mid.received, mid.refused) == (15, 2, 3, 7, 2)
    assert [(one.day[-2:], one.came_in, one.held) for one in hospital_days(hub, ("j-mid",))] == [
        ("20", 18, 5),
        ("21", 18, 6),
    ]


def test_days_count_what_came_and_what_became_usable(hub: Node) -> None:
    """All of it came today."""
    (today,) = days(hub, ("j-mid", "basic"))
    assert (today.received, today.usable) == (9, 7)
    assert today.day == hub.clock.stamp()[:10]


def test_what_did_not_pass_is_told_one_by_one(hub: Node) -> None:
    """A refused parcel with its facility; nothing of another registry."""
    (one,) = refusals(hub, ("j-mid",))
    assert (one.outcome, one.facility, one.reason, one.instances) == ("refused", "facility-1", "inspection-failed", 2)
    assert refusals(hub, ("basic",)) == ()
