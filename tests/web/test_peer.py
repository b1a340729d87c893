import asyncio
import base64
import errno
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kaname.access.introductions import Introduced, introduce
from kaname.access.partners import Partner, admit
from kaname.access.signing import SigningKey
from kaname.archive.flow import shelve, unshelved
from kaname.database import writing
from kaname.node import Node
from kaname.parcel.journey import Journey
from kaname.parcel.reconciliation import Inventory, InventoryRequest
from kaname.parcel.statements import Certificate, Receipt
from kaname.testing.deliveries import AT, Facility, hub_keys, make_hub, series
from kaname.web import partners as known_by
from kaname.web.app import make_peer_app
from kaname.web.partners import SHOWN
from kaname.web.peer import STATEMENT_LIMIT_BYTES, WRITE_BYTES, clear_inbox, inbox


def showing(app: ASGIApp, certificate: str) -> ASGIApp:
    """The app behind a server that says which certificate a connection showed."""

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {SHOWN: certificate}}, receive, send)

    return server


@dataclass
class Peers:
    """A hub, a facility that it knows, and what the door put on the list of work."""

    node: Node
    facility: Facility
    limit_bytes: int = 1 << 30

    def ask(
        self, method: str, path: str, content: Any = None, *, shown: str | None = None, **headers: str
    ) -> httpx.Response:
        """One request to the door for partners, on a connection that showed the facility's certificate or another."""
        app = make_peer_app(self.node, limit_bytes=self.limit_bytes)
        certificate = self.facility.certificate if shown is None else shown

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(showing(app, certificate), raise_app_exceptions=False)
            told = {name.replace("_", "-"): value for name, value in headers.items()}
            async with httpx.AsyncClient(transport=transport, base_url="https://door", headers=told) as client:
                return await client.request(method, f"/peer/v1{path}", content=content)

        return asyncio.run(go())

    def receipt(self, answer: httpx.Response) -> Receipt:
        """The receipt in an answer, its signature checked."""
        assert answer.status_code == 200, answer.text
        return Receipt.open(answer.content, hub_keys(self.node))

    def left(self) -> list[Path]:
        """What lies in the inbox."""
        return list(inbox(self.node).iterdir())


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Peers]:
    """A hub that has just started, and one facility."""
    node = make_hub(tmp_path / "home")
    clear_inbox(node)
    yield Peers(node, Facility(tmp_path / "facility").admitted_to(node))
    node.index.dispose()


def test_a_parcel_is_answered_by_a_receipt_and_waits_for_its_shelf(peers: Peers) -> None:
    """An accepted parcel goes on the list of work, and the receipt can be asked for again."""
    parcel = peers.facility.parcel(series())
    answer = peers.ask("POST", "/parcels", parcel.read_bytes())
    receipt = peers.receipt(answer)
    assert (receipt.outcome, receipt.instances, unshelved(peers.node)) == ("accepted", 2, (parcel.stem,))
    assert peers.ask("GET", f"/receipts/{parcel.stem}").content == answer.content
    assert not peers.left()


def test_the_same_parcel_again_is_the_same_receipt(peers: Peers) -> None:
    """Delivering twice is delivering once; what lies on its shelf already is not listed again."""
    parcel = peers.facility.parcel(series())
    data = parcel.read_bytes()
    first = peers.ask("POST", "/parcels", data)
    shelve(peers.node, parcel.stem)
    assert peers.ask("POST", "/parcels", data).content == first.content
    assert unshelved(peers.node) == ()


def test_a_refused_parcel_has_a_receipt_and_no_shelf(peers: Peers) -> None:
    """One flipped byte: the answer is a signed refusal, the file lies in quarantine, nothing is listed."""
    data = bytearray(peers.facility.parcel(series()).read_bytes())
    data[-2000] ^= 1
    receipt = peers.receipt(peers.ask("POST", "/parcels", bytes(data)))
    assert (receipt.outcome, receipt.reason, unshelved(peers.node)) == ("refused", "parcel-damaged", ())
    assert len(list((peers.node.settings.home / "quarantine").iterdir())) == 1
    assert not peers.left()


