"""The linkage table (対応表): subject ⇄ patient, encrypted, inside the hospital, in no parcel.

Written when a subject is first met, so that a withdrawal or an incidental finding can come back to a patient. Reading
it asks for the identity key; the two-person rule joins with people and roles.
"""

from __future__ import annotations

import hmac
import json

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import Connection, Select, select

from kaname.deid.keys import MasterKey, folded
from kaname.errors import Refused
from kaname.gateway.index import LINKAGE


class Linkage:
    """Opens and seals rows of the linkage table with a key derived from the identity key."""

    def __init__(self, key: MasterKey) -> None:
        self._cipher = AESSIV(key.derive("linkage", "row") + key.derive("linkage", "row-2"))
        self._number_key = key.derive("linkage", "number")

    def number(self, patient_id: str) -> str:
        """The keyed digest under which a patient number is found, whoever issued it."""
        return hmac.digest(self._number_key, folded(patient_id).encode(), "sha256").hex()

    def remember(self, connection: Connection, registry: str, subject: str, patient: tuple[str, str], at: str) -> None:
        """Keeps which patient (number, issuer) a subject is; a subject already known changes nothing."""
        if connection.execute(self._row(registry, subject)).first() is not None:
            return
        text = json.dumps(patient, ensure_ascii=False).encode()
        sealed = self._cipher.encrypt(text, [registry.encode(), subject.encode()])
        number = self.number(patient[0])
        connection.execute(
            LINKAGE.insert().values(registry=registry, subject=subject, number=number, sealed=sealed, at=at)
        )

    def subjects(self, connection: Connection, registry: str, patient_id: str) -> list[str]:
        """Every subject that a patient number became, whoever issued it."""
        mine = (LINKAGE.c.registry == registry, LINKAGE.c.number == self.number(patient_id))
        return list(connection.scalars(select(LINKAGE.c.subject).where(*mine).order_by(LINKAGE.c.subject)))

    def patient(self, connection: Connection, registry: str, subject: str) -> tuple[str, str]:
        """Number and issuer of the patient behind a subject.

        Raises:
            Refused: ``not-found``.
        """
        row = connection.execute(self._row(registry, subject)).first()
        if row is None:
            raise Refused("not-found")
        number, issuer = json.loads(self._cipher.decrypt(row.sealed, [registry.encode(), subject.encode()]))
        return number, issuer

    @staticmethod
    def _row(registry: str, subject: str) -> Select[tuple[bytes]]:
        return select(LINKAGE.c.sealed).where(LINKAGE.c.registry == registry, LINKAGE.c.subject == subject)
