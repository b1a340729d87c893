"""Reading the members of a JSON object, each by its type; anything missing, extra or misshapen is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from kaname.access.signing import PublicKey
from kaname.dicom.keys import is_uid
from kaname.errors import Refused
from kaname.ledger.canonical import Json

T = TypeVar("T")
Choice = TypeVar("Choice", bound=str)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""Of a gateway, hub, dataset: it also becomes a certificate's common name."""
REGISTRY = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
SUBJECT = re.compile(r"[A-Z2-7]{16}")
DIGEST = re.compile(r"[0-9a-f]{64}")
KEY_ID = re.compile(r"[0-9a-f]{16}")
STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
WORD = re.compile(r"[a-z][a-z0-9-]{0,62}")
"""A reason code, a kind of record, a kind of place."""
LINE = re.compile(r"[ -~]{1,200}")
"""Printable ASCII."""
PEM = re.compile(r"-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]{1,8000}-----END [A-Z ]+-----\n")
URL = re.compile(r"https://(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
"""A partner's door: scheme, host and port, no path."""


class Fields:
    """The members of one JSON object.

    Raises:
        Refused: ``code`` (with ``part``, the member's name) when the object has not exactly the members ``names``,
            and from every method when a value is not what it should be.
    """

    __slots__ = ("_code", "_members")

    def __init__(self, value: Json, code: str, *names: str) -> None:
        self._code = code
        if not isinstance(value, dict) or value.keys() != set(names):
            raise Refused(code, part="members")
        self._members = value

    def text(self, name: str, pattern: re.Pattern[str], *, empty: bool = False) -> str:
        """A string that matches ``pattern`` as a whole; with ``empty`` it may also be empty."""
        value = self._members[name]
        if not isinstance(value, str) or not (pattern.fullmatch(value) or (empty and not value)):
            raise Refused(self._code, part=name)
        return value

    def uid(self, name: str) -> str:
        """A DICOM UID (PS3.5 section 9.1)."""
        value = self._members[name]
        if not isinstance(value, str) or not is_uid(value):
            raise Refused(self._code, part=name)
        return value

    def choice(self, name: str, allowed: tuple[Choice, ...]) -> Choice:
        """One of the words in ``allowed``."""
        for word in allowed:
            if self._members[name] == word:
                return word
        raise Refused(self._code, part=name)

    def number(self, name: str, least: int) -> int:
        """A whole number of at least ``least`` and less than 2**53."""
        value = self._members[name]
        if type(value) is not int or not least <= value < 1 << 53:
            raise Refused(self._code, part=name)
        return value

    def key(self, name: str) -> PublicKey:
        """A public key in base64."""
        try:
            return PublicKey.from_text(self.text(name, LINE))
        except Refused as error:
            raise Refused(self._code, part=name) from error

    def any(self, name: str) -> Json:
        """Whatever stands there: for whom it is meant reads it."""
        return self._members[name]

    def inner(self, name: str, *names: str) -> Fields:
        """An object with exactly the members ``names``."""
        return Fields(self._members[name], self._code, *names)

    def items(self, name: str, read: Callable[[Json], T]) -> tuple[T, ...]:
        """A list, every element read by ``read``; no element may stand there twice."""
        value = self._members[name]
        if not isinstance(value, list):
            raise Refused(self._code, part=name)
        found = tuple(read(element) for element in value)
        if len(set(found)) != len(found):
            raise Refused(self._code, part=name)
        return found

    def texts(self, name: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
        """A list of different strings that all match ``pattern``."""

        def read(element: Json) -> str:
            return Fields({name: element}, self._code, name).text(name, pattern)

        return self.items(name, read)
