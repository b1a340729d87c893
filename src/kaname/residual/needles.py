"""A spelling becomes the byte strings in which it may stand in a file, with what must not stand beside it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Literal

Edge = Literal["", "letter", "digit", "padded", "number", "kana", "kanji", "time"]
"""What the character beside a hit must not be. ``padded``: a digit only where all before it are zeros; ``number``: no
digit and no decimals; ``time``: a digit only where it goes on as a time of day (DT)."""
SHORTEST = 3
_ROW = 94


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to write something, with its edges."""

    text: str
    left: Edge = ""
    right: Edge = ""


@dataclass(frozen=True, slots=True, repr=False)
class Needle:
    """One byte string to look for in lower-cased bytes; prints nothing."""

    kind: str
    encoding: str
    pattern: bytes
    """ASCII capitals as small letters, in every encoding: the haystack is treated alike."""
    left: Edge
    right: Edge
    digits: int
    """Number of digits where the spelling is digits alone, otherwise 0."""
    text: str

    def __repr__(self) -> str:
        return "Needle(…)"


def needles(kind: str, spelling: Spelling) -> list[Needle]:
    """The byte strings of one spelling, ASCII and full width, in every encoding that can write it.

    Shift-less ISO-2022-JP has no needle of its own: :func:`kaname.residual.escapes.fold` turns it into EUC-JP.
    """
    text = spelling.text.lower()
    digits = len(text) if text.isdecimal() else 0
    found: dict[tuple[bytes, str], Needle] = {}
    cased = () if text.isascii() else (text.upper(), text.title())
    for variant in dict.fromkeys((text, *cased, *full_width(text))):
        for encoding, data in encoded(variant):
            if len(data) >= SHORTEST:
                needle = Needle(kind, encoding, data.lower(), spelling.left, spelling.right, digits, text)
                found.setdefault((needle.pattern, encoding), needle)
    return list(found.values())


def full_width(text: str) -> tuple[str, ...]:
    """ASCII in full width, small, capital and capitalised; nothing where there is no ASCII."""
    if not any("!" <= c <= "~" for c in text):
        return ()
    return tuple(
        "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else "　" if c == " " else c for c in variant)
        for variant in dict.fromkeys((text, text.upper(), text.title()))
    )


def encoded(text: str) -> list[tuple[str, bytes]]:
    """Encoding and bytes, each byte string once per family of encodings."""
    wide = [("utf-16-le", text.encode("utf-16-le")), ("utf-16-be", text.encode("utf-16-be"))]
    if text.isascii():
        return [("utf-8", text.encode()), *wide]
    found = [("utf-8", text.encode()), ("utf-8", unicodedata.normalize("NFD", text).encode()), *wide]
    for codec in ("cp932", "latin-1"):
        found += [(codec, data) for data in [_encode(text, codec)] if data is not None]
    for codec in ("euc_jp", "euc_jis_2004"):
        found += [("euc_jp", data) for data in [_encode(text.translate(_EUC), codec)] if data is not None]
    if not _selected_by_nec().keys().isdisjoint(text):
        moved = [_euc_of_nec(c) for c in text]
        found += [("cp932", b"".join(_nec(c) for c in text)), *([("euc_jp", b"".join(moved))] if all(moved) else [])]
    return found


_EUC = {0xFF0D: 0x2212, 0xFF5E: 0x301C}
"""Full-width hyphen and tilde: Microsoft's and JIS's tables disagree about them."""


def _encode(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None


@cache
def _selected_by_nec() -> dict[str, bytes]:
    """Characters that CP932 has twice, as NEC row 89-92: the code that ISO-2022-JP and EUC-JP of Microsoft use."""
    table: dict[str, bytes] = {}
    for lead in (0xED, 0xEE):
        for trail in range(0x40, 0xFD):
            code = bytes((lead, trail))
            if trail != 0x7F and (lead, trail) not in ((0xEE, 0xED), (0xEE, 0xEE)):  # noqa: PLR2004
                table[code.decode("cp932")] = code
    return table


def _nec(character: str) -> bytes:
    return _selected_by_nec().get(character) or _encode(character, "cp932") or b""


@cache
def _euc_of_nec(character: str) -> bytes:
    """EUC-JP as Microsoft writes it: CP932 moved by arithmetic, the 94 rows of JIS alone; empty where it has none."""
    code = _nec(character)
    if len(code) < 2:  # noqa: PLR2004
        return code if code.isascii() else b"\x8e" + code
    lead, trail = code
    row = (lead - (0x81 if lead < 0xA0 else 0xC1)) * 2  # noqa: PLR2004
    cell = trail - 0x40 - (trail > 0x7F)  # noqa: PLR2004
    row, cell = row + cell // _ROW, cell % _ROW
    return bytes((row + 0xA1, cell + 0xA1)) if row < _ROW else b""
