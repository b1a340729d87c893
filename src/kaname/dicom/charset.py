"""Specific Character Set (PS3.3 section C.12.1.1.2): bytes to text, strictly, with the misdeclarations of the field.

The declared set is believed only when the bytes are valid in it. Otherwise ISO 2022 JP where there are escapes, else
UTF-8, CP932 and EUC-JP are tried in this order: exports that forget or misname their character set are common in Japan.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pydicom.charset

from kaname.errors import NotYet

UTF_8 = "ISO_IR 192"
_ESCAPE = b"\x1b"
_ESCAPED = ("iso2022_jp_2",)
_FALLBACKS = ("utf-8", "cp932", "euc_jp")
_STANDARD = frozenset(pydicom.charset.python_encoding)
_DELIMITERS: set[int] = set(b"\r\n\t\f\\^=")


def is_plain(value: bytes) -> bool:
    """Whether the bytes mean the same in every character set of the Standard: ASCII without escapes."""
    return value.isascii() and _ESCAPE not in value


def decode(value: bytes, declared: Sequence[str]) -> str:
    """The text of a value of VR SH, LO, ST, LT, UC, UT or PN.

    Args:
        value: the bytes as they stand in the file.
        declared: the values of Specific Character Set in force, none meaning ISO 646.

    Raises:
        NotYet: ``undecodable-text`` when neither the declared set nor a usual misdeclaration fits.
    """
    if is_plain(value):
        return value.decode("ascii")
    text = _as_declared(value, declared)
    if text is not None:
        return text
    for codec in _ESCAPED if _ESCAPE in value else _FALLBACKS:
        try:
            return value.decode(codec)
        except UnicodeDecodeError:
            continue
    raise NotYet("undecodable-text")


def _as_declared(value: bytes, declared: Sequence[str]) -> str | None:
    """The text by the declared set; ``None`` where that set is missing, unknown or does not fit the bytes."""
    names = [name.strip() for name in declared]
    if not any(names) or not _STANDARD.issuperset(names):  # never a codec of this machine's, of any name
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            codecs = pydicom.charset.convert_encodings(names)
            text = pydicom.charset.decode_bytes(value, codecs, _DELIMITERS)
        except (LookupError, UnicodeError, UserWarning, ValueError):
            return None
    return None if any(_is_control(c) for c in text) else text


def _is_control(character: str) -> bool:
    """C0 and C1 controls that no text of the Standard carries: a sign that the declared set is a lie."""
    return (character < " " and character not in "\r\n\t\f") or "\x7f" <= character <= "\x9f"
