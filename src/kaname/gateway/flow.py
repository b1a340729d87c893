"""One study crosses: de-identify → seal → send, each step durable, each repeatable without effect.

Arguments and results are batch ids and counts, never a value of a record. A step that is run again finds what it left:
clean files have one name and one content, a batch has one sequence number, a parcel has one digest, a receipt comes
back for a parcel that was delivered before.
"""

from __future__ import annotations

from dataclasses import dataclass

from kaname.gateway.deidentify import deidentify
from kaname.gateway.hospital import Hospital
from kaname.gateway.seal import seal
from kaname.gateway.send import send
from kaname.gateway.withdraw import ask_upstream, forget
from kaname.ledger import Json
from kaname.work import Do, Work

CROSS, WITHDRAW = "cross", "withdraw"


def register(work: Work, hospital: Hospital) -> None:
    """Makes the gateway's flows known to the worker."""
    steps = Journey(hospital)
    work.flow(CROSS, steps.cross_study)
    work.flow(WITHDRAW, steps.withdraw_subject)


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
