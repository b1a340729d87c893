import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from kaname.archive.flow import shelve, unshelved
from kaname.node import Node
from kaname.parcel.journey import Journey
from kaname.parcel.reconciliation import Inventory, InventoryRequest
from kaname.parcel.statements import Certificate, Receipt
from kaname.testing.deliveries import AT, Facility, hub_keys, make_hub, series
from kaname.web.app import make_peer_app
from kaname.web.peer import STATEMENT_LIMIT_BYTES, WRITE_BYTES, clear_inbox, inbox


@dataclass
class Peers:
    """A hub, a facility that it knows, and what the door put on the list of work."""

    node: Node
    facility: Facility
    limit_bytes: int = 1 << 30

    def ask(self, method: str, path: str, content: Any = None) -> httpx.Response:
        """One request to the door for partners."""
        app = make_peer_app(self.node, limit_bytes=self.limit_bytes)

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="https://door") as client:
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
    app = make_peer_app(peers.node)
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
