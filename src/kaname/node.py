"""What one running node holds, wired once at the door and handed to the rooms."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from kaname.clock import SYSTEM, Clock
from kaname.database import connect, migrate
from kaname.ledger import Ledger
from kaname.settings import Settings
from kaname.store import Store

HISTORIES = {
    "gateway": ("ground", "gateway"),
    "hub": ("ground", "platform"),
    "cloud": ("ground", "platform"),
    "clinic": ("ground", "platform"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """Settings, index, object store, ledger and clock of this installation."""

    settings: Settings
    index: Engine
    store: Store
    ledger: Ledger
    clock: Clock


def open_node(settings: Settings, clock: Clock = SYSTEM) -> Node:
    """Opens the node of ``settings``, bringing its index to the newest schema first."""
    settings.home.mkdir(parents=True, exist_ok=True)
    index = connect(settings.database or f"sqlite:///{settings.home / 'index.sqlite'}")
    migrate(index, HISTORIES[settings.role])
    store = Store.open(settings.objects or str(settings.home / "objects"))
    return Node(settings, index, store, Ledger(index, clock), clock)
