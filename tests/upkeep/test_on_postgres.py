"""What the pages ask, asked of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kaname.access.accounts import accounts, add_account, set_password, sign_in
from kaname.access.model import Part
from kaname.archive.flow import shelve
from kaname.datasets.flow import freeze
from kaname.errors import Forbidden
from kaname.intake.flow import accept
from kaname.node import Node
from kaname.testing.deliveries import Facility, make_hub, series
from kaname.testing.postgres import find_programs, postgres_server
from kaname.upkeep.board import board, days, hospital_days
from kaname.upkeep.card import card_of
from kaname.upkeep.examination import items_of, series_of
from kaname.upkeep.refusals import refusals
from kaname.upkeep.studies import StudySearch, choices, find_studies
from kaname.upkeep.withdrawals import withdrawals


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A hub on PostgreSQL with one study."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: make system")
    folder: Path = tmp_path_factory.mktemp("hub")
    with postgres_server(programs) as url:
        node = make_hub(folder / "home", database=url)
        facility = Facility(folder / "mid", 1, "j-mid").admitted_to(node)
        shelve(node, accept(node, facility.parcel(series())).digest)
        yield node
        node.index.dispose()


def test_every_question_of_the_pages_is_understood(hub: Node) -> None:
    """With every filter at once, and with the answers that SQLite gives."""
    wanted = StudySearch(("j-mid",), "j-mid", "CT", "facility-1", since="20000101", until="20990101")
    (study,), total = find_studies(hub, wanted, 0, 5)
    assert total == 1
    assert choices(hub, wanted).facility == {"facility-1": 1}
    assert find_studies(hub, StudySearch(("j-mid",), text="a%"), 0, 5) == ((), 0)
    assert [one.look for one in series_of(hub, ("j-mid",), study.uid)] == ["stack"]
    assert items_of(hub, "j-mid", study.subject, study.uid) == ()
    assert [(one.received, one.usable) for one in board(hub, ("j-mid",))] == [(2, 2)]
    assert [(one.received, one.usable) for one in days(hub, ("j-mid",))] == [(2, 2)]
    assert hospital_days(hub, ("j-mid",)) == ()
    assert (refusals(hub, ("j-mid",)), withdrawals(hub, ("j-mid",))) == ((), ())
    assert card_of(hub, freeze(hub, "all", "j-mid")).facilities == (("facility-1", 1),)
    assert hub.ledger.latest(1)[0].action == "dataset-frozen"


def test_people_sign_in(hub: Node) -> None:
    """Tries stand in a row, a lock holds, and a new password lifts it."""
    parts = (Part("doctor", "j-mid"),)
    add_account(hub.index, "doctor", parts, "a long enough phrase", hub.clock)
    assert sign_in(hub.index, "doctor", "a long enough phrase", hub.clock).grant.parts == parts
    for _ in range(5):
        with pytest.raises(Forbidden, match="password-wrong"):
            sign_in(hub.index, "doctor", "wrong", hub.clock)
    with pytest.raises(Forbidden, match="signin-locked"):
        sign_in(hub.index, "doctor", "a long enough phrase", hub.clock)
    assert [one.locked for one in accounts(hub.index, hub.clock)] == [True]
    set_password(hub.index, "doctor", "another long phrase", hub.clock)
    assert sign_in(hub.index, "doctor", "another long phrase", hub.clock).grant.parts == parts
