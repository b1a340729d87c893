"""What names a patient, in every spelling that a record may use: prepared once per patient, searched in every file."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from kaname.residual.kana import is_kana, to_half_width, to_hiragana, to_katakana, to_readings, to_romaji
from kaname.residual.needles import Edge, Needle, Spelling, needles
from kaname.residual.tables import TABLES
from kaname.residual.wareki import day_spellings, read_day

_NAME_COMPONENTS = 3
"""Family, given, middle; prefix and suffix (Dr., Jr.) name nobody (PS3.5 section 6.2.1.2)."""
_GAPS = re.compile(r"[\s,、・]+")
_PUNCTUATION = re.compile(r"['’.\-‐]+")
_SEPARATORS = re.compile(r"[-‐－_./\s()]+")
_WHOLE_WORD, _LONG_WORD = 3, 6
_SHORTEST_NUMBER, _LONG_NUMBER, _LONG_ID = 4, 6, 8
_UNSPLIT = 4
_GRAM = 4


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Forms:
    """The identity of one patient as byte strings, filed by their first four bytes; prints nothing."""

    by_gram: Mapping[int, tuple[Needle, ...]]
    """Needles by the number that their first four bytes make on this machine."""
    grams: frozenset[int]
    short: Mapping[bytes, tuple[Needle, ...]]
    """Needles of three bytes."""
    short_pattern: re.Pattern[bytes] | None
    """Finds the first byte of each of ``short``, looking ahead at the other two."""

    def __repr__(self) -> str:
        return f"Forms({sum(map(len, self.by_gram.values())) + len(self.short)} byte strings)"


def known_forms(values: Mapping[str, Sequence[str]]) -> Forms:
    """Expands what a record says of its patient into all byte strings to look for.

    Args:
        values: values by kind: ``name`` and ``person`` (PN values), ``id`` and ``accession`` (LO, SH values), ``date``
            (DA or DT values that must be gone: pass only those), ``institution`` and ``text`` (phrases, phone numbers).

    Raises:
        KeyError: for an unknown kind.
    """
    makers = {"name": _name, "person": _name, "id": _number, "accession": _number, "date": _day,
              "institution": _phrase, "text": _phrase}  # fmt: skip
    found: dict[tuple[bytes, str], Needle] = {}
    for kind, given in values.items():
        make = makers[kind]
        for value in given:
            for spelling in dict.fromkeys(make(value)):
                for needle in needles(kind, spelling):
                    _keep_weaker(found, needle)
    return _filed(found.values())


def _keep_weaker(found: dict[tuple[bytes, str], Needle], needle: Needle) -> None:
    """Of two needles with the same bytes the one with fewer edges finds more."""
    key = (needle.pattern, needle.encoding)
    known = found.get(key)
    if known is None or bool(needle.left) + bool(needle.right) < bool(known.left) + bool(known.right):
        found[key] = needle


def _filed(found: Iterable[Needle]) -> Forms:
    short: dict[bytes, list[Needle]] = {}
    by_gram: dict[int, list[Needle]] = {}
    for needle in found:
        if len(needle.pattern) < _GRAM:
            short.setdefault(needle.pattern, []).append(needle)
        else:
            by_gram.setdefault(int.from_bytes(needle.pattern[:_GRAM], sys.byteorder), []).append(needle)
    pattern = b"|".join(re.escape(p[:1]) + b"(?=" + re.escape(p[1:]) + b")" for p in short)
    return Forms(
        {gram: tuple(n) for gram, n in by_gram.items()},
        frozenset(by_gram),
        {three: tuple(n) for three, n in short.items()},
        re.compile(pattern) if short else None,
    )


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text.replace("\0", "")).strip()


def _says_nothing(text: str) -> bool:
    return text.lower() in TABLES.says_nothing


# ── names ────────────────────────────────────────────────────────────────────────────────────────


def _name(value: str) -> Iterator[Spelling]:
    """Spellings of a PN value: every component of every group, and whole names where no component stands alone."""
    for group in re.split(r"[=\\]", value.replace("＝", "=")):
        components = group.replace("＾", "^").split("^")[:_NAME_COMPONENTS]
        texts = [text for c in components for text in (c, _normal(c))]
        parts = [w for text in texts for w in _GAPS.split(text) if w and not _says_nothing(w)]
        words = list(dict.fromkeys(parts))
        for word in words:
            yield from _word(word)
        for first, second in permutations([w for w in words if not _names_alone(w)], 2):
            if len(first + second) > 2 or not (first + second).isascii():  # noqa: PLR2004 - initials name nobody
                yield from (_edged(f"{first}{gap}{second}", "letter", "kanji") for gap in ("", " ", "　", "^", ", "))


def _names_alone(word: str) -> bool:
    return len(word) >= (_WHOLE_WORD if word.isascii() else 2)


def _word(word: str) -> Iterator[Spelling]:
    if is_kana(word):
        yield from _kana(word)
        for romaji in to_romaji(word):
            yield from _latin(romaji)
        return
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    if plain.isascii():
        yield from (Spelling(word.lower(), *_word_edges(plain)) for _ in (0,) if not word.isascii())
        yield from _latin(plain)
        for reading in to_readings(plain):
            yield from (_kana(reading) if len(reading) > 2 else ())  # noqa: PLR2004
        return
    for variant in _variants(word):
        yield from _other(variant)


def _latin(word: str) -> Iterator[Spelling]:
    parts = [p for p in _PUNCTUATION.split(word) if p]
    for text in dict.fromkeys((word, "".join(parts), *parts)):
        if any(c.isdecimal() for c in text):
            yield from _number(text)
        elif len(text) >= _WHOLE_WORD:
            yield from (Spelling(text, *_word_edges(text)) for _ in (0,) if not _says_nothing(text))
        elif len(text) > 1:
            yield from _in_context(text, "letter")


def _word_edges(word: str) -> tuple[Edge, Edge]:
    return ("", "") if len(word) >= _LONG_WORD else ("letter", "letter")


def _kana(word: str) -> Iterator[Spelling]:
    for text in (to_hiragana(word), to_katakana(word), to_half_width(word)):
        if len(word) > 2:  # noqa: PLR2004
            yield Spelling(text)
        else:
            yield from (Spelling(text, "kana", "kana") for _ in (0,) if len(word) > 1)
            yield from _in_context(text, "kana")


def _variants(word: str) -> list[str]:
    """The word with each old or new form of its characters, e.g. 髙橋 and 高橋."""
    return ["".join(p) for p in product(*(TABLES.same_characters.get(c, c) for c in word))]


def _other(word: str) -> Iterator[Spelling]:
    """Kanji, Hangul, Cyrillic …: two characters name somebody, one needs its context."""
    if len(word) == 1:
        yield from _in_context(word, "")
        return
    yield Spelling(word)
    if len(word) == _UNSPLIT:
        yield from (Spelling(word[:2]), Spelling(word[2:]))


def _in_context(word: str, edge: Edge) -> Iterator[Spelling]:
    """A word too short to stand alone, beside what makes it a name."""
    latin = word.isascii()
    for honorific, gap in product(TABLES.latin_honorifics if latin else TABLES.honorifics, ("", " ", "　", "-")):
        yield Spelling(f"{word}{gap}{honorific}", edge)
    for label, gap in product(TABLES.latin_labels if latin else TABLES.labels, ("", " ", "　", ":", ": ", "：")):
        if gap or not (latin and label[-1].isalpha() and label.isascii()):
            yield Spelling(f"{label}{gap}{word}", "letter" if label.isascii() else "", edge)
    yield from (Spelling(f"{word}^", edge), Spelling(f"^{word}", "", edge))


def _edged(text: str, latin: Edge, other: Edge) -> Spelling:
    return Spelling(text, latin if text[0].isascii() else other, latin if text[-1].isascii() else other)


# ── numbers, days, phrases ───────────────────────────────────────────────────────────────────────


def _number(value: str) -> Iterator[Spelling]:
    """Spellings of an identifier: as it is, without separators, without leading zeros."""
    text = _normal(value)
    bare = _SEPARATORS.sub("", text)
    for variant in dict.fromkeys((text, bare, bare.lstrip("0") if bare.isdecimal() else bare)):
        if len(variant) < _SHORTEST_NUMBER or len(set(variant)) == 1 or _says_nothing(variant):
            continue
        if variant.isdecimal() and len(variant) < _LONG_NUMBER:
            yield Spelling(variant, "number", "number")
        else:
            left: Edge = "padded" if variant.isdecimal() else _id_edge(variant, variant[0])
            yield Spelling(variant, left, _id_edge(variant, variant[-1]))


def _id_edge(text: str, end: str) -> Edge:
    if end.isdecimal():
        return "digit"
    return "letter" if end.isascii() and end.isalpha() and len(text) < _LONG_ID else ""


def _day(value: str) -> Iterator[Spelling]:
    day = read_day(value)
    if day is None:
        return
    for text in day_spellings(day):
        left: Edge = "letter" if text[0].isascii() and text[0].isalpha() else "digit"
        if text.isdecimal():
            yield Spelling(text, "digit", "time")
        else:
            right: Edge = "number" if text[-1].isdecimal() else ""
            yield Spelling(text, left if text[0].isascii() else "", right)


def _phrase(value: str) -> Iterator[Spelling]:
    """Spellings of an institution, an address, a phone number: whole, without gaps, and its Japanese parts."""
    texts = dict.fromkeys((value.strip(), _normal(value)))
    for text in [t for t in texts if t and not _says_nothing(t)]:
        bare = _SEPARATORS.sub("", text)
        if bare.lstrip("+").isdecimal():
            yield from _number(bare.lstrip("+"))
            yield from _number(text)
            continue
        parts = [p for p in re.split(r"[\s　]+", text) if len(p) >= _SHORTEST_NUMBER and not p.isascii()]
        together = text if text.isascii() else "".join(text.split())
        for phrase in dict.fromkeys((text, together, *parts)):
            if len(phrase) >= (_SHORTEST_NUMBER if phrase.isascii() else 2):
                yield _edged(phrase, "letter", "")
