"""Certificates and keys are renewed and revoked, over real sockets and mutual TLS on the loopback."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kaname.access.certificates import (
    expires_at,
    fingerprint,
    read_certificate,
)
from kaname.access.partners import Partner as Admitted
from kaname.access.partners import admit, list_partners, partner_named
from kaname.access.partners import renew as write_down
from kaname.access.signing import SigningKey, sign_statement
from kaname.cli import kaname
from kaname.clock import SYSTEM, Clock
from kaname.database import writing
from kaname.errors import NotYet, Refused
from kaname.gateway.deidentify import deidentify
from kaname.gateway.flow import Journey
from kaname.gateway.hospital import Hospital
from kaname.gateway.seal import seal
from kaname.gateway.send import send
from kaname.intake.claim import signer
from kaname.node import open_node
from kaname.parcel.enrolment import NEXT_FILE, own_keys
from kaname.parcel.enrolment import make_request as ask_enrolment
from kaname.parcel.renewal import renew
from kaname.settings import Settings
from kaname.testing.deliveries import REGISTRY
from kaname.testing.newcomer import NAME, Newcomer, arrived, newcomer, until
from kaname.upkeep.home import make_home
from kaname.upkeep.renewal import certificates_ending, renew_client, renew_ending, renew_own_server


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


def delivered(hospital: Hospital, batch: str) -> str:
    """Sends what was sealed, as it lies there; returns the id of the key that it was signed with."""
    (parcel,) = hospital.outbox.iterdir()
    key = signer(parcel)
    sent = send(hospital, batch)
    assert isinstance(sent, dict)
    assert sent["outcome"] == "accepted"
    return key


def shut(call_: Callable[[], object], code: str) -> None:
    """Expects that nobody is let in, with that code."""
    with pytest.raises((Refused, NotYet), check=lambda error: getattr(error, "code", "") == code):
        call_()


def test_a_certificate_is_renewed_without_a_gap(pair: Newcomer) -> None:
    """Both count until the new one was shown once; from then on the old one is nobody's."""
    keys = pair.joined().node.settings.keys
    old = keys.parent / "old"
    old.mkdir()
    for name in ("tls.crt", "tls.key", "authority.crt"):
        (old / name).touch(0o600)
        (old / name).write_bytes((keys / name).read_bytes())
    path = f"/peer/v1/receipts/{'0' * 64}"
    renew_client(pair.gateway)
    assert (keys / "tls.crt").read_bytes() != (old / "tls.crt").read_bytes()
    assert [pair.ask(path, folder) for folder in (old, keys, old)] == [404, 404, 403]
    assert partner_named(pair.hub.index, NAME).certificate == fingerprint(
        read_certificate((keys / "tls.crt").read_bytes())
    )


