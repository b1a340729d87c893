"""A team in one file: all of it or nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from kaname.access import projects
from kaname.access.accounts import accounts, add_account
from kaname.access.model import Grant, Part
from kaname.access.onboarding import onboard, read_team
from kaname.access.organisations import organisations
from kaname.access.reach import reach
from kaname.access.remembered import changing
from kaname.clock import SYSTEM
from kaname.database import reading
from kaname.errors import Refused

DIGEST = "a" * 64
TEAM = f"""
[organisation]
id = "univ"
title = "A 大学"
kind = "university"
[project]
id = "lungs"
title = "肺結節"
registry = "j-mid"
agreement = "{DIGEST}"
until = "2999-03-31"
datasets = ["thorax"]
courses = ["ethics"]
quota = {{ seconds = 3600, gpu_seconds = 60 }}
[[member]]
name = "mori"
training = [{{ course = "ethics", proof = "{DIGEST}", until = "2999-01-01" }}]
[[member]]
name = "abe"
role = "checker"
training = [{{ course = "ethics", proof = "{DIGEST}" }}]
"""


def take_in(index: Engine, text: str) -> tuple[str, ...]:
    """Names of the accounts that were made."""
    with changing(index) as connection:
        return onboard(connection, read_team(text), SYSTEM).new_accounts


def test_everything_stands_afterwards(people: Engine) -> None:
    """An open project, its members with their parts, proofs and quota; who had an account keeps it."""
    add_account(people, "abe", [Part("reader", "basic")], None, SYSTEM)
    assert take_in(people, TEAM) == ("mori",)
    with reading(people) as connection:
        made = projects.find(connection, "lungs")
        assert projects.members(connection, "lungs") == (("abe", ("checker",)), ("mori", ("researcher",)))
        assert [one.id for one in organisations(connection)] == ["univ"]
    assert (made.state, made.until, dict(made.quota)) == (
        "open",
        "2999-03-31T23:59:59Z",
        {"seconds": 3600, "gpu_seconds": 60},
    )
    known = {one.name: one for one in accounts(people, SYSTEM)}
    assert known["mori"].organisation == "univ"
    assert Part("reader", "basic") in known["abe"].parts


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (('[[member]]\nname = "abe"', '[[member]]\nname = " abe"'), "account-name"),
        (('role = "checker"', 'role = "operator"'), "entry-invalid"),
        (('{ course = "ethics", proof = "' + DIGEST + '" }', ""), "training-missing"),
        (('kind = "university"', 'kind = "club"'), "entry-invalid"),
        (("2999-03-31", "2001-03-31"), "agreement-missing"),
        (("seconds = 3600", "seconds = -1"), "entry-invalid"),
    ],
)
def test_one_wrong_entry_and_nothing_stands(people: Engine, change: tuple[str, str], code: str) -> None:
    """No organisation, no project, no account is left of it."""
    assert change[0] in TEAM
    with pytest.raises(Refused, match=code):
        take_in(people, TEAM.replace(*change))
    assert accounts(people, SYSTEM) == ()
    with reading(people) as connection:
        assert (organisations(connection), projects.projects(connection, ("j-mid",))) == ((), ())


def test_a_known_organisation_takes_another_project(people: Engine) -> None:
    """The same project twice is refused."""
    take_in(people, TEAM)
    with pytest.raises(Refused, match="entry-exists"):
        take_in(people, TEAM)
    again = TEAM.replace('id = "lungs"', 'id = "lungs-2"').replace('title = "A 大学"\nkind = "university"\n', "")
    assert take_in(people, again) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "= 3",
        "[organisation]",
        TEAM + "\n[other]\n",
        TEAM.replace("[[member]]", "[[people]]"),
        TEAM.replace('datasets = ["thorax"]', 'datasets = "thorax"'),
        TEAM.replace('datasets = ["thorax"]', "datasets = [3]"),
        TEAM.replace("seconds = 3600", "seconds = true"),
        TEAM.replace('name = "mori"', "name = 3"),
        TEAM.replace("[[member]]\nname", "[[member]]\nboss = true\nname"),
    ],
)
def test_a_file_that_says_something_else_is_no_team(text: str) -> None:
    """Unknown entries, missing ones, and values of another kind."""
    with pytest.raises(Refused, match="onboarding-invalid"):
        read_team(text)


def test_eleven_teams_work_on_21_projects_and_see_their_own_alone(people: Engine) -> None:
    """Every member reaches the datasets of their project, and of no other, in the same registries."""
    teams = [(number, number % 11, ("j-mid", "basic")[number % 2]) for number in range(21)]
    for number, team, registry in teams:
        member = f'[[member]]\nname = "member-{number}"\n[[member]]\nname = "lead-{team}"\n'
        agreement = f'agreement = "{DIGEST}"\nuntil = "2999-03-31"\ndatasets = ["set-{number}"]\n'
        what = f'[project]\nid = "project-{number}"\ntitle = "課題"\nregistry = "{registry}"\n{agreement}'
        take_in(people, f'[organisation]\nid = "team-{team}"\ntitle = "班"\nkind = "university"\n{what}{member}')
    known = {one.name: one for one in accounts(people, SYSTEM)}
    assert {one.organisation for one in known.values()} >= {f"team-{team}" for team in range(11)}
    for number, _, _ in teams:
        mine = reach(people, Grant(f"member-{number}", known[f"member-{number}"].parts), ("research",), SYSTEM)
        seen = [other for other, _, place in teams if mine.sees_dataset(place, f"set-{other}")]
        assert (seen, mine.projects, mine.registries) == ([number], (f"project-{number}",), ())
