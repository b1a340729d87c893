"""What a gateway works with, wired once: node, keys, spool, linkage, one engine per registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kaname.access.signing import SigningKey
from kaname.deid.engine import Engine
from kaname.deid.keys import MasterKey
from kaname.errors import Refused
from kaname.gateway.identity import home_key
from kaname.gateway.linkage import Linkage
from kaname.gateway.spool import Spool
from kaname.node import Node
from kaname.parcel.enrolment import SIGNING_FILE
from kaname.parcel.transfer import Partner
from kaname.registries import load


@dataclass(frozen=True, slots=True)
class Hospital:
    """One gateway, open for work."""

    node: Node
    key: MasterKey
    spool: Spool
    linkage: Linkage

    @property
    def name(self) -> str:
        """Name of this gateway."""
        return self.node.settings.name

    @property
    def signing(self) -> SigningKey:
        """What this gateway signs with now: another command may have renewed it since.

        Raises:
            Refused: ``key-missing``, ``key-permissions``, ``key-invalid``.
        """
        return SigningKey.load(self.node.settings.keys / SIGNING_FILE)

    @property
    def crossing(self) -> Path:
        """Clean files until they are sealed, one folder per batch."""
        return self.node.settings.home / "crossing"

    @property
    def outbox(self) -> Path:
        """Parcels until their receipt."""
        return self.node.settings.home / "outbox"

    def partner(self) -> Partner:
        """The hub that this gateway delivers to, pinned at enrolment.

        Raises:
            NotYet: ``not-enrolled``.
        """
        return Partner.enrolled(self.node.settings.keys)

    def engine(self, registry: str) -> Engine:
        """A fresh engine for that registry.

        Raises:
            Refused: ``unknown-registry``.
        """
        return Engine(load(registry), self.key.for_registry(registry), self.name)


def open_hospital(node: Node) -> Hospital:
    """Opens a gateway.

    Raises:
        Refused: ``wrong-role``, ``key-missing``, ``key-short``, ``key-permissions``.
    """
    if node.settings.role != "gateway":
        raise Refused("wrong-role")
    home = node.settings.home
    key = home_key(home)
    SigningKey.load(node.settings.keys / SIGNING_FILE)  # told now, not when the first parcel is sealed
    return Hospital(node, key, Spool(home / "spool", key), Linkage(key))
