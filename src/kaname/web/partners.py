"""Which partner stands at the door: known by the certificate that its connection showed, asked anew for each request.

Whoever was revoked is a stranger from that moment, on a connection that stands as well. What a partner brings is signed
by itself or by a gateway that it vouches for; what it asks about, it brought.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from hashlib import sha256

from fastapi import Request

from kaname.access import partners
from kaname.access.partners import Partner
from kaname.access.signing import read_statement
from kaname.errors import Forbidden, Refused
from kaname.ledger import Json
from kaname.node import Node

SHOWN = "shown_certificate"
"""Where the server leaves the SHA-256 of the certificate of a connection, for each request on it."""
PROXIED = "client-cert"
"""RFC 9440."""


def known_partner(node: Node) -> Callable[[Request], None]:
    """For ``dependencies`` of routes: nobody but a valid partner, whom :func:`partner_of` names."""

    def known(request: Request) -> None:
        """Asks for the partner that has the certificate.

        Raises:
            Forbidden: ``partner-unknown``.
        """
        shown = _shown(request, node.settings.peer_proxies)
        partner = partners.partner_of_certificate(node.index, shown) if shown else None
        if partner is None:
            raise Forbidden("partner-unknown")
        request.state.partner, request.state.certificate = partner, shown

    return known


def partner_of(request: Request) -> Partner:
    """Who asks."""
    partner = request.state.partner
    assert isinstance(partner, Partner)
    return partner


def certificate_of(request: Request) -> str:
    """SHA-256 of the certificate that was shown."""
    return str(request.state.certificate)


def let_bring(node: Node, partner: Partner, key_id: str) -> None:
    """Lets a partner bring what a key has signed. What a stranger signed is refused by who reads it.

    Raises:
        Forbidden: ``partner-other`` when it is another partner's, or of a gateway of another partner.
    """
    bringers = partners.bringers(node.index, key_id)
    if bringers and partner.name not in bringers:
        facts: dict[str, Json] = {"signed_by": key_id}
        node.ledger.append("partner-turned-away", partner.name, actor=node.settings.name, facts=facts)
        raise Forbidden("partner-other")


def signer_of(statement: bytes) -> str:
    """Id of the key that a statement says it is signed with; empty when it says none."""
    try:
        return read_statement(statement).key_id
    except Refused:
        return ""


def _shown(request: Request, proxies: tuple[str, ...]) -> str:
    """SHA-256 of the certificate that the partner showed: to this node, or to a proxy of this site."""
    shown = str(getattr(request.state, SHOWN, ""))
    if shown not in proxies:
        return shown
    told = request.headers.getlist(PROXIED)
    if len(told) != 1:  # a partner wrote one itself, and the proxy put its own behind it
        return ""
    try:
        passed_on = base64.b64decode(told[0].strip().strip(":"), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return sha256(passed_on).hexdigest() if passed_on else ""
