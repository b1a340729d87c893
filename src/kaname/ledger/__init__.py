"""What happened to which object: append-only, hash-linked (``docs/spec/ledger.md``).

Goes in: an action, what it is about, by whom. Comes out: an :class:`Event` linked to the one before.
May say: ``Refused("ledger-broken")`` when the chain does not hold.
"""

from kaname.ledger.book import Ledger
from kaname.ledger.canonical import Json, canonical
from kaname.ledger.chain import Chain
from kaname.ledger.model import Event, Head

__all__ = ["Chain", "Event", "Head", "Json", "Ledger", "canonical"]
