"""Certificates are renewed before they end: by the worker, or when a person says so."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from kaname.access.certificates import expires_at, renew_server, tls_files
from kaname.errors import Refused
from kaname.ledger import Json
from kaname.node import Node
from kaname.parcel.enrolment import PartnerRecord, client_folder, is_enrolled, signing_key
from kaname.parcel.renewal import renew
from kaname.work import Do

DAYS_LEFT = 30
"""A certificate that ends sooner is renewed."""
CLIENT, SERVER = "client", "server"


def certificates_ending(node: Node) -> tuple[str, ...]:
    """Which of the node's certificates end soon, each with today's date: what a day did not bring, the next one may."""
    keys = node.settings.keys
    own = {CLIENT: client_folder(keys)} if is_enrolled(keys) else {}
    if node.settings.role != "gateway":
        own[SERVER] = keys
    soon = node.clock.now() + timedelta(days=DAYS_LEFT)
    day = node.clock.stamp()[:10]
    return tuple(f"{kind}.{day}" for kind, folder in own.items() if expires_at(tls_files(folder).certificate) < soon)


def renew_ending(node: Node, do: Do, one: Json) -> Json:
    """The worker's flow: renews one of :func:`certificates_ending`; returns when the new one ends."""
    return do(partial(_renew_one, node), str(one).partition(".")[0])


def renew_client(node: Node, *, new_key: bool = False) -> PartnerRecord:
    """Renews what this node shows at the next tier; with ``new_key`` a gateway signs with a new key from then on.

    Raises:
        Refused: ``wrong-role`` for a new key anywhere but at a gateway: what a hub or a cloud signed is checked for
            years by who has only the key that it enrolled with. Else as :func:`kaname.parcel.renewal.renew`.
        NotYet: as :func:`kaname.parcel.renewal.renew`.
    """
    role = node.settings.role
    if role not in ("gateway", "hub") or (new_key and role != "gateway"):
        raise Refused("wrong-role")
    record = renew(node.settings.keys, node.clock, role=role, new_key=new_key)
    facts: dict[str, Json] = {"key": signing_key(node.settings.keys).public.id}
    node.ledger.append("certificate-renewed", record.name, actor=node.settings.name, facts=facts)
    return record


def renew_own_server(node: Node) -> None:
    """Renews what this node shows at its own door for partners; an open door takes it up within a second.

    Raises:
        Refused: ``wrong-role`` at a gateway, which has no such door; ``key-…``.
    """
    if node.settings.role == "gateway":
        raise Refused("wrong-role")
    renew_server(node.settings.keys, node.settings.name, node.clock)
    node.ledger.append("certificate-renewed", node.settings.name, actor=node.settings.name)


def ends(node: Node, kind: str) -> str:
    """Day on which the ``client`` or ``server`` certificate ends.

    Raises:
        Refused: ``key-…``.
    """
    folder = client_folder(node.settings.keys) if kind == CLIENT else node.settings.keys
    return expires_at(tls_files(folder).certificate).date().isoformat()


def _renew_one(node: Node, kind: str) -> Json:
    if kind == CLIENT:
        renew_client(node)
    else:
        renew_own_server(node)
    return {"until": ends(node, kind)}
