"""The door for partners: parcels, withdrawals and messages come in, signed statements go out (``docs/spec/parcel.md``).

Nobody gets here without a certificate of this node's own authority. Who a parcel or a statement is from is told by its
signature, not by the connection, so that a site's proxy in between changes nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from kaname.errors import NotYet, Refused
from kaname.governance.messages import take_message
from kaname.governance.withdraw import obey
from kaname.intake.flow import accept, receipt_for
from kaname.intake.tell import inventory, inventory_upstream, journey_of
from kaname.node import Node
from kaname.parcel.messages import MESSAGE_LIMIT_BYTES

WRITE_BYTES = 1 << 20
"""What is gathered before it is written."""
STATEMENT_LIMIT_BYTES = 1 << 20
"""Largest statement, but for messages."""


def inbox(node: Node) -> Path:
    """The folder that parcels arrive in."""
    return node.settings.home / "inbox"


def clear_inbox(node: Node) -> None:
    """Throws away what a killed process had not judged yet: the sender has no receipt, so it sends it again."""
    folder = inbox(node)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.iterdir():
        left.unlink()


def peer_routes(node: Node) -> APIRouter:
    """The routes of a partner, on a node of the de-identified side: what is posted is signed, and so is the answer."""
    routes = APIRouter(prefix="/peer/v1")
    routes.add_api_route("/parcels", _parcels(node), methods=["POST"])
    routes.add_api_route("/withdrawals", _reads(node, obey), methods=["POST"])
    routes.add_api_route("/messages", _reads(node, take_message, MESSAGE_LIMIT_BYTES), methods=["POST"])
    routes.add_api_route("/inventories", _reads(node, inventory), methods=["POST"])
    routes.add_api_route("/inventories/upstream", _reads(node, inventory_upstream), methods=["POST"])
    routes.add_api_route("/receipts/{digest}", _tells(node, receipt_for), methods=["GET"])
    routes.add_api_route("/journeys/{digest}", _tells(node, journey_of), methods=["GET"])
    return routes


def _parcels(node: Node) -> Callable[[Request], Awaitable[Response]]:
    async def parcels(request: Request) -> Response:
        """Takes one parcel in. The answer is a receipt, also when the parcel is refused."""
        file = inbox(node) / f"{node.clock.new_id()}.parcel"
        try:
            await _receive(request, file)
            return _statement(await run_in_threadpool(judged, file))
        finally:
            file.unlink(missing_ok=True)  # what was refused lies in quarantine by now

    def judged(file: Path) -> bytes:
        return accept(node, file).receipt

    return parcels


def _reads(
    node: Node, read: Callable[[Node, bytes], bytes], limit_bytes: int = STATEMENT_LIMIT_BYTES
) -> Callable[[Request], Awaitable[Response]]:
    async def statements(request: Request) -> Response:
        """Reads one statement. The answer is what there is to say about it."""
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > limit_bytes:
                raise Refused("too-large", limit_bytes=limit_bytes)
        return _statement(await run_in_threadpool(read, node, bytes(data)))

    return statements


def _tells(node: Node, tell: Callable[[Node, str], bytes]) -> Callable[[str], Response]:
    def told(digest: str) -> Response:
        """What there is to say about a parcel that was judged before."""
        return _statement(tell(node, digest))

    return told


def _statement(data: bytes) -> Response:
    return Response(data, media_type="application/json")


async def _receive(request: Request, target: Path) -> None:
    """Writes the body to ``target``, which is on the disk when this returns.

    Raises:
        Refused: ``truncated`` when the sender hangs up; ``too-large`` beyond the limit of the door.
        NotYet: ``storage-full``.
    """
    waiting = bytearray()
    try:
        with target.open("xb") as file:
            async for piece in request.stream():
                waiting += piece
                if len(waiting) >= WRITE_BYTES:
                    await run_in_threadpool(file.write, bytes(waiting))
                    waiting.clear()
            await run_in_threadpool(_finish, file, bytes(waiting))
    except ClientDisconnect as error:
        raise Refused("truncated") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotYet("storage-full") from error
        raise


def _finish(file: BinaryIO, rest: bytes) -> None:
    file.write(rest)
    file.flush()
    os.fsync(file.fileno())
