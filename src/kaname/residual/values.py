"""What single values may say, judged by VR (PS3.5 section 6.2), by allow lists and by the look of text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from pydicom.datadict import keyword_for_tag

from kaname.residual.layout import Span, attribute_name, known_vr
from kaname.residual.model import Finding
from kaname.residual.tables import INSPECT

TEXT_VRS = frozenset(["AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"])
BINARY_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
_UTF_8 = "ISO_IR 192"
_CHARSET, _BIRTH_DATE, _BIRTH_TIME = 0x00080005, 0x00100030, 0x00100032
_OWN_UIDS = frozenset((0x00080018, 0x0020000D, 0x0020000E))
_PSEUDONYMS = {0x00100010: "subject", 0x00100020: "subject", 0x00080050: "accession"}
_LONGEST_TEXT, _LONGEST_CODE = 128, 16
_OWN_UID = re.compile(r"2\.25\.(?:0|[1-9]\d{0,38})")
_STANDARD_UID = re.compile(r"1\.2\.840\.10008(?:\.(?:0|[1-9]\d{0,4})){1,10}")
_CODE, _LONG_RUN = re.compile(r"[A-Z0-9 _]{0,16}"), re.compile(r"\d{6}")
_AGE = re.compile(r"(\d{3})([DWMY])")
_DAY = re.compile(r"(\d{4})(\d{2})?(\d{2})?")
_DATE_TIME = re.compile(r"(\d{4,8})(?:(?<=\d{8})\d{2,6}(?:\.\d{1,6})?)?(?:[+-]\d{4})?")
_TIME = re.compile(r"\d{2}:?(?:\d{2}:?(?:\d{2}(?:\.\d{1,6})?)?)?")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_WHOLE = re.compile(r"[+-]?\d{1,12}")
_JAPANESE = re.compile(r"[぀-ヿ㐀-鿿豈-﫿々〆]")
_DASHES = re.compile(r"[‐-―−]")
_FIRST_YEAR, _LAST_YEAR = 1850, 2150
_PROFILE_SIGN, _PROFILE_WORDS = slice(36, 40), re.compile(rb"[ -~]{5,}|(?:\0[ -~]){5,}")


def inspect_value(span: Span, value: bytes, own: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Findings in one value.

    Args:
        span: the element, no sequence. One that its writer could not name (UN) is judged by the dictionary's VR.
        value: its bytes.
        own: keywords of attributes with text or bytes that an object of this class may have besides the others.
    """
    name = attribute_name((*span.path, span.tag))
    known = known_vr(span.tag)
    vr = known if span.vr == "UN" and known != "SQ" else span.vr
    if vr in BINARY_VRS:
        keyword = keyword_for_tag(span.tag)
        if value and keyword in own:
            yield from _profile(name, value)
        elif value and keyword not in INSPECT.binary:
            yield Finding("binary", name, vr)
        return
    if vr in TEXT_VRS or known in TEXT_VRS:
        yield from _text(span, name, value, own)
    elif vr in _CHECKS:
        text = value.decode("latin-1").strip("\0 ")
        check = _CHECKS[vr]
        if not all(check(span.tag, part.strip()) for part in text.split("\\") if part.strip()):
            yield Finding(_KINDS[vr], name)
    if span.tag == _CHARSET and value.strip(b"\0 ") != _UTF_8.encode():
        yield Finding("charset", name)


def _profile(name: str, value: bytes) -> Iterator[Finding]:
    """A colour profile (ISO 15076-1): what it is, and no telling words in Latin letters of one or two bytes."""
    if value[_PROFILE_SIGN] != b"acsp" or int.from_bytes(value[:4]) not in (len(value), len(value) - 1):
        yield Finding("binary", name, "profile")
    for found in _PROFILE_WORDS.findall(value):
        yield from _look(name, "ICCProfile", found.replace(b"\0", b"").decode("ascii"))


def _text(span: Span, name: str, value: bytes, own: frozenset[str]) -> Iterator[Finding]:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        yield Finding("charset", name, "not UTF-8")
        text = value.decode("latin-1")
    text = text.strip("\0 ")
    if not text or all(part.strip() in INSPECT.placeholders or not part for part in text.split("\\")):
        return
    keyword = keyword_for_tag(span.tag)
    if span.tag in _PSEUDONYMS:
        if INSPECT.subject.fullmatch(text):
            return
        yield Finding(_PSEUDONYMS[span.tag], name)
    elif keyword not in INSPECT.text and keyword not in own:
        yield Finding("free-text", name)
    elif any(len(part) > _LONGEST_TEXT for part in text.split("\\")):
        yield Finding("long-text", name)
    yield from _look(name, keyword, unicodedata.normalize("NFKC", text))


def _look(name: str, keyword: str, text: str) -> Iterator[Finding]:
    """Text that looks like a phone number, a date or a person."""
    text = _DASHES.sub("-", text)
    excused = INSPECT.excused.get(keyword, frozenset[str]())
    for rule, pattern in INSPECT.patterns.items():
        if rule not in excused and pattern.search(text):
            yield Finding(rule, name, "pattern")
    if keyword not in INSPECT.japanese and _JAPANESE.search(text):
        yield Finding("japanese", name, "pattern")
    if any(unicodedata.category(c) == "Cc" and c not in "\r\n\t\f" for c in text):
        yield Finding("control-character", name)


def _is_uid(tag: int, text: str) -> bool:
    if _OWN_UID.fullmatch(text):
        return True
    return tag not in _OWN_UIDS and _STANDARD_UID.fullmatch(text) is not None


def _is_code(tag: int, text: str) -> bool:  # noqa: ARG001 - one shape for all checks
    return len(text) <= _LONGEST_CODE and _CODE.fullmatch(text) is not None and _LONG_RUN.search(text) is None


def _is_young_enough(tag: int, text: str) -> bool:  # noqa: ARG001
    match = _AGE.fullmatch(text)
    return match is not None and (match[2] != "Y" or int(match[1]) <= INSPECT.oldest_years)


def _is_date(tag: int, text: str) -> bool:
    return tag != _BIRTH_DATE and len(text) == 8 and _is_day(text)  # noqa: PLR2004


def _is_day(text: str) -> bool:
    match = _DAY.fullmatch(text)
    if match is None:
        return False
    year, month, day = (int(part or 1) for part in match.groups())
    try:
        date(year, month, day)
    except ValueError:
        return False
    return _FIRST_YEAR <= year <= _LAST_YEAR


def _is_date_time(tag: int, text: str) -> bool:  # noqa: ARG001
    match = _DATE_TIME.fullmatch(text)
    return match is not None and _is_day(match[1])


def _is_time(tag: int, text: str) -> bool:
    return tag != _BIRTH_TIME and _TIME.fullmatch(text) is not None


def _is_decimal(tag: int, text: str) -> bool:  # noqa: ARG001
    return _DECIMAL.fullmatch(text) is not None


def _is_whole(tag: int, text: str) -> bool:  # noqa: ARG001
    return _WHOLE.fullmatch(text) is not None


_CHECKS = {
    "AS": _is_young_enough,
    "CS": _is_code,
    "DA": _is_date,
    "DS": _is_decimal,
    "DT": _is_date_time,
    "IS": _is_whole,
    "TM": _is_time,
    "UI": _is_uid,
}
_KINDS = {
    "AS": "age",
    "CS": "code-string",
    "DA": "date",
    "DS": "number",
    "DT": "date",
    "IS": "number",
    "TM": "time",
    "UI": "uid",
}
