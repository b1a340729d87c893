"""Back from a subject to the patient: one person asks, another agrees, and the first sees it once.

Nothing of the patient is written anywhere here: the ledger says who asked about which subject, who agreed, and that it
was shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from kaname.access import pairs
from kaname.access.pairs import Pair
from kaname.errors import Refused
from kaname.gateway.hospital import Hospital

ACTION = "identity-lookup"


@dataclass(frozen=True, slots=True)
class Patient:
    """Who a subject is; identity."""

    number: str
    issuer: str
    """Who issued the number; empty where that is not told."""

    def __repr__(self) -> str:
        return "Patient(…)"


def ask(connection: Connection, hospital: Hospital, registry: str, subject: str, by: str, reason: str) -> Pair:
    """Asks to see who a subject is.

    Raises:
        Refused: ``not-found`` for a subject that this hospital never had in that registry; ``pair-reason``.
    """
    if registry not in hospital.node.settings.registries:
        raise Refused("not-found")
    hospital.linkage.patient(connection, registry, subject)
    return pairs.ask(connection, ACTION, subject, registry, by, reason, hospital.node.clock)


def patient_of(connection: Connection, hospital: Hospital, pair: Pair) -> Patient:
    """Who it is, for a pair that was just taken (:func:`kaname.access.pairs.take`).

    Raises:
        Refused: ``not-found``.
    """
    number, issuer = hospital.linkage.patient(connection, pair.registry, pair.about)
    return Patient(number, issuer)
