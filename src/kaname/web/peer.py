"""The door for partners: parcels and withdrawals come in, signed statements go out (``docs/spec/parcel.md``).

Nobody gets here without a certificate of this node's own authority. Who a parcel or a statement is from is told by its
signature, not by the connection, so that a site's proxy in between changes nothing.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from kaname.errors import NotYet, Refused
from kaname.governance.withdraw import obey
from kaname.intake.flow import accept, receipt_for
from kaname.node import Node

WRITE_BYTES = 1 << 20
"""What is gathered before it is written."""
STATEMENT_LIMIT_BYTES = 1 << 20
"""Largest withdrawal statement."""


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
    """The three routes of a partner, on a node of the de-identified side."""
    routes = APIRouter(prefix="/peer/v1")

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

    async def withdrawals(request: Request) -> Response:
        """Carries a withdrawal out. The answer is the certificate."""
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > STATEMENT_LIMIT_BYTES:
                raise Refused("too-large", limit_bytes=STATEMENT_LIMIT_BYTES)
        return _statement(await run_in_threadpool(obey, node, bytes(data)))

    def receipts(digest: str) -> Response:
        """The receipt of a parcel that was judged before."""
        return _statement(receipt_for(node, digest))

    routes.add_api_route("/parcels", parcels, methods=["POST"])
    routes.add_api_route("/withdrawals", withdrawals, methods=["POST"])
    routes.add_api_route("/receipts/{digest}", receipts, methods=["GET"])
    return routes


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
