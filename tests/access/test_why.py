"""A decision is explained by the policies that made it."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from kaname.access import policy
from kaname.access.accounts import add_account
from kaname.access.index import PROJECT
from kaname.access.model import Part
from kaname.access.why import Assumed, policy_texts, why
from kaname.clock import Clock
from kaname.database import connect, migrate, writing
from kaname.errors import Refused

CLOCK = Clock(now=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))


@pytest.fixture
def index(tmp_path: Path) -> Generator[Engine]:
    """An index with a reader, a checker of one project, and somebody whose account has ended."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    add_account(engine, "r-sato", (Part("reader", "j-mid"), Part("curator", "basic")), None, CLOCK)
    add_account(engine, "c-abe", (Part("checker", "j-mid", "liver"), Part("researcher", "j-mid", "liver")), None, CLOCK)
    add_account(engine, "gone", (Part("reader", "j-mid"),), None, CLOCK, until="2026-11-20T00:00:00Z")
    at = CLOCK.stamp()
    rows = [{"id": name, "state": state} for name, state in (("liver", "open"), ("lung", "suspended"))]
    texts = dict.fromkeys(("title", "organisation", "agreement", "until"), "") | {"made_at": at, "changed_at": at}
    own = {"registry": "j-mid", "datasets": [], "courses": [], "quota": {}} | texts
    with writing(engine) as connection:
        connection.execute(insert(PROJECT), [own | row for row in rows])
    yield engine
    engine.dispose()


def test_an_allow_names_the_policy_and_the_part(index: Engine) -> None:
    """Its text too, and which roles may do that."""
    found = why(index, CLOCK, "r-sato", "read", "j-mid")
    assert found.allowed
    ((name, text),) = found.policies
    assert name == "reader"
    assert text.startswith('@id("reader")\npermit (')
    assert found.parts == (Part("reader", "j-mid"),)
    assert found.roles == ("reader",)


def test_a_deny_by_a_missing_role_names_who_may(index: Engine) -> None:
    """No policy permits it: there is none to name."""
    found = why(index, CLOCK, "r-sato", "release", "j-mid")
    assert not found.allowed
    assert found.policies == ()
    assert found.parts == (Part("reader", "j-mid"),)
    assert found.roles == ("checker",)


@pytest.mark.parametrize(
    ("assumed", "policy_name"),
    [(Assumed(fresh=False), "proof-old"), (Assumed(weak=True), "second-factor-missing")],
)
def test_a_deny_by_a_policy_that_forbids_names_it(index: Engine, assumed: Assumed, policy_name: str) -> None:
    """However well the role would do."""
    found = why(index, CLOCK, "c-abe", "release", "j-mid", project="liver", assumed=assumed)
    assert not found.allowed
    assert [name for name, _ in found.policies] == [policy_name]
    assert "forbid" in found.policies[0][1]
    assert found.roles == ()


def test_a_part_in_one_project_counts_there_alone(index: Engine) -> None:
    """In that project, in another one, and in the registry itself."""
    here = why(index, CLOCK, "c-abe", "release", "j-mid", project="liver")
    assert (here.allowed, here.state, here.parts) == (
        True, "open", (Part("checker", "j-mid", "liver"), Part("researcher", "j-mid", "liver")),
    )  # fmt: skip
    for elsewhere in ("", "lung"):
        there = why(index, CLOCK, "c-abe", "release", "j-mid", project=elsewhere)
        assert (there.allowed, there.parts) == (False, ())


def test_the_state_of_a_project_is_read(index: Engine) -> None:
    """A suspended one forbids what an open one permits."""
    add_account(index, "m-ito", (Part("researcher", "j-mid"),), None, CLOCK)
    assert why(index, CLOCK, "m-ito", "research", "j-mid", project="liver").allowed
    found = why(index, CLOCK, "m-ito", "research", "j-mid", project="lung")
    assert (found.allowed, found.state) == (False, "suspended")
    assert [name for name, _ in found.policies] == ["project-closed"]


def test_how_somebody_comes_in_matters(index: Engine) -> None:
    """A researcher looks at pixels in front of a screen, and not by a program."""
    add_account(index, "m-ito", (Part("researcher", "j-mid"),), None, CLOCK)
    assert why(index, CLOCK, "m-ito", "pixels", "j-mid").allowed
    assert not why(index, CLOCK, "m-ito", "pixels", "j-mid", assumed=Assumed(channel="token")).allowed


def test_an_account_that_has_ended_lets_nobody_in(index: Engine) -> None:
    """Whatever its parts would permit."""
    found = why(index, CLOCK, "gone", "read", "j-mid")
    assert (found.allowed, found.ended) == (False, "2026-11-20T00:00:00Z")


@pytest.mark.parametrize(("name", "project"), [("nobody", ""), ("r-sato", "heart"), ("r-sato", "liver' OR 1=1")])
def test_an_unknown_name_is_told(index: Engine, name: str, project: str) -> None:
    """A person, or a project of that registry: nothing is guessed."""
    with pytest.raises(Refused, match="not-found"):
        why(index, CLOCK, name, "read", "j-mid", project=project)
    with pytest.raises(Refused, match="not-found"):
        why(index, CLOCK, "r-sato", "read", "basic", project="liver")


def test_every_policy_has_a_text_that_can_be_shown() -> None:
    """Each policy of each file, whole."""
    texts = policy_texts()
    whole = "".join(policy.sources()[name] for name in policy.NAMES)
    assert len(texts) == whole.count("@id(")
    for name, text in texts.items():
        assert text.count("@id(") == 1
        assert f'@id("{name}")' in text
        assert text.endswith(";")
        assert text in whole
