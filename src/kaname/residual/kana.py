"""Kana and romaji: one reading in the scripts and spellings in which a name is written.

Romanisation after Hepburn and Kunrei with the usual liberties: long vowels dropped, doubled or written with h, m before
b, m and p. What is not a reading in kana or romaji gives nothing.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import islice, product

_MOST = 24
_VOWELS = "aiueo"
_ROWS = {
    "": "あいうえお", "k": "かきくけこ", "s": "さしすせそ", "t": "たちつてと", "n": "なにぬねの", "h": "はひふへほ",
    "m": "まみむめも", "r": "らりるれろ", "g": "がぎぐげご", "z": "ざじずぜぞ", "d": "だぢづでど", "b": "ばびぶべぼ",
    "p": "ぱぴぷぺぽ",
}  # fmt: skip
_OTHERS = {
    "ya": "や", "yu": "ゆ", "yo": "よ", "wa": "わ", "wo": "を", "vu": "ゔ", "fa": "ふぁ", "fi": "ふぃ", "fe": "ふぇ",
    "fo": "ふぉ", "ti": "てぃ", "di": "でぃ", "che": "ちぇ", "she": "しぇ", "je": "じぇ", "we": "うぇ",
}  # fmt: skip
_HEPBURN = {"し": "shi", "ち": "chi", "つ": "tsu", "ふ": "fu", "じ": "ji", "ぢ": "ji", "づ": "zu", "を": "o"}
_HEPBURN_BLENDS = {"し": "sh", "ち": "ch", "じ": "j", "ぢ": "j"}


@cache
def _spellings() -> dict[str, tuple[str, ...]]:
    """Kana of one or two characters → romaji, Hepburn first."""
    table: dict[str, list[str]] = {}
    for consonant, row in _ROWS.items():
        for vowel, kana in zip(_VOWELS, row, strict=True):
            both = [_HEPBURN[kana]] if kana in _HEPBURN else []
            table[kana] = [*both, consonant + vowel]
        if consonant:
            stem = row[1]
            blends = [_HEPBURN_BLENDS[stem]] if stem in _HEPBURN_BLENDS else []
            for vowel, small in zip("auo", "ゃゅょ", strict=True):
                table[stem + small] = [*(blend + vowel for blend in blends), consonant + "y" + vowel]
    for romaji, kana in _OTHERS.items():
        table.setdefault(kana, []).append(romaji)
    return {kana: tuple(romaji) for kana, romaji in table.items()}


@cache
def _readings() -> dict[str, str]:
    """Romaji → kana; the commoner kana where two share a spelling."""
    table: dict[str, str] = {}
    for kana, spellings in _spellings().items():
        for romaji in spellings:
            table.setdefault(romaji, kana)
    return table | {"o": "お", "zu": "ず", "ji": "じ"}


@cache
def _half() -> dict[str, str]:
    """Full-width katakana → half-width, voiced ones as two characters."""
    table: dict[str, str] = {}
    for code in range(0xFF61, 0xFF9E):
        half = chr(code)
        table[unicodedata.normalize("NFKC", half)] = half
        for mark in "ﾞﾟ":
            full = unicodedata.normalize("NFKC", half + mark)
            if len(full) == 1:
                table[full] = half + mark
    return table


def is_kana(text: str) -> bool:
    """Whether the text is full-width kana alone (the long mark included)."""
    return bool(text) and all("ぁ" <= c <= "ゖ" or "ァ" <= c <= "ヺ" or c == "ー" for c in text)


def to_hiragana(text: str) -> str:
    """Katakana as hiragana; everything else stays."""
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in text)


def to_katakana(text: str) -> str:
    """Hiragana as katakana; everything else stays."""
    return "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in text)


def to_half_width(text: str) -> str:
    """Kana as half-width katakana; everything else stays."""
    return "".join(_half().get(c, c) for c in to_katakana(text))


def to_romaji(kana: str) -> tuple[str, ...]:
    """Romanisations of a reading in kana, lower case; none where a character has none."""
    text = to_hiragana(kana)
    choices: list[tuple[str, ...]] = []
    position = 0
    doubled = False
    while position < len(text):
        if text[position] == "っ":
            doubled, position = True, position + 1
            continue
        size = 2 if text[position : position + 2] in _spellings() else 1
        piece = text[position : position + size]
        position += size
        spelled = ("n",) if piece == "ん" else ("",) if piece == "ー" else _spellings().get(piece, ())
        if not spelled:
            return ()
        if doubled:
            spelled = tuple(s for r in spelled for s in (r[0] + r, "t" + r if r.startswith("ch") else r[0] + r))
            doubled = False
        choices.append(spelled)
    plain = dict.fromkeys("".join(parts) for parts in islice(product(*choices), _MOST) if parts)
    return tuple(dict.fromkeys(variant for romaji in plain for variant in _liberties(romaji)))


def _liberties(romaji: str) -> list[str]:
    """The usual variants of one strict romanisation."""
    variants = [romaji]
    for long, shorts in (("ou", ("o", "oh")), ("oo", ("o", "oh")), ("uu", ("u",)), ("ei", ("e",)), ("aa", ("a",))):
        variants += [v.replace(long, short) for v in variants for short in shorts if long in v]
    for labial in "bmp":
        variants += [v.replace("n" + labial, "m" + labial) for v in variants if "n" + labial in v]
    return variants[:_MOST]


def to_readings(romaji: str) -> tuple[str, ...]:
    """Readings in hiragana of a romanised word, long vowels supposed wherever they may hide; none where it is none."""
    text = romaji.lower()
    choices: list[tuple[str, ...]] = []
    position = 0
    while position < len(text):
        rest = text[position:]
        size = next((n for n in (3, 2, 1) if len(rest) >= n and rest[:n] in _readings()), 0)
        if size:
            kana = _readings()[rest[:size]]
            longer = {"o": (kana, kana + "う"), "u": (kana, kana + "う")}
            choices.append(longer.get(rest[size - 1], (kana,)))
            position += size
        elif rest[0] in "nm" and (len(rest) == 1 or rest[1] not in _VOWELS + "y"):
            choices.append(("ん",))
            position += 1
        elif (rest[0] == rest[1:2] and rest[0] not in _VOWELS) or rest.startswith("tch"):
            choices.append(("っ",))
            position += 1
        elif rest[0] == "h" and position and text[position - 1] == "o":
            choices.append(("う",))
            position += 1
        else:
            return ()
    return tuple(dict.fromkeys("".join(parts) for parts in islice(product(*choices), _MOST) if parts))
