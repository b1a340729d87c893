"""The TLS of the door for partners: whom it lets in, and which certificate each connection showed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from hashlib import sha256

import uvicorn
from starlette.concurrency import run_in_threadpool
from uvicorn.protocols.http.h11_impl import H11Protocol

from kaname.access.certificates import fingerprint, load_server, read_certificate, server_context, tls_files
from kaname.access.invitations import any_open
from kaname.access.keyfile import read_secret
from kaname.errors import NotYet, Refused
from kaname.node import Node
from kaname.web.partners import SHOWN


class PeerProtocol(H11Protocol):
    """HTTP over a connection of which every request knows the certificate that was shown."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The handshake is done."""
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        shown = tls.getpeercert(binary_form=True) if tls is not None else None
        self.app_state = {**self.app_state, SHOWN: sha256(shown).hexdigest() if shown else ""}


class PeerTls:
    """Turns away every connection without a certificate; while an invitation is open, one that shows none comes in.

    Raises:
        Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self._context = server_context(node.settings.keys)
        self._certificate = self._present()
        self._look()

    def context_of(self, _config: uvicorn.Config, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """What the server speaks TLS with."""
        return self._context

    async def look(self) -> None:
        """Looks whether anybody may join, and whether this node's own certificate was renewed: once a second."""
        await run_in_threadpool(self._look)

    def _look(self) -> None:
        self._context.verify_mode = ssl.CERT_OPTIONAL if self._awaits_somebody() else ssl.CERT_REQUIRED
        try:
            present = self._present()
            if present != self._certificate:
                load_server(self._context, self.node.settings.keys)
                self._certificate = present
        except Refused:  # the door stays open with what it has; the next start says what is wrong
            return

    def _awaits_somebody(self) -> bool:
        """Whether an invitation is open; while the index cannot say, none is."""
        try:
            return any_open(self.node.index, clock=self.node.clock)
        except NotYet:
            return False

    def _present(self) -> str:
        file = tls_files(self.node.settings.keys).certificate
        return fingerprint(read_certificate(read_secret(file)))
