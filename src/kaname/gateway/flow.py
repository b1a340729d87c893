"""One study crosses: de-identify → seal → send, each step durable, each repeatable without effect.

Arguments and results are batch ids and counts, never a value of a record. A step that is run again finds what it left:
clean files have one name and one content, a batch has one sequence number, a parcel has one digest, a receipt comes
back for a parcel that was delivered before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from kaname.gateway.batches import crossings_waiting, withdrawals_waiting
from kaname.gateway.deidentify import deidentify
from kaname.gateway.follow import follow, journeys_waiting
from kaname.gateway.hospital import Hospital
from kaname.gateway.seal import seal
from kaname.gateway.send import send
from kaname.gateway.tell import Teller, tell
from kaname.gateway.watch import take_watched, watched_folders, watched_waiting
from kaname.gateway.withdraw import ask_upstream, forget
from kaname.ledger import Json
from kaname.work import Do, Work

CROSS, WITHDRAW, FOLLOW, WATCH, TELL = "cross", "withdraw", "follow", "watch", "tell"
LANES = 2
"""Studies that cross side by side: while one waits for its receipt, another is de-identified."""


def enlist(work: Work, hospital: Hospital) -> None:
    """Makes the flows known to a command that puts crossings and withdrawals on the list itself."""
    steps = Journey(hospital)
    work.flow(CROSS, steps.cross_study, lanes=LANES)
    work.flow(WITHDRAW, steps.withdraw_subject)
    work.flow(FOLLOW, steps.follow_parcel, partial(journeys_waiting, hospital), lanes=LANES)


def register(work: Work, hospital: Hospital) -> None:
    """Makes the gateway's flows known to the worker, which looks for itself what waits for them.

    Raises:
        Refused: ``settings-invalid``, ``unknown-registry`` where a watched folder is not named rightly.
    """
    watched_folders(hospital)
    steps = Journey(hospital)
    work.flow(CROSS, steps.cross_study, partial(crossings_waiting, hospital), lanes=LANES)
    work.flow(WITHDRAW, steps.withdraw_subject, partial(withdrawals_waiting, hospital))
    work.flow(WATCH, steps.take_watched, partial(watched_waiting, hospital))
    work.flow(FOLLOW, steps.follow_parcel, partial(journeys_waiting, hospital), lanes=LANES)
    work.flow(TELL, steps.tell_holdings, Teller(hospital).waiting)


def cross_study(hospital: Hospital, do: Do, batch: Json) -> Json:
    """The worker's flow for one of :func:`kaname.gateway.batches.crossings_waiting`."""
    return Journey(hospital).cross_study(do, batch)


def withdraw_subject(hospital: Hospital, do: Do, who: Json) -> Json:
    """The worker's flow for one of :func:`kaname.gateway.batches.withdrawals_waiting`."""
    return Journey(hospital).withdraw_subject(do, who)


@dataclass(frozen=True, slots=True)
class Journey:
    """The flows of one gateway, each a straight line of steps."""

    hospital: Hospital

    def cross_study(self, do: Do, batch: Json) -> Json:
        """De-identifies a batch of one study, seals it into one parcel and delivers that."""
        treated = do(self.deidentify, batch)
        parcel = do(self.seal, batch)
        receipt: Json = do(self.send, batch) if parcel else {}
        return {"treated": treated, "parcel": parcel, "receipt": receipt}

    def withdraw_subject(self, do: Do, who: Json) -> Json:
        """Forgets a subject here, then has the partner forget it, and keeps the certificate."""
        here = do(self.forget, who)
        there = do(self.ask_upstream, who)
        return {"here": here, "there": there}

    def follow_parcel(self, do: Do, parcel: Json) -> Json:
        """Asks how far a parcel has come, until no tier is left to answer."""
        return do(self.follow, parcel)

    def tell_holdings(self, do: Do, one: Json) -> Json:
        """Tells the partner how much of a registry lies here."""
        return do(self.tell, one)

    def take_watched(self, do: Do, _ready: Json) -> Json:
        """Takes in what stands still in the watched folders."""
        return {"files": do(self.look)}

    def look(self) -> Json:
        """Step: see :func:`kaname.gateway.watch.take_watched`."""
        return take_watched(self.hospital)

    def deidentify(self, batch: str) -> Json:
        """Step: see :func:`kaname.gateway.deidentify.deidentify`."""
        return deidentify(self.hospital, batch)

    def seal(self, batch: str) -> Json:
        """Step: see :func:`kaname.gateway.seal.seal`."""
        return seal(self.hospital, batch)

    def send(self, batch: str) -> Json:
        """Step: see :func:`kaname.gateway.send.send`."""
        return send(self.hospital, batch)

    def forget(self, who: str) -> Json:
        """Step: see :func:`kaname.gateway.withdraw.forget`."""
        return forget(self.hospital, who)

    def ask_upstream(self, who: str) -> Json:
        """Step: see :func:`kaname.gateway.withdraw.ask_upstream`."""
        return ask_upstream(self.hospital, who)

    def follow(self, parcel: str) -> Json:
        """Step: see :func:`kaname.gateway.follow.follow`."""
        return follow(self.hospital, parcel)

    def tell(self, one: str) -> Json:
        """Step: see :func:`kaname.gateway.tell.tell`."""
        return tell(self.hospital, one)
