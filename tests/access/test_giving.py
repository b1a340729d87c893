"""Giving and taking parts: nobody beyond what they look after, nobody to themselves, and never the last operator."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy import Engine

from kaname.access.accounts import accounts, add_account
from kaname.access.giving import HIGHEST, check_parts, give, has_in_hand, take
from kaname.access.model import PEOPLE, Grant, Part
from kaname.access.remembered import changing
from kaname.clock import SYSTEM
from kaname.database import connect, migrate
from kaname.errors import Forbidden, Refused

REGISTRIES = ("basic", "j-mid", "jed")
PARTS = some.builds(Part, some.sampled_from(PEOPLE), some.sampled_from(REGISTRIES))
AT = "2026-11-21T12:00:00Z"


@given(own=some.sets(PARTS, max_size=6), part=PARTS)
def test_a_part_is_given_only_where_one_looks_after_people(own: set[Part], part: Part) -> None:
    """Whatever roles somebody plays, in whichever registries: an operator there, or of all for the highest."""
    by = Grant("by", tuple(own), channel="console")
    operated = {one.registry for one in own if one.role == "operator"}
    allowed = operated >= {*REGISTRIES} if part.role in HIGHEST else part.registry in operated
    assert has_in_hand(by, (part,), REGISTRIES) == allowed
    if allowed:
        check_parts(by, (part,), REGISTRIES)
        return
    with pytest.raises(Forbidden, match="not-permitted"):
        check_parts(by, (part,), REGISTRIES)


@settings(max_examples=30)
@given(
    own=some.sets(PARTS, max_size=4),
    other=some.sets(PARTS, max_size=4),
    steps=some.lists(some.tuples(some.booleans(), some.sampled_from(["by", "other"]), PARTS), max_size=12),
)
def test_whatever_somebody_tries_nothing_beyond_their_registries_changes(
    own: set[Part], other: set[Part], steps: list[tuple[bool, str, Part]]
) -> None:
    """Any order of giving and taking: own parts never grow, others' parts elsewhere stay, operators never run out."""
    with TemporaryDirectory() as folder:
        index = connect(f"sqlite:///{Path(folder) / 'index.sqlite'}")
        migrate(index, ["ground"])
        add_account(index, "by", own, None, SYSTEM)
        add_account(index, "other", other, None, SYSTEM)
        first = _parts(index)
        for giving, whom, part in steps:
            by = Grant("by", tuple(_parts(index)["by"]), channel="console")
            _try(index, by, whom, part, giving=giving)
        last = _parts(index)
        index.dispose()
    operated = {part.registry for part in own if part.role == "operator"}
    assert last["by"] <= first["by"]
    assert {part.registry for part in first["other"] ^ last["other"]} <= operated
    if not operated >= {*REGISTRIES}:
        assert not {part.role for part in first["other"] ^ last["other"]} & {*HIGHEST}
    assert _operated(first) == _operated(last) or _operated(first) < _operated(last)


def _try(index: Engine, by: Grant, whom: str, part: Part, *, giving: bool) -> None:
    try:
        with changing(index) as connection:
            if giving:
                give(connection, by, whom, part, REGISTRIES)
            else:
                take(connection, by, whom, part, REGISTRIES, AT)
    except (Forbidden, Refused):
        return


def _parts(index: Engine) -> dict[str, set[Part]]:
    return {one.name: {*one.parts} for one in accounts(index, SYSTEM)}


def _operated(parts: dict[str, set[Part]]) -> set[str]:
    return {part.registry for own in parts.values() for part in own if part.role == "operator"}


@pytest.fixture
def index(people: Engine) -> Engine:
    """Two operators, one of everything and one of a registry."""
    add_account(people, "root", [Part("operator", one) for one in REGISTRIES], None, SYSTEM)
    add_account(people, "one", [Part("operator", "j-mid")], None, SYSTEM)
    return people


ROOT = Grant.of_person("root", REGISTRIES, ("operator",))


def test_the_last_operator_stays(index: Engine) -> None:
    """Also when they want to go themselves; where there is another, they may."""
    with pytest.raises(Refused, match="last-operator"), changing(index) as connection:
        take(connection, ROOT, "root", Part("operator", "jed"), REGISTRIES, AT)
    with changing(index) as connection:
        take(connection, ROOT, "one", Part("operator", "j-mid"), REGISTRIES, AT)
    with pytest.raises(Refused, match="last-operator"), changing(index) as connection:
        take(connection, ROOT, "root", Part("operator", "j-mid"), REGISTRIES, AT)


@pytest.mark.parametrize("name", ["root", "ROOT", "ｒｏｏｔ", " r o o t"])
def test_nobody_gives_to_themselves_under_another_spelling(index: Engine, name: str) -> None:
    """The same person, as far as names can tell."""
    if name.strip() != "root":
        add_account(index, name.strip(), [], None, SYSTEM)
    with pytest.raises(Forbidden, match="own-part"), changing(index) as connection:
        give(connection, ROOT, name, Part("checker", "j-mid"), REGISTRIES)


@pytest.mark.parametrize("part", [Part("program", "j-mid"), Part("reader", "jp-aid"), Part("researcher", "j-mid", "p")])
def test_what_is_no_part_of_a_person_in_a_registry_of_the_node_is_not_given(index: Engine, part: Part) -> None:
    """Programs are no persons, other nodes' registries are not ours, and members join through their project."""
    with pytest.raises(Refused, match="entry-invalid"), changing(index) as connection:
        give(connection, ROOT, "one", part, REGISTRIES)


def test_who_has_not_shown_lately_who_they_are_gives_nothing(index: Engine) -> None:
    """The policies ask for a fresh proof."""
    stale = Grant("root", ROOT.parts, channel="console", fresh=False)
    with pytest.raises(Forbidden, match="not-permitted"), changing(index) as connection:
        give(connection, stale, "one", Part("reader", "j-mid"), REGISTRIES)
