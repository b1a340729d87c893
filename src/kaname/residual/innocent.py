"""Hits that are chance: a short number among measurements, four bytes in a table, a word of the Standard."""

from __future__ import annotations

import re

from kaname.residual.layout import Span, attribute_name
from kaname.residual.needles import Needle
from kaname.residual.tables import TABLES

_MEASURED = frozenset(["AT", "FD", "FL", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV"])
_FEW_BYTES = 4
_FEW_DIGITS = {"DS": 6, "TM": 6, "IS": 5}
"""Numbers up to this many digits are met by chance in values of these VRs."""
_KEY_ID = re.compile(rb"[0-9a-f]{16}")
_PSEUDONYM = re.compile(rb"[A-Z2-7]{16}")
_PSEUDONYMS = frozenset((0x00100010, 0x00100020, 0x00080050))


def is_innocent(needle: Needle, span: Span, value: bytes) -> bool:
    """Whether a hit inside the value of an element says nothing of the patient.

    Args:
        needle: what was hit.
        span: the element around the hit.
        value: its whole value.
    """
    if span.vr in _MEASURED and len(needle.pattern) <= _FEW_BYTES:
        return True
    if needle.kind in ("id", "accession") and 0 < needle.digits <= _FEW_DIGITS.get(span.vr, 0):
        return True
    if span.tag in _PSEUDONYMS and not span.path and _PSEUDONYM.fullmatch(value):
        return len(needle.pattern) < len(value)
    if span.vr == "CS" and needle.text in TABLES.vocabulary:
        return True
    names = {attribute_name((tag,)) for tag in (*span.path, span.tag)}
    if names & TABLES.written:
        return needle.text in TABLES.vocabulary or needle.pattern not in _KEY_ID.sub(b"", value).lower()
    said = value.lower().decode("utf-8", "replace")
    return bool(names & TABLES.maker_attributes) and any(needle.text in m and m in said for m in TABLES.makers)
