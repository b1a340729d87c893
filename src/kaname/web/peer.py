"""The door for partners: parcels, withdrawals and messages come in, signed statements go out (``docs/spec/parcel.md``).

Nobody gets here without a certificate of this node's own authority, and nothing is answered to who is no valid partner
by that certificate (:mod:`kaname.web.partners`). Who a parcel or a statement is from is told by its signature: by that
partner's, or by that of a gateway which it vouches for. A proxy of this site may stand in between when the settings
name its certificate (``peer_proxies``).

Beside the routes of partners stands one for who is to become one. While an invitation is open, and only then, the door
lets in a connection without a certificate, and it reaches that one route alone.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from kaname.access.partners import Partner
from kaname.errors import NotYet, Refused
from kaname.governance.messages import take_message
from kaname.governance.withdraw import obey
from kaname.intake.admission import join, may_know, renew
from kaname.intake.claim import signer
from kaname.intake.flow import accept, receipt_for
from kaname.intake.tell import inventory, inventory_upstream, journey_of
from kaname.node import Node
from kaname.parcel.enrolment import FILE_LIMIT_BYTES
from kaname.parcel.joining import PATH
from kaname.parcel.messages import MESSAGE_LIMIT_BYTES
from kaname.web.partners import certificate_of, known_partner, let_bring, partner_of, signer_of
from kaname.web.permit import anybody

WRITE_BYTES = 1 << 20
"""What is gathered before it is written."""
STATEMENT_LIMIT_BYTES = 1 << 20
"""Largest statement, but for messages."""
BY_CERTIFICATE = anybody("partners, by certificate and signature")
BY_CODE = anybody("who has the code of an open invitation")


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
    routes = APIRouter(prefix="/peer/v1", dependencies=[Depends(known_partner(node))])

    def renewed(request: Request, statement: bytes) -> bytes:
        return renew(node, partner_of(request), certificate_of(request), statement)

    for path, route in (
        ("/parcels", _parcels(node)),
        ("/withdrawals", _brought(node, obey)),
        ("/messages", _brought(node, take_message, MESSAGE_LIMIT_BYTES)),
        ("/inventories", _brought(node, inventory)),
        ("/inventories/upstream", _brought(node, inventory_upstream)),
        ("/renewals", _reads(renewed, FILE_LIMIT_BYTES)),
    ):
        routes.add_api_route(path, route, methods=["POST"], dependencies=[BY_CERTIFICATE])
    for path, told in (
        ("/receipts/{digest}", _tells(node, receipt_for)),
        ("/journeys/{digest}", _tells(node, journey_of)),
    ):
        routes.add_api_route(path, told, methods=["GET"], dependencies=[BY_CERTIFICATE])
    return routes


def enrolment_routes(node: Node) -> APIRouter:
    """The one route for who is no partner yet, and has a code."""
    routes = APIRouter()

    def joined(_request: Request, statement: bytes) -> bytes:
        return join(node, statement)

    routes.add_api_route(PATH, _reads(joined, FILE_LIMIT_BYTES), methods=["POST"], dependencies=[BY_CODE])
    return routes


def _parcels(node: Node) -> Callable[[Request], Awaitable[Response]]:
    async def parcels(request: Request) -> Response:
        """Takes one parcel in. The answer is a receipt, also when the parcel is refused."""
        file = inbox(node) / f"{node.clock.new_id()}.parcel"
        try:
            await _receive(request, file)
            return _statement(await run_in_threadpool(judged, partner_of(request), file))
        finally:
            file.unlink(missing_ok=True)  # what was refused lies in quarantine by now

    def judged(partner: Partner, file: Path) -> bytes:
        let_bring(node, partner, signer(file))
        return accept(node, file).receipt

    return parcels


def _brought(
    node: Node, read: Callable[[Node, bytes], bytes], limit_bytes: int = STATEMENT_LIMIT_BYTES
) -> Callable[[Request], Awaitable[Response]]:
    def brought(request: Request, statement: bytes) -> bytes:
        let_bring(node, partner_of(request), signer_of(statement))
        return read(node, statement)

    return _reads(brought, limit_bytes)


def _reads(read: Callable[[Request, bytes], bytes], limit_bytes: int) -> Callable[[Request], Awaitable[Response]]:
    async def statements(request: Request) -> Response:
        """Reads one statement. The answer is what there is to say about it."""
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > limit_bytes:
                raise Refused("too-large", limit_bytes=limit_bytes)
        return _statement(await run_in_threadpool(read, request, bytes(data)))

    return statements


def _tells(node: Node, tell: Callable[[Node, str], bytes]) -> Callable[[Request, str], Response]:
    def told(request: Request, digest: str) -> Response:
        """What there is to say about a parcel that was judged before, to who brought it."""
        may_know(node, partner_of(request), digest)
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
