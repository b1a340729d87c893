"""Enrolment by one line, and who stays outside, over real sockets and mutual TLS on the loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from kaname.access.certificates import (
    client_context,
    issue,
    make_authority,
    make_request,
)
from kaname.access.invitations import any_open
from kaname.access.partners import list_partners, partner_named, revoke
from kaname.cli import kaname
from kaname.clock import SYSTEM, Clock
from kaname.errors import NotYet, Refused
from kaname.gateway.flow import Journey
from kaname.gateway.hospital import open_hospital
from kaname.intake.admission import Guest, invite
from kaname.parcel.enrolment import read_partner, signing_key
from kaname.parcel.joining import PATH, Line
from kaname.parcel.renewal import renew
from kaname.settings import Settings
from kaname.testing.deliveries import REGISTRY
from kaname.testing.newcomer import NAME, Newcomer, arrived, newcomer, until
from kaname.testing.tiers import Door
from kaname.upkeep.home import make_home


def do(step: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a step at once."""
    return step(*arguments)


def call(*arguments: str | Path) -> Any:
    """What a command that must succeed prints as JSON."""
    done = CliRunner().invoke(kaname, [str(one) for one in (*arguments, "--json")])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


@pytest.fixture
def pair(tmp_path: Path) -> Generator[Newcomer]:
    """Both homes; nobody knows anybody."""
    with newcomer(tmp_path) as both:
        yield both


def shut(call_: Callable[[], object], code: str) -> None:
    """Expects that nobody is let in, with that code."""
    with pytest.raises((Refused, NotYet), check=lambda error: getattr(error, "code", "") == code):
        call_()


def test_one_line_makes_partners(pair: Newcomer, tmp_path: Path) -> None:
    """The hub's operator says one line, the hospital pastes it, and the next study arrives."""
    hospital = pair.joined()
    batch = arrived(hospital, tmp_path / "images", 1)
    assert Journey(hospital).cross_study(do, batch)["receipt"]["outcome"] == "accepted"
    assert partner_named(pair.hub.index, NAME).public_key == hospital.signing.public
    assert read_partner(pair.gateway.settings.keys).key == signing_key(pair.hub.settings.keys).public


def test_the_line_can_be_read_from_standard_input(pair: Newcomer) -> None:
    """Then it stands in no list of processes and no history."""
    line = pair.invited()
    home = ["--home", str(pair.gateway.settings.home), "--json"]
    done = CliRunner().invoke(kaname, ["gateway", "enrol", "--code", "-", *home], input=f"{line.text}\n")
    assert json.loads(done.stdout)["hub"] == "society"


def test_a_hub_joins_a_cloud_by_one_line(pair: Newcomer, tmp_path: Path) -> None:
    """The next tier invites it in the same way; the certificate that it shows there is renewed in the same way."""
    cloud = make_home(Settings(tmp_path / "cloud", "cloud", "research", registries=(REGISTRY, "basic")))
    door, home = Door(cloud), ("--home", pair.hub.settings.home)
    invited = call(
        "partner", "invite", "--name", "society", "--role", "hub", "--url", door.url, "--home", cloud.settings.home
    )
    with door.open():
        enrolled = call("partner", "enrol", "--code", invited["code"], "--registry", REGISTRY, *home)
        before = list_partners(cloud.index)
        call("partner", "renew", *home)
    assert (enrolled["cloud"], [(one.name, one.registries) for one in before]) == (
        "research",
        [("society", (REGISTRY,))],
    )
    assert list_partners(cloud.index)[0].certificate != before[0].certificate
    assert [one.name for one in list_partners(pair.hub.index)] == ["research"]
    cloud.index.dispose()


def test_the_door_lets_nobody_in_unless_somebody_is_awaited(pair: Newcomer) -> None:
    """Without an invitation a connection without certificate ends in the handshake, and so it does afterwards."""
    assert not pair.lets_strangers_in()
    line = pair.invited()
    for method, path in (
        ("GET", f"/peer/v1/receipts/{'0' * 64}"),
        ("POST", "/peer/v1/parcels"),
        ("POST", "/peer/v1/renewals"),
    ):
        answer = pair.stranger(method, path)
        assert (answer.status_code, answer.json()["code"]) == (403, "partner-unknown")
    assert pair.stranger("GET", PATH).status_code == 405
    assert pair.stranger("POST", PATH, b"x" * 70_000).status_code == 413
    wrong = replace(line, code="ABCD-EFGH-JKLM-NPQR")
    for _ in range(5):
        shut(lambda: pair.enrol(wrong), "invitation-invalid")
    assert not any_open(pair.hub.index, clock=pair.hub.clock)
    until(lambda: not pair.lets_strangers_in())


