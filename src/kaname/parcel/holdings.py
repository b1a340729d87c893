"""What a gateway tells about how much of a registry lies with it: counts, and nothing of anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kaname.errors import Refused
from kaname.ledger.canonical import Json
from kaname.parcel.fields import WORD, Fields

KINDS_MOST = 500
"""Most reasons in one statement."""
COUNT_LIMIT = 1 << 31


@dataclass(frozen=True, slots=True)
class Counts:
    """The body of a message of kind :data:`kaname.parcel.messages.HOLDINGS`."""

    received: int
    """Images that came in, those that have left among them; not those that were refused or withdrawn."""
    sent: int
    """Of these, how many left and were accepted by the partner."""
    held: Mapping[str, int]
    """How many images, and files that are no DICOM, wait for a person, by reason code."""

    def to_json(self) -> dict[str, Json]:
        """The counts as the message carries them."""
        held: list[Json] = [{"count": count, "reason": reason} for reason, count in sorted(self.held.items())]
        return {"held": held, "received": self.received, "sent": self.sent}

    @classmethod
    def read(cls, body: Json) -> Counts:
        """Reads what :meth:`to_json` wrote.

        Raises:
            Refused: ``statement-invalid``.
        """
        fields = Fields(body, "statement-invalid", "held", "received", "sent")
        held = fields.items("held", _reason)
        if len(dict(held)) != len(held) or len(held) > KINDS_MOST:
            raise Refused("statement-invalid", part="held")
        return cls(_count(fields, "received", 0), _count(fields, "sent", 0), dict(held))


def _reason(value: Json) -> tuple[str, int]:
    fields = Fields(value, "statement-invalid", "count", "reason")
    return fields.text("reason", WORD), _count(fields, "count", 1)


def _count(fields: Fields, name: str, least: int) -> int:
    number = fields.number(name, least)
    if number >= COUNT_LIMIT:
        raise Refused("statement-invalid", part=name)
    return number
