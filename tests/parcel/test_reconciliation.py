"""A gateway's parcels held against a tier's signed list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.access.certificates import client_context
from kaname.access.signing import sign_statement
from kaname.errors import NotYet, Refused
from kaname.parcel.ask import Partner
from kaname.parcel.reconciliation import (
    Comparison,
    Difference,
    Inventory,
    InventoryRequest,
    Listed,
    NextTier,
    Own,
    ask_inventory,
    ask_next_inventory,
    compare,
    pass_request_on,
)
from kaname.testing.door import ScriptedDoor, scripted_door
from kaname.testing.parcels import (
    AT,
    CLOUD_KEY,
    GATEWAY_KEY,
    GATEWAY_KEYS,
    HUB_KEY,
    HUB_KEYS,
    Pair,
    enrolled_pair,
)

REQUEST = InventoryRequest("gw-1", "j-mid", 0, AT)
TIER = NextTier("cloud-1", CLOUD_KEY.public)


def parcel(sequence: int, **values: Any) -> Listed:
    """An accepted parcel of two instances."""
    return replace(Listed(sequence, f"{sequence:064x}", "accepted", 2, "2" * 64), **values)


PAGE = Inventory("hub-1", "gw-1", "j-mid", 0, 2, (parcel(1), parcel(2)), (TIER,), AT)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A hub and a gateway that is enrolled with it."""
    return enrolled_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def door(pair: Pair) -> Iterator[ScriptedDoor]:
    """A door that answers as this test says."""
    with scripted_door(pair.hub) as door:
        yield door


@pytest.fixture
def partner(pair: Pair, door: ScriptedDoor) -> Partner:
    """The door, behind which whoever signs with the hub's key of the test vectors is believed."""
    return Partner(door.url, client_context(pair.gateway), HUB_KEY.public)


def refused(part: str, code: str = "inventory-invalid") -> pytest.RaisesExc[Refused]:
    """Expects a refusal, naming that part."""
    return pytest.raises(Refused, check=lambda error: (error.code, error.facts.get("part")) == (code, part))


def test_a_list_comes_page_by_page(door: ScriptedDoor, partner: Partner) -> None:
    """Each page is asked for by where the last one ended, until the highest number is there."""
    first = replace(PAGE, last=3)
    second = replace(PAGE, after=2, last=3, parcels=(parcel(3),))
    door.answers = [first.sign(HUB_KEY), second.sign(HUB_KEY)]
    assert tuple(ask_inventory(REQUEST, GATEWAY_KEY, partner)) == (first, second)
    assert [path for _, path, *_ in door.came] == ["/peer/v1/inventories"] * 2
    asked = [InventoryRequest.open(body, GATEWAY_KEYS) for *_, body in door.came]
    assert asked == [REQUEST, replace(REQUEST, after=2)]


def test_an_empty_list_has_one_page(door: ScriptedDoor, partner: Partner) -> None:
    """A tier that has nothing says so; one that claims more and shows nothing is not asked for ever."""
    for last in (0, 9):
        door.answer = replace(PAGE, parcels=(), last=last, upstream=()).sign(HUB_KEY)
        assert len(list(ask_inventory(REQUEST, GATEWAY_KEY, partner))) == 1


def test_the_next_tier_signs_for_itself(door: ScriptedDoor, partner: Partner) -> None:
    """Its list comes through the hub, and only its own key opens it."""
    page = replace(PAGE, node="cloud-1", upstream=())
    door.answer = page.sign(CLOUD_KEY)
    assert list(ask_next_inventory(REQUEST, GATEWAY_KEY, partner, TIER)) == [page]
    assert door.came[0][1] == "/peer/v1/inventories/upstream"
    assert pass_request_on(REQUEST.sign(GATEWAY_KEY), partner) == door.answer
    door.answer = page.sign(HUB_KEY)
    with refused("key"):
        list(ask_next_inventory(REQUEST, GATEWAY_KEY, partner, TIER))


def test_other_lists_are_refused(door: ScriptedDoor, partner: Partner) -> None:
    """A page of another gateway or registry, or from another place, is no answer."""
    for values in ({"gateway": "gw-2"}, {"registry": "basic"}, {"after": 1, "parcels": (parcel(2),)}):
        door.answer = replace(PAGE, **values).sign(HUB_KEY)
        with refused("answer"):
            list(ask_inventory(REQUEST, GATEWAY_KEY, partner))
    door.status = 503
    with pytest.raises(NotYet, match="receiver-busy"):
        list(ask_inventory(REQUEST, GATEWAY_KEY, partner))


