"""Partners: admitted, brought up to date, revoked, never forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kaname.access.introductions import Introduced, introduce
from kaname.access.partners import (
    Partner,
    admit,
    bringers,
    brings,
    keys,
    list_partners,
    partner_named,
    partner_of_certificate,
    partner_of_key,
    renew,
    revoke,
)
from kaname.access.signing import SigningKey
from kaname.clock import Clock
from kaname.database import connect, migrate, writing
from kaname.errors import Refused

CLOCK = Clock(now=lambda: datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC))
LATER = Clock(now=lambda: datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC))
KEYS = [SigningKey.from_seed(bytes([n] * 32)).public for n in range(3)]
GATEWAY = Partner("gateway-1", "gateway", KEYS[0], ("j-mid",), certificate="ab" * 32)


@pytest.fixture
def index(tmp_path: Path) -> Engine:
    """An index with the tables of access."""
    engine = connect(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(engine, ["ground"])
    return engine


def test_admit(index: Engine) -> None:
    """An admitted partner is found by name and by key, with the time of its admission."""
    admitted = admit(index, GATEWAY, clock=CLOCK)
    assert admitted == replace(GATEWAY, admitted_at="2026-11-21T12:00:00Z")
    assert partner_named(index, "gateway-1") == partner_of_key(index, KEYS[0].id) == admitted
    assert list_partners(index) == [admitted]
    assert keys(index) == {KEYS[0].id: KEYS[0]}


def test_admit_again(index: Engine) -> None:
    """The same key again brings registries and certificate up to date, and keeps the day of admission."""
    admit(index, GATEWAY, clock=CLOCK)
    changed = admit(index, replace(GATEWAY, registries=("j-mid", "basic"), certificate="cd" * 32), clock=LATER)
    assert changed.admitted_at == "2026-11-21T12:00:00Z"
    assert list_partners(index) == [changed]


def test_key_of_another(index: Engine) -> None:
    """A key that belongs to one partner cannot be admitted under another name."""
    admit(index, GATEWAY, clock=CLOCK)
    with pytest.raises(Refused, match="enrolment-invalid"):
        admit(index, replace(GATEWAY, name="gateway-2"), clock=CLOCK)


def test_name_of_another(index: Engine) -> None:
    """A name with a valid key cannot be taken over by another key."""
    admit(index, GATEWAY, clock=CLOCK)
    with pytest.raises(Refused, match="enrolment-invalid"):
        admit(index, replace(GATEWAY, public_key=KEYS[1]), clock=CLOCK)
    assert keys(index) == {KEYS[0].id: KEYS[0]}


def test_revoke(index: Engine) -> None:
    """A revoked partner is a stranger, stays on the list, cannot come back with that key, but can with a new one."""
    admit(index, GATEWAY, clock=CLOCK)
    revoke(index, "gateway-1", clock=LATER)
    assert keys(index) == {}
    assert keys(index, revoked=True) == {KEYS[0].id: KEYS[0]}
    old = partner_of_key(index, KEYS[0].id)
    assert old is not None
    assert old.revoked_at == "2026-11-22T12:00:00Z"
    with pytest.raises(Refused, match="not-found"):
        partner_named(index, "gateway-1")
    with pytest.raises(Refused, match="enrolment-invalid"):
        admit(index, GATEWAY, clock=LATER)
    new = admit(index, replace(GATEWAY, public_key=KEYS[1]), clock=LATER)
    assert partner_named(index, "gateway-1") == new
    assert list_partners(index, revoked=True) == [old, new]


def test_unknown(index: Engine) -> None:
    """Who was never admitted is a stranger, and cannot be revoked."""
    assert partner_of_key(index, KEYS[2].id) is None
    with pytest.raises(Refused, match="not-found"):
        revoke(index, "nobody", clock=CLOCK)


def renewed(index: Engine, partner: Partner, shown: str) -> None:
    """A partner renews, on a connection that showed that certificate."""
    with writing(index) as connection:
        renew(connection, partner, shown=shown, clock=LATER)


def test_a_certificate_is_one_partners(index: Engine) -> None:
    """It names its partner while that is valid; no part of one, and no empty one, names anybody."""
    admitted = admit(index, GATEWAY, clock=CLOCK)
    assert partner_of_certificate(index, "ab" * 32) == admitted
    for other in ("", "ab", "cd" * 32, "%", "_" * 64, "ab" * 32 + " "):
        assert partner_of_certificate(index, other) is None
    revoke(index, "gateway-1", clock=LATER)
    assert partner_of_certificate(index, "ab" * 32) is None


def test_two_certificates_count_until_the_newer_is_shown(index: Engine) -> None:
    """A lost answer shuts nobody out, however often, and the old certificate ends with the first use of the new."""
    admit(index, GATEWAY, clock=CLOCK)
    for new in ("01" * 32, "02" * 32, "03" * 32):
        renewed(index, replace(GATEWAY, certificate=new), "ab" * 32)
        assert partner_of_certificate(index, "ab" * 32) is not None
    assert partner_of_certificate(index, "02" * 32) is None
    assert partner_of_certificate(index, "03" * 32) is not None
    assert partner_of_certificate(index, "ab" * 32) is None
    assert partner_named(index, "gateway-1").certificate == "03" * 32


def test_a_renewed_key_stands_beside_the_old_one(index: Engine) -> None:
    """Both count, with the same rights, until one is revoked; the newest is the partner's."""
    admit(index, GATEWAY, clock=CLOCK)
    renewed(index, replace(GATEWAY, public_key=KEYS[1], certificate="cd" * 32), "ab" * 32)
    assert keys(index).keys() == {KEYS[0].id, KEYS[1].id}
    assert partner_named(index, "gateway-1").public_key == KEYS[1]
    admit(index, replace(GATEWAY, public_key=KEYS[1], registries=("basic",)), clock=LATER)
    assert {one.registries for one in list_partners(index)} == {("basic",)}
    revoke(index, "gateway-1", clock=LATER, key_id=KEYS[0].id)
    assert keys(index).keys() == {KEYS[1].id}
    with pytest.raises(Refused, match="not-found"):
        revoke(index, "gateway-1", clock=LATER, key_id=KEYS[0].id)
    with pytest.raises(Refused, match="enrolment-invalid"):
        renewed(index, GATEWAY, "ab" * 32)


def test_who_may_bring_what_is_told_by_name(index: Engine) -> None:
    """Whose key it is, and the hubs that vouch for it; a stranger's is nobody's to bring."""
    own = admit(index, GATEWAY, clock=CLOCK)
    hub = admit(index, Partner("society", "hub", KEYS[1], ("j-mid",), certificate="ef" * 32), clock=CLOCK)
    with writing(index) as connection:
        introduce(connection, Introduced("far", KEYS[2], ("j-mid",), "society", "2026-11-21T12:00:00Z"))
    assert [bringers(index, key.id) for key in KEYS] == [{"gateway-1"}, {"society"}, {"society"}]
    assert bringers(index, "0" * 16) == set()
    assert [brings(index, who, "far") for who in (own, hub)] == [False, True]
    assert [brings(index, who, "gateway-1") for who in (own, hub)] == [True, False]
