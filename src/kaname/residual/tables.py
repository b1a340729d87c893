"""The settings of both checks, read once from ``settings.toml`` beside this module."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Tables:
    """Words and characters that the search knows."""

    says_nothing: frozenset[str]
    honorifics: tuple[str, ...]
    labels: tuple[str, ...]
    latin_honorifics: tuple[str, ...]
    latin_labels: tuple[str, ...]
    same_characters: Mapping[str, str]
    """Character → all characters exchanged for it, itself included."""
    written: frozenset[str]
    vocabulary: frozenset[str]
    maker_attributes: frozenset[str]
    makers: tuple[str, ...]


def read_settings() -> dict[str, Any]:
    """``settings.toml`` as it stands."""
    return tomllib.loads(files("kaname.residual").joinpath("settings.toml").read_text(encoding="utf-8"))


def _search_tables(table: dict[str, Any]) -> Tables:
    return Tables(
        says_nothing=frozenset(table["says_nothing"]),
        honorifics=tuple(table["honorifics"]),
        labels=tuple(table["labels"]),
        latin_honorifics=tuple(table["latin_honorifics"]),
        latin_labels=tuple(table["latin_labels"]),
        same_characters={c: group for group in table["same_characters"] for c in group},
        written=frozenset(table["written"]),
        vocabulary=frozenset(table["vocabulary"]),
        maker_attributes=frozenset(table["maker_attributes"]),
        makers=tuple(table["makers"]),
    )


TABLES = _search_tables(read_settings()["search"])


@dataclass(frozen=True, slots=True)
class WritingTables:
    """What the inspection lets pass of photographs, sections, slides and videos."""

    attributes: Mapping[str, frozenset[str]]
    """Attributes with text or bytes by SOP Class UID, besides those that any object may have."""
    transfer_syntaxes: frozenset[str]
    videos: frozenset[str]
    """Those of the transfer syntaxes that are videos."""
    slide: str
    """SOP Class UID of slides."""
    not_specimen: frozenset[str]
    """Words of Image Type of a slide that tell of the glass beside the specimen."""
    sight: tuple[float, float, float, int]
    """How the text detector looks: scale, threshold, certainty, least pixels."""
    side: int
    """Pixels of the longer side, to which larger pictures are reduced for another look."""
    frames: int
    """So many frames, or so many groups of them, are looked at; a group by its brightest and its darkest."""
    slide_sight: tuple[float, float, float, int]
    """How it looks at slides."""
    slide_side: int
    """Pixels of a slide's longer side; larger ones are reduced."""
    slide_least: int
    """Pixels of its shorter side, down to which it is looked at from farther and farther away."""
    letter: float
    """In both, stretches less long than so many times their height are letters, for which cells are taken."""
    seconds: float
    """Between the pictures of a video that are looked at."""
    movie_sight: tuple[float, float, float, int]
    """How it looks at videos."""
    most: int
    """Pictures of a video that are looked at."""
    boxes: frozenset[str]
    """Kinds of boxes of an MP4 file."""
    nests: Mapping[str, int]
    """Kinds that hold other boxes, behind so many bytes of fields."""
    tables: frozenset[str]
    """Kinds that hold numbers alone, in which bytes may look like letters."""
    words: re.Pattern[bytes]
    """Words that may stand in the others."""


def _writing_tables(table: dict[str, Any]) -> WritingTables:
    movie = table["movie"]
    return WritingTables(
        attributes={uid: frozenset(names) for uid, names in table["attributes"].items()},
        transfer_syntaxes=frozenset((*table["transfer_syntaxes"], *movie["transfer_syntaxes"])),
        videos=frozenset(movie["transfer_syntaxes"]),
        slide=table["slide"],
        not_specimen=frozenset(table["not_specimen"]),
        sight=tuple(table["sight"]),
        side=table["side"],
        frames=table["frames"],
        slide_sight=tuple(table["slide_sight"]),
        slide_side=table["slide_side"],
        slide_least=table["slide_least"],
        letter=table["letter"],
        seconds=movie["seconds"],
        movie_sight=tuple(movie["sight"]),
        most=movie["most"],
        boxes=frozenset((*movie["boxes"], *movie["tables"], *movie["nests"])),
        nests=movie["nests"],
        tables=frozenset(movie["tables"]),
        words=re.compile(movie["words"].encode()),
    )


@dataclass(frozen=True, slots=True)
class InspectTables:
    """What the inspection lets pass."""

    sop_classes: frozenset[str]
    transfer_syntaxes: tuple[re.Pattern[str], ...]
    implementations: re.Pattern[str]
    meta_elements: frozenset[int]
    subject: re.Pattern[str]
    oldest_years: int
    placeholders: frozenset[str]
    screen_words: frozenset[str]
    text: frozenset[str]
    japanese: frozenset[str]
    excused: Mapping[str, frozenset[str]]
    binary: frozenset[str]
    patterns: Mapping[str, re.Pattern[str]]
    region_formats: frozenset[int]
    drawn_types: frozenset[int]
    sight: tuple[float, float, float, int]
    """How the text detector looks: scale, threshold, certainty, least pixels."""
    writing: WritingTables


def _inspect_tables(table: dict[str, Any]) -> InspectTables:
    attributes = table["attributes"]
    return InspectTables(
        sop_classes=frozenset(table["sop_classes"]),
        transfer_syntaxes=tuple(re.compile(p) for p in table["transfer_syntaxes"]),
        implementations=re.compile(table["implementations"]),
        meta_elements=frozenset(table["meta_elements"]),
        subject=re.compile(table["subject"]),
        oldest_years=table["oldest_years"],
        placeholders=frozenset(table["placeholders"]),
        screen_words=frozenset(table["screen_words"]),
        text=frozenset(attributes["text"]),
        japanese=frozenset(attributes["japanese"]),
        excused={name: frozenset(rules) for name, rules in attributes["excused"].items()},
        binary=frozenset(attributes["binary"]["names"]),
        patterns={name: re.compile(pattern) for name, pattern in table["patterns"].items()},
        region_formats=frozenset(table["regions"]["formats"]),
        drawn_types=frozenset(table["regions"]["drawn_types"]),
        sight=tuple(table["regions"]["sight"]),
        writing=_writing_tables(table["writing"]),
    )


INSPECT = _inspect_tables(read_settings()["inspect"])