LISTED = [1, "1" * 64, "accepted", 2, "2" * 64]


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("parcels", {"parcels": [[1]]}),
        ("parcels", {"parcels": [LISTED, LISTED]}),
        ("parcels", {"parcels": [[2, *LISTED[1:]], LISTED]}),
        ("parcels", {"after": 1}),
        ("sequence", {"parcels": [["1", *LISTED[1:]]]}),
        ("state", {"parcels": [[1, "1" * 64, "sent", 2, "2" * 64]]}),
        ("instances", {"parcels": [[1, "1" * 64, "accepted", -2, "2" * 64]]}),
        ("public_key", {"upstream": [{"name": "cloud-1", "public_key": ""}]}),
        ("last", {"last": -1}),
    ],
)
def test_wrong_lists_are_refused_by_name(part: str, values: dict[str, object]) -> None:
    """A list with a wrong value, or out of order, is refused and its place named."""
    body = json.loads(PAGE.sign(HUB_KEY))["body"] | values
    with refused(part):
        Inventory.open(sign_statement("inventory", body, HUB_KEY), HUB_KEYS)


def test_wrong_requests_are_refused() -> None:
    """A request for less than everything from nowhere is none."""
    body = json.loads(REQUEST.sign(GATEWAY_KEY))["body"] | {"after": -1}
    with refused("after", "statement-invalid"):
        InventoryRequest.open(sign_statement("inventory-request", body, GATEWAY_KEY), GATEWAY_KEYS)


@pytest.mark.parametrize(
    ("mine", "theirs", "kind"),
    [
        ({}, {}, None),
        ({}, None, "missing"),
        ({}, {"parcel": "f" * 64}, "other-parcel"),
        ({}, {"state": "refused"}, "other-state"),
        ({}, {"state": "withdrawn"}, "other-state"),
        ({}, {"instances": 1}, "other-instances"),
        ({}, {"instances_digest": "f" * 64}, "other-instances"),
        ({"state": "refused"}, None, None),
        ({"state": "refused"}, {"state": "refused", "instances": 0}, None),
        ({"state": "refused"}, {}, "other-state"),
        ({"state": "withdrawn"}, None, None),
        ({"state": "withdrawn"}, {"state": "withdrawn", "instances": 9}, None),
        ({"state": "withdrawn"}, {"state": "refused"}, None),
        ({"state": "withdrawn"}, {}, "other-state"),
    ],
)
def test_every_disagreement_has_its_kind(mine: dict[str, Any], theirs: dict[str, Any] | None, kind: str | None) -> None:
    """Whatever differs is named once; while the tier may still be without the news, it is under way instead."""
    own = parcel(1, **mine)
    listed = [] if theirs is None else [parcel(1, **theirs)]
    found = compare([Own(own, underway=False)], listed)
    assert [one.kind for one in found.differences] == ([kind] if kind else [])
    assert found.matched == (kind is None)
    waiting = compare([Own(own, underway=True)], listed)
    assert waiting == Comparison(int(kind is None), int(kind is not None))


def test_what_we_never_sent_is_a_difference() -> None:
    """A parcel on the tier's list that the gateway does not know is named by the tier's digest."""
    found = compare([Own(parcel(2), underway=False)], [parcel(1), parcel(2)])
    assert found == Comparison(1, 0, (Difference(1, "unknown", parcel(1).parcel),))


@given(st.dictionaries(st.integers(1, 50), st.sampled_from(["same", "missing", "unknown", "underway"])))
def test_every_parcel_is_counted_once(fates: dict[int, str]) -> None:
    """Matched, under way and different together are all parcels of both sides."""
    own = [Own(parcel(number), underway=fate == "underway") for number, fate in fates.items() if fate != "unknown"]
    listed = [parcel(number) for number, fate in fates.items() if fate in ("same", "unknown")]
    found = compare(own, listed)
    assert found.matched + found.underway + len(found.differences) == len(fates)
    assert [one.sequence for one in found.differences] == sorted(
        number for number, fate in fates.items() if fate in ("missing", "unknown")
    )
