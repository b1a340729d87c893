"""A hub vouches for gateways that a cloud never met."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kaname.access.introductions import Introduced, introduce, introduced
from kaname.access.partners import Partner, admit, keys, list_partners, partner_of_key, revoke
from kaname.access.signing import PublicKey, SigningKey
from kaname.clock import SYSTEM
from kaname.database import connect, migrate, reading, writing
from kaname.errors import Refused

AT = "2026-11-21T12:00:00Z"


def key(number: int) -> PublicKey:
    """One key of many."""
    return SigningKey.from_seed(bytes([number]) * 32).public


GATEWAY = Introduced("facility-1", key(1), ("j-mid",), "society", AT)


@pytest.fixture
def index(tmp_path: Path) -> Generator[Engine]:
    """A cloud's index that knows two hubs."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ("ground",))
    admit(engine, Partner("society", "hub", key(10), ("j-mid", "basic")), clock=SYSTEM)
    admit(engine, Partner("other", "hub", key(11), ("j-mid",)), clock=SYSTEM)
    yield engine
    engine.dispose()


def told(index: Engine, gateway: Introduced) -> list[Introduced]:
    """What is known after a hub introduced a gateway."""
    with writing(index) as connection:
        introduce(connection, gateway)
    with reading(index) as connection:
        return introduced(connection)


def test_an_introduced_gateway_is_known(index: Engine) -> None:
    """Its key verifies, it is a gateway of that name for those registries, and it is no partner of this node."""
    assert told(index, GATEWAY) == told(index, GATEWAY) == [GATEWAY]
    assert keys(index)[key(1).id] == key(1)
    found = partner_of_key(index, key(1).id)
    assert found is not None
    assert (found.name, found.role, found.registries) == ("facility-1", "gateway", ("j-mid",))
    assert [partner.name for partner in list_partners(index)] == ["other", "society"]
    (both,) = told(index, replace(GATEWAY, registries=("basic",)))
    assert both.registries == ("basic", "j-mid")
    assert partner_of_key(index, key(2).id) is None


def test_a_renewed_key_stands_beside_the_old_one(index: Engine) -> None:
    """Parcels that were signed before the renewal are still on their way."""
    told(index, GATEWAY)
    assert len(told(index, replace(GATEWAY, public_key=key(2)))) == 2
    assert {key(1).id, key(2).id} <= keys(index).keys()


def test_a_hubs_word_ends_with_the_hub(index: Engine) -> None:
    """Once the hub is revoked, what its gateways sign is a stranger's; what they signed before still verifies."""
    told(index, GATEWAY)
    revoke(index, "society", clock=SYSTEM)
    assert key(1).id not in keys(index)
    assert key(1).id in keys(index, revoked=True)
    found = partner_of_key(index, key(1).id)
    assert found is not None
    assert found.registries == ()


def test_nobody_is_admitted_as_somebody_who_was_introduced(index: Engine) -> None:
    """What a gateway sent is told by its name: two under one name could withdraw each other's patients."""
    told(index, GATEWAY)
    for partner in (
        Partner("facility-1", "gateway", key(2), ("j-mid",)),
        Partner("facility-2", "gateway", key(1), ("j-mid",)),
    ):
        with pytest.raises(Refused, match="enrolment-invalid"):
            admit(index, partner, clock=SYSTEM)
    admit(index, Partner("facility-1", "gateway", key(1), ("j-mid",)), clock=SYSTEM)
    assert [partner.name for partner in list_partners(index)] == ["facility-1", "other", "society"]


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"registries": ("joi",)}, "registries"),
        ({"hub": "nobody"}, "registries"),
        ({"hub": "other"}, "name"),
        ({"hub": "other", "name": "facility-9"}, "name"),
        ({"hub": "other", "public_key": key(3)}, "name"),
        ({"name": "facility-9"}, "name"),
        ({"public_key": key(10)}, "public_key"),
        ({"name": "other", "public_key": key(3)}, "name"),
    ],
)
def test_nobody_is_introduced_as_somebody_else(index: Engine, values: dict[str, object], part: str) -> None:
    """A hub speaks for its own registries only, and for no key or name that is somebody else's."""
    told(index, GATEWAY)
    with pytest.raises(Refused, check=lambda e: (e.code, e.facts.get("part")) == ("enrolment-invalid", part)):
        told(index, replace(GATEWAY, **values))