def test_an_answer_that_was_lost_does_no_harm(pair: Newcomer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub renewed, the gateway never heard: it goes on with what it has and asks again, for the same new key."""
    keys = pair.joined().node.settings.keys
    with monkeypatch.context() as patched:
        patched.setattr(
            "kaname.parcel.renewal.accept_answer", lambda *_: (_ for _ in ()).throw(NotYet("receiver-unreachable"))
        )
        for _ in range(3):
            shut(lambda: renew(keys, SYSTEM, role="gateway", new_key=True), "receiver-unreachable")
    waiting = SigningKey.load(keys / NEXT_FILE).public
    assert pair.ask(f"/peer/v1/receipts/{'0' * 64}") == 404
    renew_client(pair.gateway, new_key=True)
    assert SigningKey.load(keys / "signing.pem").public == waiting
    assert len(list_partners(pair.hub.index)) == 2


def test_a_key_is_renewed_while_parcels_are_on_their_way(pair: Newcomer, tmp_path: Path) -> None:
    """What was sealed with the old key arrives, what comes after is signed with the new one."""
    hospital = pair.joined()
    before = hospital.signing.public
    early = arrived(hospital, tmp_path / "images", 1)
    deidentify(hospital, early)
    seal(hospital, early)
    told = call("gateway", "renew", "--signing-key", "--home", hospital.node.settings.home)
    assert told["key"] == hospital.signing.public.id != before.id
    assert own_keys(hospital.node.settings.keys).keys() == {before.id, told["key"]}
    assert {one.public_key.id for one in list_partners(pair.hub.index)} == {before.id, told["key"]}
    assert delivered(hospital, early) == before.id
    late = arrived(hospital, tmp_path / "images", 2)
    assert Journey(hospital).cross_study(do, late)["receipt"]["outcome"] == "accepted"


def test_an_old_key_is_revoked_alone(pair: Newcomer, tmp_path: Path) -> None:
    """From then on what it signed is a stranger's; the gateway with its new key stays a partner."""
    hospital = pair.joined()
    before = hospital.signing.public.id
    early = arrived(hospital, tmp_path / "images", 1)
    deidentify(hospital, early)
    seal(hospital, early)
    renew_client(pair.gateway, new_key=True)
    revoked = ["partner", "revoke", NAME, "--key", before, "--home", str(pair.hub.settings.home)]
    assert CliRunner().invoke(kaname, revoked).exit_code == 0
    with pytest.raises(Refused, match="parcel-stranger"):
        send(hospital, early)
    late = arrived(hospital, tmp_path / "images", 2)
    assert Journey(hospital).cross_study(do, late)["receipt"]["outcome"] == "accepted"


def renewal(pair: Newcomer, key: SigningKey, name: str, **values: object) -> bytes:
    """A renewal as somebody else could write it."""
    keys = pair.gateway.settings.keys
    request = json.loads(ask_enrolment(keys, name, [REGISTRY]))
    body = {"at": "2026-11-21T12:00:00Z", "request": request, "url": pair.door.url}
    return sign_statement("renewal-request", {**body, **values}, key)


def test_a_renewal_is_for_who_asks(pair: Newcomer) -> None:
    """Another name, another key, another role, a request that its own key did not sign: nobody is renewed."""
    own = pair.joined().signing
    other = SigningKey.from_seed(bytes(32))
    forged = json.loads(renewal(pair, own, NAME))["body"]["request"]
    forged["body"]["public_key"] = other.public.text
    for data in (
        renewal(pair, other, NAME),
        renewal(pair, own, "facility-8"),
        renewal(pair, own, NAME, request=forged),
        renewal(pair, own, NAME, url="http://hub.example"),
        b"{}",
    ):
        assert pair.ask("/peer/v1/renewals", body=data) == 422
    assert [one.public_key for one in list_partners(pair.hub.index)] == [own.public]
    assert pair.ask("/peer/v1/renewals", body=renewal(pair, own, NAME)) == 200


def test_no_partner_takes_anothers_key(pair: Newcomer) -> None:
    """A renewal that names the key of another partner, which it then could bring parcels of, is refused."""
    own = pair.joined().signing
    other = SigningKey.from_seed(bytes(32)).public
    admit(pair.hub.index, Admitted("facility-8", "gateway", other, (REGISTRY,)), clock=SYSTEM)
    with pytest.raises(Refused, match="enrolment-invalid"), writing(pair.hub.index) as connection:
        write_down(connection, Admitted(NAME, "gateway", other, (REGISTRY,)), shown="", clock=SYSTEM)
    assert partner_named(pair.hub.index, NAME).public_key == own.public


def test_certificates_are_renewed_before_they_end(pair: Newcomer) -> None:
    """Thirty days before, the worker does it by itself; the hub's open door takes its new one up."""
    pair.joined()
    assert certificates_ending(pair.gateway) == certificates_ending(pair.hub) == ()
    soon = Clock(now=lambda: datetime.now(UTC) + timedelta(days=800))
    (due,) = certificates_ending(replace(pair.gateway, clock=soon))
    (own,) = certificates_ending(replace(pair.hub, clock=soon))
    assert (due[:7], own[:7]) == ("client.", "server.")
    before = pair.gateway.settings.keys / "tls.crt", pair.hub.settings.keys / "tls.crt"
    old = [fingerprint(read_certificate(path.read_bytes())) for path in before]
    assert renew_ending(pair.gateway, do, due) == {"until": expires_at(before[0]).date().isoformat()}
    renew_ending(pair.hub, do, own)
    assert all(fingerprint(read_certificate(path.read_bytes())) not in old for path in before)
    host, port = "127.0.0.1", int(pair.door.url.rpartition(":")[2])
    until(lambda: fingerprint(read_certificate(ssl.get_server_certificate((host, port)).encode())) not in old)
    assert pair.ask(f"/peer/v1/receipts/{'0' * 64}") == 404


def test_only_who_has_such_a_certificate_renews_it(pair: Newcomer, tmp_path: Path) -> None:
    """A cloud is nobody's client, a gateway nobody's server, and only a gateway takes a new signing key."""
    cloud = make_home(Settings(tmp_path / "cloud", "cloud", "research"))
    for wrong in (
        lambda: renew_client(cloud),
        lambda: renew_client(pair.hub, new_key=True),
        lambda: renew_own_server(pair.gateway),
    ):
        shut(wrong, "wrong-role")
    shut(lambda: renew_client(pair.gateway), "not-enrolled")
    cloud.index.dispose()
    assert open_node(pair.hub.settings).settings.role == "hub"
