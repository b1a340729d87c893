"""What is asked for: QIDO-RS query parameters, read and checked (PS3.18 sections 8.3.4 and 10.6.1).

An attribute that cannot be matched is refused, never ignored: an answer to a wider question would look like an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from kaname.archive.model import Level
from kaname.dicom.keys import is_uid
from kaname.dicom.standard import dictionary
from kaname.errors import Refused

Kind = Literal["uid", "text", "code", "date", "time", "number"]

LIMIT_MOST = 1000
"""Most matches in one answer, and how many come when no limit is given."""


VALUES_MOST = 256
"""Most values of one attribute: a database reads no condition of any length."""
VALUE_CHARACTERS = 256
"""Longest value that is matched; what is matched has 64 characters at most, thrice in a name."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute that can be matched."""

    keyword: str
    tag: str
    level: Level
    kind: Kind


ATTRIBUTES = (
    Attribute("StudyInstanceUID", "0020000D", "study", "uid"),
    Attribute("PatientID", "00100020", "study", "text"),
    Attribute("PatientName", "00100010", "study", "text"),
    Attribute("AccessionNumber", "00080050", "study", "text"),
    Attribute("StudyDate", "00080020", "study", "date"),
    Attribute("StudyTime", "00080030", "study", "time"),
    Attribute("StudyID", "00200010", "study", "text"),
    Attribute("StudyDescription", "00081030", "study", "text"),
    Attribute("ModalitiesInStudy", "00080061", "study", "code"),
    Attribute("SeriesInstanceUID", "0020000E", "series", "uid"),
    Attribute("Modality", "00080060", "series", "code"),
    Attribute("SeriesNumber", "00200011", "series", "number"),
    Attribute("SeriesDescription", "0008103E", "series", "text"),
    Attribute("BodyPartExamined", "00180015", "series", "text"),
    Attribute("SOPInstanceUID", "00080018", "instance", "uid"),
    Attribute("SOPClassUID", "00080016", "instance", "uid"),
    Attribute("InstanceNumber", "00200013", "instance", "number"),
)
_BY_NAME = {a.keyword: a for a in ATTRIBUTES} | {a.tag: a for a in ATTRIBUTES}
_ORDER: dict[Level, int] = {"study": 0, "series": 1, "instance": 2}
_DATE = re.compile(r"[0-9]{8}")
_TIME = re.compile(r"[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TAG = re.compile(r"[0-9A-F]{8}")


@dataclass(frozen=True, slots=True)
class Term:
    """One attribute and what it must be."""

    attribute: Attribute
    values: tuple[str, ...]
    """Any of these; texts and codes may hold the wildcards ``*`` and ``?``. One value for a range."""
    upto: str | None = None
    """End of a range of dates or times, inclusive; then ``values`` holds its begin. Empty: open."""


@dataclass(frozen=True, slots=True)
class Question:
    """A search on one level."""

    level: Level
    terms: tuple[Term, ...] = ()
    include: frozenset[str] | None = frozenset()
    """Tags asked for besides the usual ones; ``None`` for all."""
    limit: int = LIMIT_MOST
    offset: int = 0

    def values(self, keyword: str) -> tuple[str, ...]:
        """What an attribute must be; empty when nothing is asked of it."""
        return next((term.values for term in self.terms if term.attribute.keyword == keyword), ())


def ask(level: Level, parameters: Iterable[tuple[str, str]]) -> Question:
    """Reads query parameters, path parameters among them; attributes by keyword or as eight hex digits.

    Raises:
        Refused: ``query-invalid`` with the ``term`` that cannot be understood or matched on this level.
    """
    terms: dict[str, Term] = {}
    include: frozenset[str] | None = frozenset()
    paging = {"limit": LIMIT_MOST, "offset": 0}
    for name, value in parameters:
        if name in paging:
            paging[name] = _number(name, value)
        elif name == "includefield":
            include = _include(include, value)
        elif name == "fuzzymatching":
            _one_of(name, value, ("true", "false"))  # never done, which section 8.3.4.2 allows
        elif value not in ("", "*"):
            term = _term(level, name, value)
            if term.attribute.keyword in terms:
                raise Refused("query-invalid", term=term.attribute.keyword)
            terms[term.attribute.keyword] = term
    return Question(level, tuple(terms.values()), include, min(paging["limit"], LIMIT_MOST), paging["offset"])


def _term(level: Level, name: str, value: str) -> Term:
    attribute = _BY_NAME.get(name)
    if attribute is None:
        raise Refused("query-invalid", term=_harmless(name))
    if _ORDER[attribute.level] > _ORDER[level]:
        raise Refused("query-invalid", term=attribute.keyword)
    match attribute.kind:
        case "uid":
            return Term(attribute, _each(attribute, re.split(r"[,\\]", value), is_uid))
        case "code":
            return Term(attribute, _each(attribute, re.split(r"[,\\]", value), _is_text))
        case "text":
            return Term(attribute, _each(attribute, (value,), _is_text))
        case "number":
            return Term(attribute, (str(_number(attribute.keyword, value)),))
        case "date":
            return _range(attribute, value, _DATE)
        case "time":
            return _range(attribute, value, _TIME)


def _range(attribute: Attribute, value: str, form: re.Pattern[str]) -> Term:
    """One date or time, or ``from-to`` with either end left open (PS3.4 section C.2.2.2.5)."""
    begin, dash, end = value.partition("-")
    given = [part for part in (begin, end) if part]
    _each(attribute, given, lambda part: form.fullmatch(part) is not None)
    if not given:
        raise Refused("query-invalid", term=attribute.keyword)
    return Term(attribute, (begin,), end if dash else None)


def _each(attribute: Attribute, values: Iterable[str], sound: Callable[[str], bool]) -> tuple[str, ...]:
    found = tuple(values)
    if len(found) > VALUES_MOST or not all(sound(value) for value in found):
        raise Refused("query-invalid", term=attribute.keyword)
    return found


def _is_text(value: str) -> bool:
    return len(value) <= VALUE_CHARACTERS and not _CONTROL.search(value)


def _include(include: frozenset[str] | None, value: str) -> frozenset[str] | None:
    if include is None or value == "all":
        return None
    return include | {_tag(name) for name in value.split(",")}


def _tag(name: str) -> str:
    if _TAG.fullmatch(name.upper()):
        return name.upper()
    if name not in _tags():
        raise Refused("query-invalid", term="includefield")
    return _tags()[name]


@cache
def _tags() -> dict[str, str]:
    return {attribute.keyword: f"{attribute.tag:08X}" for attribute in dictionary().values() if attribute.keyword}


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise Refused("query-invalid", term=name)
    return int(value)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise Refused("query-invalid", term=name)


def _harmless(name: str) -> str:
    """The name of an unknown parameter, as far as it can be a name: what a caller sends is not echoed blindly."""
    return name if re.fullmatch(r"[A-Za-z0-9]{1,64}", name) else "parameter"