def test_another_hubs_door_gets_nothing(pair: Newcomer, tmp_path: Path) -> None:
    """Who stands at the address with another TLS key hears no request; who signs with another key enrols nobody."""
    line = pair.invited()
    other = make_home(Settings(tmp_path / "other", "hub", "society", registries=(REGISTRY, "basic")))
    theirs = invite(other, Door(other).url, Guest(NAME, "gateway", (REGISTRY,)), hours=1)
    door = Door(other)
    with door.open():
        for said, code in (
            (replace(line, url=door.url), "receiver-untrusted"),
            (replace(line, url=door.url, door=theirs.door), "invitation-invalid"),
            (replace(theirs, url=door.url, key=line.key), "enrolment-invalid"),
            (replace(line, url="https://127.0.0.1:1"), "receiver-unreachable"),
        ):
            shut(lambda said=said: pair.enrol(said), code)
            shut(lambda: read_partner(pair.keys), "not-enrolled")
    other.index.dispose()


def test_who_has_a_hub_joins_no_other(pair: Newcomer) -> None:
    """A gateway that is enrolled asks nobody else, whatever is pasted."""
    pair.joined()
    said = Line(pair.door.url, "1" * 64, "2" * 64, "3" * 8, "ABCD-EFGH-JKLM-NPQR")
    shut(lambda: pair.enrol(said), "enrolment-invalid")


def test_a_revoked_partner_is_a_stranger_at_once(pair: Newcomer) -> None:
    """Its certificate opens nothing, on the connection that it has open either, and no renewal brings it back."""
    hospital = pair.joined()
    keys = hospital.node.settings.keys
    url = f"{pair.door.url}/peer/v1/receipts/{'0' * 64}"
    with httpx.Client(verify=client_context(keys), trust_env=False) as open_already:
        assert open_already.get(url).status_code == 404
        revoke(pair.hub.index, NAME, clock=pair.hub.clock)
        answer = open_already.get(url)
    assert (answer.status_code, answer.json()["code"]) == (403, "partner-unknown")
    shut(lambda: renew(keys, SYSTEM, role="gateway"), "not-enrolled")
    assert list_partners(pair.hub.index) == []


def test_who_was_revoked_comes_back_with_new_keys_alone(pair: Newcomer, tmp_path: Path) -> None:
    """Another invitation is no pardon for the old key; with new ones the gateway is a partner again."""
    before = pair.joined().signing.public
    revoke(pair.hub.index, NAME, clock=pair.hub.clock)
    line = pair.invited()
    shut(lambda: pair.enrol(line), "invitation-invalid")
    home = ("--home", pair.gateway.settings.home)
    call("gateway", "enrol", "--code", line.text, "--new-keys", *home)
    hospital = open_hospital(pair.gateway)
    batch = arrived(hospital, tmp_path / "images", 1)
    assert Journey(hospital).cross_study(do, batch)["receipt"]["outcome"] == "accepted"
    assert before != hospital.signing.public == partner_named(pair.hub.index, NAME).public_key
    wrong = CliRunner().invoke(kaname, ["gateway", "enrol", "--answer", __file__, "--new-keys", *map(str, home)])
    assert wrong.exit_code == 2


def test_an_unknown_certificate_of_the_own_authority_is_nobodys(pair: Newcomer, tmp_path: Path) -> None:
    """That the hub has signed it once is not enough: it has to stand in the list of partners."""
    pair.joined()
    keys = tmp_path / "spare"
    (keys / "tls.crt").parent.mkdir()
    (keys / "tls.crt").write_bytes(issue(pair.hub.settings.keys, make_request(keys, NAME), 30))
    (keys / "authority.crt").write_bytes((pair.hub.settings.keys / "authority.crt").read_bytes())
    assert pair.ask(f"/peer/v1/receipts/{'0' * 64}", keys) == 403


def test_expired_and_foreign_certificates_end_in_the_handshake(pair: Newcomer, tmp_path: Path) -> None:
    """Also while a connection without any certificate would be let in."""
    pair.joined()
    pair.invited("facility-8")
    make_authority(tmp_path / "other", "society")
    past = Clock(now=lambda: datetime.now(UTC) - timedelta(days=31))
    for folder, authority, clock in (
        ("expired", pair.hub.settings.keys, past),
        ("foreign", tmp_path / "other", SYSTEM),
    ):
        keys = tmp_path / folder
        request = make_request(keys, NAME)
        (keys / "tls.crt").write_bytes(issue(authority, request, 30, clock))
        (keys / "authority.crt").write_bytes((pair.hub.settings.keys / "authority.crt").read_bytes())
        with pytest.raises(NotYet, match="receiver-"):
            pair.ask("/", keys)
