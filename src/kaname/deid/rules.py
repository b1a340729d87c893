"""From the Standard's tables and a registry's decisions to one step per attribute, each with its reason.

The order of judgement, first match wins: private and repeating groups; what a pseudonym replaces; PS3.15 Table E.1-1
with the registry's options; the registry's allow-list; the VR, where the Standard knows the attribute; removal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from kaname.deid.values import WIDTHS
from kaname.dicom.scan import UNDEFINED
from kaname.dicom.standard import Rule, confidentiality, dictionary, keyword
from kaname.registries import Registry, load


class Action(IntEnum):
    """What happens to an element. The names appear in reports."""

    KEEP = 0
    """Copied as it is: numbers and what the Standard defines."""
    CHECK = 1
    """Kept while the value has its VR's grammar, else emptied."""
    TEXT = 2
    """Text kept by allow-list, rewritten in ISO_IR 192."""
    OPEN = 3
    """A sequence: each item is judged element by element."""
    REMOVE = 4
    EMPTY = 5
    DUMMY = 6
    UID = 7
    SHIFT = 8
    SUBJECT = 9
    ACCESSION = 10
    AGE = 11
    CODE = 12
    """Part of a code: kept beside a known code system, else replaced."""
    PIXELS = 13
    RETYPE = 14
    """Kept like KEEP and CHECK, and written in the attribute's own VR, because it came as UN."""


@dataclass(frozen=True, slots=True)
class Step:
    """The decision for one attribute of one VR."""

    tag: int
    vr: bytes
    """The VR that the value is treated as."""
    action: Action
    rule: str
    reason: str
    most: int = 0
    """How many values the attribute takes; 0 for any number."""
    limit: int = 0
    """Up to so many bytes a value of KEEP can be nothing but what it should be; above, it is looked at."""

    @property
    def attribute(self) -> str:
        """Keyword, or the number where the Standard has no keyword."""
        return keyword(self.tag)


