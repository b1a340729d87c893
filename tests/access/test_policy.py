"""The policies, held against a table that was written down by itself."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.access import policy
from kaname.access.model import DUTIES, PEOPLE, Channel, Duty, Grant, Part, Role
from kaname.access.policy import ROLES, decide, problems, sources
from kaname.errors import Forbidden
from kaname.settings import Settings

ALLOWED: dict[Role, set[Duty]] = {
    "manager": {"browse", "identity"},
    "curator": {"browse", "pixels", "store", "curate"},
    "reader": {"read", "pixels"},
    "adjudicator": {"adjudicate", "pixels"},
    "researcher": {"browse", "research", "pixels"},
    "checker": {"check", "release"},
    "operator": {"operate", "people"},
    "auditor": {"audit"},
    "doctor": {"browse", "pixels"},
    "desk": {"withdraw", "identity"},
    "program": {*DUTIES} - {"identity", "people", "withdraw"},
}
REGISTRIES, PROJECTS = ("jed", "joi"), ("", "colon", "polyp")
PARTS = st.builds(Part, st.sampled_from(ROLES), st.sampled_from(REGISTRIES), st.sampled_from(PROJECTS))


def expected(grant: Grant, duty: Duty, registry: str, projects: tuple[str, ...], state: str) -> bool:
    """What the table says, and the bounds in words."""
    where = {registry, *(f"{registry}/{project}" for project in projects)}
    by_role = any(
        duty in ALLOWED[part.role]
        and part.scope in where
        and not (part.role == "researcher" and duty == "pixels" and grant.channel == "token")
        for part in grant.parts
    )
    closed = state != "open" and duty in {"browse", "pixels", "research", "release"}
    stale = not grant.fresh and duty in {"release", "identity", "people"}
    return by_role and duty in grant.duties and not (grant.weak or closed or stale)


@settings(max_examples=400, deadline=None)
@given(
    parts=st.lists(PARTS, max_size=4),
    duties=st.sets(st.sampled_from(DUTIES)).map(lambda some: tuple(sorted(some))) | st.just(DUTIES),
    channel=st.sampled_from(("console", "viewer", "token")),
    fresh=st.booleans(),
    weak=st.sampled_from((False, False, False, True)),
    duty=st.sampled_from(DUTIES),
    registry=st.sampled_from(REGISTRIES),
    projects=st.sampled_from(((), ("colon",), ("colon", "polyp"))),
    state=st.sampled_from(("open", "open", "suspended", "closed")),
)
def test_every_decision_is_that_of_the_table(  # noqa: PLR0913 -- everything that a decision hangs on
    *,
    parts: list[Part],
    duties: tuple[Duty, ...],
    channel: Channel,
    fresh: bool,
    weak: bool,
    duty: Duty,
    registry: str,
    projects: tuple[str, ...],
    state: str,
) -> None:
    """Whatever somebody plays, wherever, however they came in, and whatever they ask for."""
    grant = Grant("somebody", tuple(parts), duties, channel, fresh=fresh, weak=weak)
    decision = grant.decision(duty, registry, projects, state)
    assert decision.allowed == expected(grant, duty, registry, projects, state)
    assert bool(decision.permits) == decision.allowed
    assert not (decision.allowed and decision.against)


def test_the_policies_fit_their_schema() -> None:
    """Cedar's validator knows every attribute, duty and type that they name."""
    assert problems() == ()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("principal.reader", "principal.raeder"), ('"curate"', '"curat"'), ("context.weak", "context.weka")],
)
def test_a_typing_error_in_a_policy_is_found(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    """An attribute, a duty and a circumstance that there is none of."""
    mistyped = {
        name: text if name.endswith("schema") else text.replace(right, wrong) for name, text in sources().items()
    }
    monkeypatch.setattr(policy, "sources", lambda: mistyped)
    assert problems()


def test_a_policy_that_cannot_be_evaluated_lets_nobody_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the validator would have found is no silent denial and no silent permission when it runs."""
    broken = {**sources(), "bounds.cedar": '@id("x") forbid (principal, action, resource) when { context.weka };'}
    monkeypatch.setattr(policy, "sources", lambda: broken)
    policy._policies.cache_clear()
    decide.cache_clear()
    with pytest.raises(ValueError, match="cannot be evaluated"):
        Grant.of_person("x", ("jed",), ("reader",)).may("read")
    monkeypatch.undo()
    policy._policies.cache_clear()
    decide.cache_clear()


def test_nobody_may_anything_without_a_part() -> None:
    """Default deny."""
    nobody = Grant("nobody", ())
    assert not any(nobody.may(duty, registry) for duty in DUTIES for registry in ("", "jed"))


@pytest.mark.parametrize(
    ("grant", "duty", "registry", "code"),
    [
        (Grant.of_person("x", ("jed",), ("reader",)), "curate", None, "duty-missing"),
        (Grant.of_person("x", ("jed",), ("reader",)), "read", "joi", "not-permitted"),
        (Grant("x", (Part("checker", "jed"),), fresh=False), "release", "jed", "proof-old"),
        (Grant("x", (Part("reader", "jed"),), weak=True), "read", None, "second-factor-missing"),
        (Grant("x", (Part("reader", "jed"),), ("browse",)), "read", "jed", "duty-missing"),
    ],
)
def test_why_something_is_denied_is_told(grant: Grant, duty: Duty, registry: str | None, code: str) -> None:
    """No role, another registry, shown too long ago, no second factor, a token narrowed to less."""
    with pytest.raises(Forbidden, match=code):
        grant.need(duty, registry)


def test_a_part_in_a_project_is_none_in_its_registry() -> None:
    """It opens what the project has, and nothing of the registry beside."""
    member = Grant("x", (Part("researcher", "jed", "colon"),), channel="console")
    assert member.registries_for("research") == ()
    assert member.projects_for("research") == ("colon",)
    assert member.may("research")
    assert not member.may("research", "jed")


def test_every_role_of_people_permits_something() -> None:
    """A role without a policy would be a name for nothing."""
    for role in PEOPLE:
        grant = Grant.of_person("x", ("jed",), (role,))
        assert {duty for duty in DUTIES if grant.may(duty)} == ALLOWED[role]


def test_a_second_factor_is_demanded_of_every_role_of_people_by_default() -> None:
    """The settings stand below the roles and name them by themselves."""
    (default,) = [field.default for field in fields(Settings) if field.name == "second_factor"]
    assert default == PEOPLE
