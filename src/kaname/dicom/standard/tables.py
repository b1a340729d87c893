"""Reads the generated tables. Tags are numbers, group in the upper half: ``0x00100020``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

EDITION: str = "2026c"
"""Edition of PS3.15 whose Basic Profile column is applied."""

_ODD_GROUPS = "odd"
_ODD_GROUP_BIT = 0x00010000


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row of PS3.6 section 6.

    ``vr`` may name several, ``US or SS``. Attributes that only Table E.1-1 knows have no keyword, no VM and VR ``UN``.
    """

    tag: int
    vr: str
    vm: str
    keyword: str
    name: str
    retired: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of PS3.15 Table E.1-1."""

    tag: int
    name: str
    basic: str
    """Action of the Basic Profile: ``D Z X U X/Z X/D Z/D X/Z/D X/Z/U*``."""
    options: Mapping[str, str]
    """Columns of the options that say something: ``K`` (keep) or ``C`` (clean) by option name."""
    options_edition: str
    """Edition that ``options`` come from; empty where no source has them, and then only ``basic`` applies."""


@dataclass(frozen=True, slots=True)
class RangeRule:
    """A row of Table E.1-1 for every tag with ``tag & mask == value``."""

    mask: int
    value: int
    name: str
    basic: str
    options: Mapping[str, str]

    def covers(self, tag: int) -> bool:
        """Whether the row speaks of this tag."""
        return tag & self.mask == self.value


@cache
def dictionary() -> Mapping[int, Attribute]:
    """Attributes by tag: PS3.6 without its repeating groups, and by number what only Table E.1-1 knows."""
    found: dict[int, Attribute] = {}
    for number, vr, vm, word, name, retired in _rows("attributes.tsv"):
        tag = int(number, 16)
        found[tag] = Attribute(tag, vr, vm, word, name, retired == "R")
    return MappingProxyType(found)


@cache
def confidentiality() -> Mapping[int, Rule]:
    """Table E.1-1 by tag: 652 single attributes. Ranges stand in :func:`confidentiality_ranges`."""
    names = _option_names("confidentiality.tsv")
    found: dict[int, Rule] = {}
    for number, name, basic, *options, edition in _rows("confidentiality.tsv"):
        tag = int(number, 16)
        found[tag] = Rule(tag, name, basic, _options(names, options), edition)
    return MappingProxyType(found)


@cache
def confidentiality_ranges() -> tuple[RangeRule, ...]:
    """Table E.1-1's rows for many tags: curves, overlay data, overlay comments, and odd (private) groups."""
    names = _option_names("confidentiality_ranges.tsv")
    return tuple(
        RangeRule(*_mask_and_value(pattern), name, basic, _options(names, options))
        for pattern, name, basic, *options, _ in _rows("confidentiality_ranges.tsv")
    )


@cache
def sop_classes() -> Mapping[str, str]:
    """Names of all Storage SOP Classes (PS3.4 section B.5), retired ones too, by UID."""
    return MappingProxyType(dict(_rows("sop_classes.tsv")))


@cache
def transfer_syntaxes() -> Mapping[str, str]:
    """Names of all transfer syntaxes (PS3.6 Table A-1), retired ones too, by UID."""
    return MappingProxyType(dict(_rows("transfer_syntaxes.tsv")))


def keyword(tag: int) -> str:
    """The attribute's keyword, or ``(gggg,eeee)`` where the dictionary has none."""
    known = dictionary().get(tag)
    return known.keyword if known and known.keyword else f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _rows(name: str) -> Iterator[list[str]]:
    """The rows of a table, without its heading."""
    lines = _text(name).splitlines()
    return (line.split("\t") for line in lines[1:])


def _option_names(name: str) -> list[str]:
    heading, _, _ = _text(name).partition("\n")
    return heading.split("\t")[3:-1]


def _text(name: str) -> str:
    return files("kaname.dicom.standard").joinpath(name).read_text(encoding="utf-8")


def _options(names: Sequence[str], columns: Sequence[str]) -> Mapping[str, str]:
    return MappingProxyType({name: value for name, value in zip(names, columns, strict=True) if value})


def _mask_and_value(pattern: str) -> tuple[int, int]:
    """``60xx3000`` as the pair ``0xFF00FFFF, 0x60003000``."""
    if pattern == _ODD_GROUPS:
        return _ODD_GROUP_BIT, _ODD_GROUP_BIT
    mask = "".join("0" if digit == "x" else "F" for digit in pattern)
    return int(mask, 16), int(pattern.replace("x", "0"), 16)
