"""Whether a hit stands alone: the characters beside it, read in the encoding of the hit."""

from __future__ import annotations

import re
import unicodedata

from kaname.residual.needles import Edge, Needle

_WIDTHS = {
    "utf-8": (1, 2, 3),
    "cp932": (1, 2),
    "euc_jp": (1, 2, 3),
    "latin-1": (1,),
    "utf-16-le": (2,),
    "utf-16-be": (2,),
}
_TIME = re.compile(r"(?:[01]\d|2[0-3])(?:[0-5]\d){0,2}(?:\.\d{1,6})?(?!\d)")
_TIME_BYTES = 64


def stands_alone(hay: bytes, start: int, needle: Needle) -> bool:
    """Whether nothing beside the hit makes it part of a longer word or number."""
    end = start + len(needle.pattern)
    return _is_free(hay, start, needle, needle.left, -1) and _is_free(hay, end, needle, needle.right, 1)


def _is_free(hay: bytes, position: int, needle: Needle, edge: Edge, side: int) -> bool:
    """Whether the character on one side (-1 before, 1 after ``position``) does not forbid the hit."""
    if not edge:
        return True
    beside, beyond, width = _characters(hay, position, needle.encoding, side)
    if edge == "letter":
        return not (beside.isascii() and beside.isalpha())
    if edge == "kana":
        return not ("ぁ" <= beside <= "ヺ" or beside == "ー")
    if edge == "kanji":
        return not "㐀" <= beside <= "鿿"
    if edge == "number" and beside in (".", ","):
        return not beyond.isdecimal()
    if edge == "padded" and beside == "0":
        return _is_free(hay, position - width, needle, edge, side)
    if edge == "time":
        rest = hay[position : position + _TIME_BYTES].decode(needle.encoding, "replace")
        return not beside.isdecimal() or _TIME.match(unicodedata.normalize("NFKC", rest)) is not None
    return not beside.isdecimal()


def _characters(hay: bytes, position: int, encoding: str, side: int) -> tuple[str, str, int]:
    """The two characters beside a position, normalised, empty where there is none; bytes of the first.

    A single byte with a NUL behind it counts as none: it is no letter but the group number of the next tag.
    """
    beside, width = _character(hay, position, encoding, side)
    beyond, _ = _character(hay, position + side * width, encoding, side)
    return ("" if side > 0 and width == 1 and beyond == "\0" else beside), beyond, width


def _character(hay: bytes, position: int, encoding: str, side: int) -> tuple[str, int]:
    for width in _WIDTHS[encoding]:
        low, high = (position, position + width) if side > 0 else (position - width, position)
        if low < 0 or high > len(hay):
            continue
        try:
            text = hay[low:high].decode(encoding)
        except UnicodeDecodeError:
            continue
        return unicodedata.normalize("NFKC", text), width
    return "", 1