@pytest.mark.parametrize("content", [b"", b"not a parcel", b"\0" * 10240])
def test_what_is_no_parcel_is_refused(peers: Peers, content: bytes) -> None:
    """A file that does not say what it is gets a reason, since no receipt could name it."""
    answer = peers.ask("POST", "/parcels", content)
    assert (answer.status_code, answer.json()["code"]) == (422, "parcel-format")
    assert not peers.left()


def test_a_parcel_may_come_in_any_pieces(peers: Peers) -> None:
    """What is written to the disk is what was sent, however it was cut."""

    async def drops(data: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    slices = series(slices=(1, 2, 3))
    for ds in slices:
        ds.Rows = ds.Columns = 512
        ds.PixelData = bytes(range(8)) * 65536
    data = peers.facility.parcel(slices).read_bytes()
    assert len(data) > WRITE_BYTES
    receipt = peers.receipt(peers.ask("POST", "/parcels", drops(data)))
    assert (receipt.outcome, receipt.reason) == ("accepted", "")


def test_a_parcel_above_the_limit_is_turned_away(peers: Peers) -> None:
    """The limit holds for a declared length and for a body that grows; nothing of it stays."""

    async def drops() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 1000

    peers.limit_bytes = 5000
    for content in (b"x" * 5001, drops()):
        answer = peers.ask("POST", "/parcels", content)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert not peers.left()


@pytest.mark.parametrize(("number", "status", "code"), [(errno.ENOSPC, 503, "storage-full"), (errno.EIO, 500, "bug")])
def test_a_full_disk_is_no_fault_of_the_sender(
    peers: Peers, monkeypatch: pytest.MonkeyPatch, number: int, status: int, code: str
) -> None:
    """The sender is told to come again, and nothing stays in the inbox; any other error of the disk is a fault here."""

    def full(_descriptor: int) -> None:
        raise OSError(number, "injected")

    monkeypatch.setattr(os, "fsync", full)
    answer = peers.ask("POST", "/parcels", b"x")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not peers.left()


def test_a_sender_who_hangs_up_leaves_nothing(peers: Peers) -> None:
    """Half a parcel is thrown away: whoever holds the whole sends it again."""
    app = showing(make_peer_app(peers.node), peers.facility.certificate)
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/peer/v1/parcels", "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 422
    assert not peers.left()
    assert unshelved(peers.node) == ()


def test_a_withdrawal_is_answered_by_a_certificate(peers: Peers) -> None:
    """The answer is signed, names what was deleted, and is the same when asked again."""
    shelve(
        peers.node, peers.receipt(peers.ask("POST", "/parcels", peers.facility.parcel(series()).read_bytes())).parcel
    )
    statement = peers.facility.withdrawal("00012345")
    answer = peers.ask("POST", "/withdrawals", statement)
    certificate = Certificate.open(answer.content, hub_keys(peers.node))
    assert certificate.subject == peers.facility.subject("00012345")
    assert certificate.deleted
    assert peers.ask("POST", "/withdrawals", statement).content == answer.content


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "statement-invalid"),
        (b"{}", 422, "statement-invalid"),
        (b"x" * (STATEMENT_LIMIT_BYTES + 1), 413, "too-large"),
    ],
)
def test_what_is_no_withdrawal_is_refused(peers: Peers, content: bytes, status: int, code: str) -> None:
    """Nothing is deleted for a statement that nobody signed, and a statement is small."""
    answer = peers.ask("POST", "/withdrawals", content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_parcel_that_never_came_has_no_receipt(peers: Peers) -> None:
    """The sender learns that it has to send it."""
    assert peers.ask("GET", f"/receipts/{'0' * 64}").status_code == 404


def test_a_parcel_that_came_has_a_journey(peers: Peers) -> None:
    """The gateway learns how far it has come; of one that never came there is nothing to tell."""
    parcel = peers.facility.parcel(series())
    peers.ask("POST", "/parcels", parcel.read_bytes())
    journey = Journey.open(peers.ask("GET", f"/journeys/{parcel.stem}").content, hub_keys(peers.node))
    assert (journey.onward, [stop.name for stop in journey.stops]) == ("none", ["society"])
    assert peers.ask("GET", f"/journeys/{'0' * 64}").status_code == 404


def test_a_gateway_is_told_what_came(peers: Peers) -> None:
    """Its signed request is answered by a signed list; no tier follows this hub; anything else is refused."""
    parcel = peers.facility.parcel(series())
    peers.ask("POST", "/parcels", parcel.read_bytes())
    request = InventoryRequest(peers.facility.name, "j-mid", 0, AT).sign(peers.facility.signing)
    page = Inventory.open(peers.ask("POST", "/inventories", request).content, hub_keys(peers.node))
    assert [(one.sequence, one.parcel) for one in page.parcels] == [(1, parcel.stem)]
    assert page.upstream == ()
    assert peers.ask("POST", "/inventories/upstream", request).status_code == 404
    for path in ("/inventories", "/inventories/upstream", "/messages"):
        answer = peers.ask("POST", path, b"{}")
        assert (answer.status_code, answer.json()["code"]) == (422, "statement-invalid")


def test_a_start_throws_away_what_was_not_judged(peers: Peers) -> None:
    """A file that a killed process left in the inbox is no parcel of anybody: its sender has no receipt."""
    (inbox(peers.node) / "left.parcel").write_bytes(b"half")
    clear_inbox(peers.node)
    assert not peers.left()


HUBS = (("society-a", b"a"), ("society-b", b"b"))


@pytest.fixture
def neighbour(peers: Peers, tmp_path: Path) -> Facility:
    """Another facility that the hub knows."""
    return Facility(tmp_path / "neighbour", 2).admitted_to(peers.node)


@pytest.mark.parametrize("shown", ["", "0" * 64, "%", "f"])
def test_who_shows_no_partners_certificate_hears_nothing(peers: Peers, shown: str) -> None:
    """Every route, whatever is sent: the same refusal, and nothing is kept."""
    parcel = peers.facility.parcel(series())
    peers.ask("POST", "/parcels", parcel.read_bytes())
    for method, path in (
        ("POST", "/parcels"),
        ("POST", "/withdrawals"),
        ("POST", "/messages"),
        ("POST", "/inventories"),
        ("POST", "/inventories/upstream"),
        ("POST", "/renewals"),
        ("GET", f"/receipts/{parcel.stem}"),
        ("GET", f"/journeys/{parcel.stem}"),
    ):
        content = peers.facility.withdrawal("00012345") if method == "POST" else None
        answer = peers.ask(method, path, content, shown=shown)
        assert (answer.status_code, answer.json()["code"]) == (403, "partner-unknown")
    assert not peers.left()


def test_a_server_that_says_nothing_of_certificates_opens_nothing(peers: Peers) -> None:
    """Behind any other server the door stays shut: what is not known is not let in."""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(make_peer_app(peers.node))
        async with httpx.AsyncClient(transport=transport, base_url="https://door") as client:
            return await client.get(f"/peer/v1/receipts/{'0' * 64}")

    assert asyncio.run(go()).status_code == 403


def test_a_parcel_is_told_about_to_who_brought_it(peers: Peers, neighbour: Facility) -> None:
    """For every other partner it never came, whoever told them its name."""
    parcel = peers.facility.parcel(series())
    peers.ask("POST", "/parcels", parcel.read_bytes())
    for path in (f"/receipts/{parcel.stem}", f"/journeys/{parcel.stem}"):
        answers = [peers.ask("GET", path, shown=who.certificate).status_code for who in (peers.facility, neighbour)]
        assert answers == [200, 404]


def test_nobody_brings_what_another_partner_signed(peers: Peers, neighbour: Facility) -> None:
    """A copy of somebody's parcel, withdrawal or request is turned away, and that is written down."""
    parcel = peers.facility.parcel(series())
    request = InventoryRequest(peers.facility.name, "j-mid", 0, AT).sign(peers.facility.signing)
    for path, content in (
        ("/parcels", parcel.read_bytes()),
        ("/withdrawals", peers.facility.withdrawal("00012345")),
        ("/messages", request),
        ("/inventories", request),
        ("/inventories/upstream", request),
    ):
        answer = peers.ask("POST", path, content, shown=neighbour.certificate)
        assert (answer.status_code, answer.json()["code"]) == (403, "partner-other")
    told = peers.node.ledger.events(action="partner-turned-away")
    assert [event.about for event in told] == [neighbour.name] * 5
    assert not peers.left()
    assert peers.receipt(peers.ask("POST", "/parcels", parcel.read_bytes())).outcome == "accepted"


def test_a_hub_brings_what_its_gateways_signed(peers: Peers, neighbour: Facility, tmp_path: Path) -> None:
    """A gateway that a hub vouches for stands behind it: that hub may bring and ask, another may not."""
    hubs = [
        Partner(name, "hub", SigningKey.from_seed(seed * 32).public, ("j-mid",), name[-1] * 64) for name, seed in HUBS
    ]
    for hub in hubs:
        admit(peers.node.index, hub, clock=peers.node.clock)
    far = Facility(tmp_path / "far", 3)
    with writing(peers.node.index) as connection:
        introduce(connection, Introduced(far.name, far.signing.public, ("j-mid",), hubs[0].name, AT))
    parcel = far.parcel(series(patient="far"))
    shown = [hubs[1].certificate, neighbour.certificate, hubs[0].certificate]
    assert [peers.ask("POST", "/parcels", parcel.read_bytes(), shown=who).status_code for who in shown] == [
        403,
        403,
        200,
    ]
    assert [peers.ask("GET", f"/receipts/{parcel.stem}", shown=who).status_code for who in shown] == [404, 404, 200]


def test_a_proxy_of_the_site_says_who_stands_before_it(peers: Peers, neighbour: Facility) -> None:
    """Named in the settings it is believed; what anybody else says in that header is not even read."""
    certificate, proxy = b"what the facility showed to the proxy", "e" * 64
    own = peers.facility
    admitted = Partner(own.name, "gateway", own.signing.public, ("j-mid",), sha256(certificate).hexdigest())
    admit(peers.node.index, admitted, clock=peers.node.clock)
    header = f":{base64.b64encode(certificate).decode()}:"
    path = f"/receipts/{'0' * 64}"
    assert peers.ask("GET", path, shown=proxy, client_cert=header).status_code == 403
    peers.node = replace(peers.node, settings=replace(peers.node.settings, peer_proxies=(proxy,)))
    assert peers.ask("GET", path, shown=proxy, client_cert=header).status_code == 404
    for wrong in ("", "::", ":noise:", header[:-8]):
        assert peers.ask("GET", path, shown=proxy, client_cert=wrong).status_code == 403
    assert peers.ask("GET", path, shown=proxy).status_code == 403
    assert peers.ask("GET", path, shown="d" * 64, client_cert=header).status_code == 403
    parcel = peers.facility.parcel(series())
    answer = peers.ask("POST", "/parcels", parcel.read_bytes(), shown=neighbour.certificate, client_cert=header)
    assert answer.json()["code"] == "partner-other"


def test_a_certificate_beside_that_of_the_proxy_is_none() -> None:
    """A proxy that puts its word behind what a partner wrote itself says nothing."""
    passed_on = base64.b64encode(b"a certificate")
    for times, shown in ((0, ""), (1, sha256(b"a certificate").hexdigest()), (2, "")):
        scope = {"type": "http", "headers": [(b"client-cert", b":" + passed_on + b":")] * times}
        assert known_by._shown(Request(scope | {"state": {known_by.SHOWN: "e" * 64}}), ("e" * 64,)) == shown
