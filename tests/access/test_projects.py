"""Organisations, projects and training: what stands, what moves, and what an end takes with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from kaname.access import organisations, projects, training
from kaname.access.accounts import accounts, add_account
from kaname.access.model import Grant, Part
from kaname.access.projects import MOVES, STATES, State
from kaname.access.reach import Reach, reach
from kaname.access.remembered import changing
from kaname.access.sessions import check_session, make_signin, open_session
from kaname.access.tokens import check_token, issue
from kaname.clock import Clock
from kaname.database import reading
from kaname.errors import Forbidden, Refused

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
AT = "2026-11-21T12:00:00Z"
DIGEST = "a" * 64
MEMBER = Part("researcher", "j-mid", "lungs")


def clock(days: float = 0) -> Clock:
    """A clock that stands still, so many days later."""
    return Clock(now=lambda: NOW + timedelta(days=days))


@pytest.fixture
def index(people: Engine) -> Engine:
    """An organisation with an open project and a member, and somebody else who keeps the node."""
    add_account(people, "operator", [Part("operator", "j-mid")], None, clock())
    add_account(people, "mori", [], None, clock(), organisation="univ")
    with changing(people) as connection:
        organisations.make(connection, "univ", "A 大学", "university", AT)
        projects.make(connection, projects.drafted("lungs", "肺結節", "j-mid", "univ", AT))
        projects.agree(connection, "lungs", DIGEST, "2027-03-31", AT)
        projects.open_datasets(connection, "lungs", ["thorax"], AT)
        projects.move(connection, "lungs", "open", AT)
        projects.join(connection, "lungs", "mori", "researcher", AT)
    return people


def mori(index: Engine, days: float = 0) -> Reach:
    """What the member reaches, so many days later."""
    return reach(index, Grant("mori", (MEMBER,)), ("browse", "research"), clock(days))


def moved(index: Engine, state: State) -> None:
    """Moves the project on."""
    with changing(index) as connection:
        projects.move(connection, "lungs", state, AT)


def test_a_member_sees_what_the_project_opens_and_nothing_else(index: Engine) -> None:
    """Its datasets and its runs; not the registry, not another project, not the same name elsewhere."""
    with changing(index) as connection:
        projects.make(connection, projects.drafted("other", "Other", "j-mid", "univ", AT))
    open_to = mori(index)
    assert (open_to.registries, open_to.projects) == ((), ("lungs",))
    assert open_to.sees_dataset("j-mid", "thorax")
    assert not open_to.sees_dataset("j-mid", "brains")
    assert not open_to.sees_dataset("basic", "thorax")
    open_to.need("j-mid", "lungs")
    for registry, project in (("j-mid", ""), ("j-mid", "other"), ("j-mid", "none"), ("basic", "lungs"), ("basic", "")):
        with pytest.raises(Refused, match="not-found"):
            open_to.need(registry, project)


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_a_project_that_is_not_open_says_so_to_its_members_alone(index: Engine, state: State) -> None:
    """To anybody else it is not there."""
    moved(index, state)
    open_to = mori(index)
    assert open_to.projects == ()
    with pytest.raises(Forbidden, match="project-closed"):
        open_to.need("j-mid", "lungs")
    with pytest.raises(Forbidden, match="project-closed"):
        open_to.need_dataset("j-mid", "thorax")
    stranger = reach(index, Grant("x", (Part("researcher", "j-mid", "other"),)), ("research",), clock())
    with pytest.raises(Refused, match="not-found"):
        stranger.need("j-mid", "lungs")
    whole = reach(index, Grant.of_person("curator", ("j-mid",), ("curator",)), ("browse",), clock())
    whole.need_dataset("j-mid", "thorax")
    with pytest.raises(Forbidden, match="project-closed"):
        whole.need("j-mid", "lungs")
    whole.need_released("j-mid", "lungs")
    checker = reach(index, Grant.of_person("checker", ("j-mid",), ("checker",)), ("check",), clock())
    checker.need("j-mid", "lungs")
    release = reach(index, checker.grant, ("release",), clock())
    with pytest.raises(Forbidden, match="project-closed"):
        release.need("j-mid", "lungs")


def test_an_agreement_that_has_run_out_closes_the_project_by_itself(index: Engine) -> None:
    """Nobody has to do anything; the last day itself still counts."""
    assert mori(index, 130).projects == ("lungs",)
    assert mori(index, 131).projects == ()
    with reading(index) as connection:
        assert projects.find(connection, "lungs").standing("2027-03-31T23:59:58Z") == "open"
        assert projects.find(connection, "lungs").standing("2027-03-31T23:59:59Z") == "closed"


@pytest.mark.parametrize("start", STATES)
@pytest.mark.parametrize("goal", STATES)
def test_a_project_moves_only_where_it_may(index: Engine, start: State, goal: State) -> None:
    """Closed is for good, and nothing becomes a draft again."""
    with changing(index) as connection:
        projects.make(connection, projects.drafted("p", "P", "j-mid", "univ", AT))
        projects.agree(connection, "p", DIGEST, "", AT)
        for state in {"draft": (), "open": ("open",), "suspended": ("open", "suspended"), "closed": ("closed",)}[start]:
            projects.move(connection, "p", state, AT)
    if goal in MOVES[start]:
        with changing(index) as connection:
            assert projects.move(connection, "p", goal, AT).state == goal
        return
    with pytest.raises(Refused, match="project-state"), changing(index) as connection:
        projects.move(connection, "p", goal, AT)


def test_nothing_opens_without_an_agreement_that_holds(index: Engine) -> None:
    """Neither without one, nor under one that has run out."""
    with changing(index) as connection:
        projects.make(connection, projects.drafted("p", "P", "j-mid", "univ", AT))
    with pytest.raises(Refused, match="agreement-missing"), changing(index) as connection:
        projects.move(connection, "p", "open", AT)
    with changing(index) as connection:
        projects.agree(connection, "p", DIGEST, "2026-11-20", AT)
    with pytest.raises(Refused, match="agreement-missing"), changing(index) as connection:
        projects.move(connection, "p", "open", AT)


def test_ending_an_organisation_ends_its_people_and_projects_at_once(index: Engine) -> None:
    """Open sessions and tokens included; other people stay."""
    grant = Grant("mori", (MEMBER,))
    signin = make_signin(index, grant, place="console", clock=clock(), owner="mori")
    session = open_session(index, signin, place="console", clock=clock())
    token = issue(index, grant, days=9, clock=clock(), owner="mori")
    assert check_token(index, token, registry=None, clock=clock()).name == "mori"
    with changing(index) as connection:
        ended = organisations.end(connection, "univ", AT)
    assert ended == organisations.Ended(("mori",), ("lungs",))
    with pytest.raises(Forbidden, match="session-ended"):
        check_session(index, session.secret, place="console", clock=clock())
    with pytest.raises(Forbidden, match="token-invalid"):
        check_token(index, token, registry=None, clock=clock())
    assert [one.name for one in accounts(index, clock())] == ["operator"]
    with reading(index) as connection:
        assert projects.find(connection, "lungs").state == "closed"
    for again in (_again, _another):
        with pytest.raises(Refused, match="organisation-ended"), changing(index) as connection:
            again(connection)


def _again(connection: Connection) -> None:
    organisations.end(connection, "univ", AT)


def _another(connection: Connection) -> None:
    projects.make(connection, projects.drafted("late", "Late", "j-mid", "univ", AT))


def test_the_organisation_of_the_last_operator_does_not_end(index: Engine) -> None:
    """Somebody has to be left; nothing of it happens."""
    add_account(index, "root", [Part("operator", "basic")], None, clock(), organisation="univ")
    with pytest.raises(Refused, match="last-operator"), changing(index) as connection:
        organisations.end(connection, "univ", AT)
    assert {one.name for one in accounts(index, clock())} == {"mori", "operator", "root"}
    assert mori(index).projects == ("lungs",)


def test_who_was_not_trained_is_no_member(index: Engine) -> None:
    """Not before the proof, not after it has run out; and the demand counts for who is there already."""
    add_account(index, "abe", [], None, clock())
    with changing(index) as connection:
        projects.demand(connection, "lungs", ["ethics"], AT)
    assert mori(index).projects == ()
    with pytest.raises(Refused, match="not-found"):
        mori(index).need("j-mid", "lungs")
    with pytest.raises(Refused, match="training-missing"), changing(index) as connection:
        projects.join(connection, "lungs", "abe", "researcher", AT)
    with changing(index) as connection:
        training.record(connection, "mori", "ethics", DIGEST, "2026-11-22", AT)
    assert mori(index).projects == ("lungs",)
    assert mori(index, 2).projects == ()


def test_a_member_who_leaves_is_out(index: Engine) -> None:
    """Their other parts stay."""
    with changing(index) as connection:
        projects.leave(connection, "lungs", "mori")
    with reading(index) as connection:
        assert projects.members(connection, "lungs") == ()
    with pytest.raises(Refused, match="not-found"), changing(index) as connection:
        projects.leave(connection, "lungs", "mori")


@pytest.mark.parametrize("role", ["operator", "manager", "program", "desk", "", "x"])
def test_a_member_is_a_researcher_or_a_checker(index: Engine, role: Any) -> None:
    """Everything else is about the registry, not about one project of it."""
    with pytest.raises(Refused, match="entry-invalid"), changing(index) as connection:
        projects.join(connection, "lungs", "operator", role, AT)


@pytest.mark.parametrize(
    ("id_", "title"),
    [("", "x"), ("A", "x"), ("a b", "x"), ("-a", "x"), ("a" * 64, "x"), ("a\n", "x"), ("a", ""), ("a", "x\ny")],
)
def test_ids_and_titles_have_one_spelling(index: Engine, id_: str, title: str) -> None:
    """Whatever else is typed makes nothing."""
    with pytest.raises(Refused, match="entry-invalid"), changing(index) as connection:
        organisations.make(connection, id_, title, "hospital", AT)
    with pytest.raises(Refused, match="entry-invalid"), changing(index) as connection:
        projects.make(connection, projects.drafted(id_, title, "j-mid", "univ", AT))


@pytest.mark.parametrize("day", ["2027-02-30", "2027-3-1", "tomorrow", "2027-03-31T00:00:00Z", "２０２７-０３-３１"])
def test_days_are_days(index: Engine, day: str) -> None:
    """No other spelling, and no day that there is not."""
    with pytest.raises(Refused, match="entry-invalid"), changing(index) as connection:
        projects.agree(connection, "lungs", DIGEST, day, AT)


@pytest.mark.parametrize("quota", [{"seconds": -1}, {"x": 1}, {"seconds": True}, {"seconds": 2**60}])
def test_a_quota_is_a_number_of_something_known(index: Engine, quota: dict[str, int]) -> None:
    """Nothing negative, nothing unknown."""
    with pytest.raises(Refused, match="entry-invalid"), changing(index) as connection:
        projects.grant_quota(connection, "lungs", quota, AT)
