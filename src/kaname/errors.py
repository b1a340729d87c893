"""What can go wrong, named by what happens next.

``Refused``: this object will never pass; quarantine it and tell the sender why.
``NotYet``: the same call may succeed later; keep the object, wait for time or for a person.
``Forbidden``: the caller may not do this; tell the caller and write it down.

Every code stands in ``reasons.toml`` with one Japanese and one English sentence that say what happened,
what was kept and what to do. Facts carried by an error are numbers, tags and our own identifiers: never a
value that came out of a patient's record.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Fact = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason code with its sentences.

    ``waits_for`` matters for ``NotYet`` alone: ``time`` is tried again by the worker, ``person`` is held until
    somebody decides.
    """

    code: str
    ja: str
    en: str
    waits_for: Literal["time", "person", "nothing"]


@cache
def reasons() -> dict[str, Reason]:
    """All reason codes of this version, by code."""
    table = tomllib.loads(files("kaname").joinpath("reasons.toml").read_text(encoding="utf-8"))
    return {code: Reason(code, row["ja"], row["en"], row.get("waits_for", "nothing")) for code, row in table.items()}


class KanameError(Exception):
    """An outcome that a caller can act on. Raise one of its three subclasses.

    Raises:
        KeyError: when ``code`` is not in ``reasons.toml`` (a bug, found by the tests).
    """

    def __init__(self, code: str, **facts: Fact) -> None:
        self.reason = reasons()[code]
        self.facts = facts
        super().__init__(code)

    @property
    def code(self) -> str:
        """The stable reason code, e.g. ``not-dicom``."""
        return self.reason.code

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.reason.code}: {self.reason.en}" + (f" ({facts})" if facts else "")


class Refused(KanameError):
    """This object will never pass."""


class NotYet(KanameError):
    """The same call may succeed later."""


class Forbidden(KanameError):
    """The caller may not do this."""