_SPECIAL: dict[int, tuple[Action, str]] = {
    0x00080005: (Action.REMOVE, "Written anew by the crossing: text leaves in UTF-8."),
    0x00100010: (Action.SUBJECT, "The subject's pseudonym stands for the name."),
    0x00100020: (Action.SUBJECT, "The subject's pseudonym stands for the patient's number."),
    0x00080050: (Action.ACCESSION, "A keyed pseudonym, so that image, record and report still meet."),
    0x00101010: (Action.AGE, "Above 89 years an age can name a person."),
    0x00120062: (Action.REMOVE, "Written anew by the crossing."),
    0x00120063: (Action.REMOVE, "Written anew by the crossing."),
    0x00120064: (Action.REMOVE, "Written anew by the crossing."),
    0x00280301: (Action.REMOVE, "What the sender says of burned-in text counts for nothing."),
    0x00280302: (Action.REMOVE, "What the sender says of recognisable features counts for nothing."),
    0x00280303: (Action.REMOVE, "Written anew by the crossing."),
}
_CODES = frozenset((0x00080100, 0x00080102, 0x00080103, 0x00080104, 0x00080119))
_PIXEL_TAGS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_TEXT = frozenset((b"AE", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"))
_CHECKED = frozenset((b"AS", b"CS", b"DS", b"IS"))
_NUMBERS = frozenset(WIDTHS)
_FIRST_GROUP = 0x0008
_LETS_THROUGH = frozenset(
    (Action.KEEP, Action.CHECK, Action.TEXT, Action.SHIFT, Action.AGE, Action.PIXELS, Action.CODE, Action.OPEN)
)
_SIMPLE = {
    "X": Action.REMOVE,
    "Z": Action.EMPTY,
    "D": Action.DUMMY,
    "U": Action.UID,
    "X/Z": Action.EMPTY,
    "X/D": Action.DUMMY,
    "X/Z/D": Action.DUMMY,
    "Z/D": Action.DUMMY,
    "X/Z/U*": Action.UID,
}
"""Where the Standard leaves the choice to the attribute's type, the value that is valid for every type is taken."""


@lru_cache(maxsize=1 << 14)
def step_for(registry_id: str, tag: int, vr: bytes) -> Step:
    """The step for an attribute as it stands in a file.

    Args:
        registry_id: whose decisions count.
        tag: the attribute's number.
        vr: the VR in the file, empty where the encoding is implicit; UN is read as the dictionary's VR.
    """
    known = dictionary().get(tag)
    meant = tuple(v.encode() for v in known.vr.split(" or ")) if known and known.keyword else ()
    treated = meant[0] if meant and vr in (b"", b"UN") else vr or b"UN"
    action, rule, reason = _judge(load(registry_id), tag, treated, known=bool(meant))
    if not _believable(action, treated, meant):
        action, rule, reason = Action.REMOVE, "vr", "In a VR that is not its own, its grammar proves nothing."
    most = _most(known.vm) if known else 0
    kept_by_name = tag in load(registry_id).deid.keep
    limit = UNDEFINED if kept_by_name else most * WIDTHS.get(treated, 0)
    return Step(tag, treated, action, rule, reason, most, limit)


def _most(multiplicity: str) -> int:
    """The most values of a Value Multiplicity of PS3.6, ``1-3`` for instance; 0 where there is no end."""
    return 0 if "n" in multiplicity or multiplicity == "" else int(re.split(r"\D+", multiplicity)[-1])


_Judgement = tuple[Action, str, str]


def _judge(registry: Registry, tag: int, vr: bytes, *, known: bool) -> _Judgement:
    if (barred := _never(tag)) is not None:
        return barred
    if tag in _SPECIAL:
        action, reason = _SPECIAL[tag]
        if action is not Action.AGE or "patient_characteristics" in registry.deid.options:
            return action, "kaname", reason
    if (row := confidentiality().get(tag)) is not None:
        return _by_table(registry, vr, row)
    if tag in registry.deid.keep:
        action = Action.CODE if tag in _CODES else Action.TEXT if vr in _TEXT else Action.KEEP
        return action, f"{registry.id} keep", registry.deid.keep[tag].reason
    if not known:
        return Action.REMOVE, "unknown", "The Standard does not know this attribute."
    if tag in _PIXEL_TAGS:
        return Action.PIXELS, "pixels", "Judged apart, before anything leaves."
    return _by_vr(registry, vr)


def _never(tag: int) -> _Judgement | None:
    """What is removed whatever a registry says."""
    group = tag >> 16
    if group & 1:
        return Action.REMOVE, "private", "Nobody but the maker knows what a private element holds."
    if not tag & 0xFFFF:
        return Action.REMOVE, "group-length", "Wrong after rewriting, and retired."
    if group < _FIRST_GROUP:
        return Action.REMOVE, "group", "Commands, file meta and directory records have no place in a data set."
    if group & 0xFF00 in (0x5000, 0x6000):
        return Action.REMOVE, "E.1-1 50xx 60xx", "Curves and overlays are drawings that may carry text."
    return None


def _by_table(registry: Registry, vr: bytes, row: Rule) -> _Judgement:
    taken, rule = registry.deid.options, f"E.1-1 {row.basic}"
    for option in ("patient_characteristics", "device_identity"):
        # A kept characteristic is a code or a number; where it is free text, an option alone does not vouch for it.
        if option in taken and row.options.get(option) == "K" and vr not in _TEXT:
            return _by_vr(registry, vr)[0], f"{rule} {option}", taken[option]
    if "modified_dates" in taken and row.options.get("modified_dates") == "C" and vr in (b"DA", b"DT", b"TM"):
        if vr != b"TM":
            return Action.SHIFT, f"{rule} modified_dates", taken["modified_dates"]
        if registry.deid.keep_times:
            return Action.CHECK, f"{rule} modified_dates", registry.deid.keep_times
    action = _SIMPLE[row.basic]
    if vr == b"SQ" and action in (Action.DUMMY, Action.UID):
        action = Action.OPEN
    return action, rule, "The Standard's table of confidential attributes lists it."


def _by_vr(registry: Registry, vr: bytes) -> _Judgement:
    """Attributes of the Standard that no table lists: by what their VR can hold."""
    rule = f"VR {vr.decode('ascii', 'replace')}"
    if vr == b"SQ":
        return Action.OPEN, rule, "Each item is judged element by element."
    if vr == b"UI":
        return Action.UID, rule, "A UID names an object; classes of the Standard stay."
    if vr in (b"DA", b"DT") and "modified_dates" in registry.deid.options:
        return Action.SHIFT, rule, registry.deid.options["modified_dates"]
    if vr == b"TM" and registry.deid.keep_times:
        return Action.CHECK, rule, registry.deid.keep_times
    if vr in _CHECKED:
        return Action.CHECK, rule, "Codes and numbers, as long as they look like codes and numbers."
    if vr in _NUMBERS:
        return Action.KEEP, rule, "Numbers."
    return Action.REMOVE, rule, "Free text, dates or bytes that nobody has judged."


def _believable(action: Action, vr: bytes, meant: tuple[bytes, ...]) -> bool:
    """Whether the VR in the file is one that the attribute may have, for actions that let a value through."""
    if action not in _LETS_THROUGH or vr in meant:
        return True
    families = (_TEXT, _NUMBERS | {b"OB", b"OW"})
    return any(vr in family and not family.isdisjoint(meant) for family in families)
