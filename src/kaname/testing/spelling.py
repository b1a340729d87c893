"""How dates, names and numbers are spelt in Japanese records: every way that one writer or another uses."""

from __future__ import annotations

from datetime import date

_ERAS = (
    (date(2019, 5, 1), "令和", "R"),
    (date(1989, 1, 8), "平成", "H"),
    (date(1926, 12, 25), "昭和", "S"),
    (date(1912, 7, 30), "大正", "T"),
)
_KANJI_DIGITS = str.maketrans("0123456789", "〇一二三四五六七八九")
_FULL_WIDTH = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)} | {" ": "　"})
_TEN = 10
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def dates(day: date) -> dict[str, str]:
    """Spellings of a date from 1912-07-30 on, by the name of the style; ``da`` is DICOM's own."""
    year, month, dom = day.year, day.month, day.day
    era, letter, count = _era(day)
    first, first_kanji = ("元", "元") if count == 1 else (str(count), kanji_number(count))
    return {
        "da": f"{day:%Y%m%d}",
        "dotted": f"{day:%Y.%m.%d}",
        "iso": f"{day:%Y-%m-%d}",
        "slashes": f"{day:%Y/%m/%d}",
        "kanji": f"{year}年{month}月{dom}日",
        "kanji padded": f"{year}年{month:02}月{dom:02}日",
        "kanji digits": f"{str(year).translate(_KANJI_DIGITS)}年{kanji_number(month)}月{kanji_number(dom)}日",
        "full width": f"{day:%Y}年{month}月{dom}日".translate(_FULL_WIDTH),
        "wareki": f"{era}{first}年{month}月{dom}日",
        "wareki kanji": f"{era}{first_kanji}年{kanji_number(month)}月{kanji_number(dom)}日",
        "wareki short": f"{letter}{count}.{month}.{dom}",
        "wareki padded": f"{letter}{count:02}/{month:02}/{dom:02}",
        "english": f"{_MONTHS[month - 1]} {dom}, {year}",
        "day first": f"{dom:02} {_MONTHS[month - 1][:3]} {year}",
    }


def _era(day: date) -> tuple[str, str, int]:
    start, name, letter = next(row for row in _ERAS if row[0] <= day)
    return name, letter, day.year - start.year + 1


def kanji_number(number: int) -> str:
    """A number from 1 to 99 as it is read: 十二, 二十, 三十一."""
    tens, ones = divmod(number, _TEN)
    head = "" if tens == 0 else "十" if tens == 1 else f"{str(tens).translate(_KANJI_DIGITS)}十"
    return head + (str(ones).translate(_KANJI_DIGITS) if ones else "")


def full_width(text: str) -> str:
    """ASCII as full-width characters: ``Ａ１２``."""
    return text.translate(_FULL_WIDTH)


def hiragana(katakana: str) -> str:
    """Katakana as hiragana; other characters stay."""
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in katakana)


_FULL_KANA = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンァィゥェォャュョッー・"
)
_HALF_KANA = "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝｧｨｩｪｫｬｭｮｯｰ･"
_VOICED = "ガギグゲゴザジズゼゾダヂヅデドバビブベボヴパピプペポ"
_TO_HALF = str.maketrans(
    dict(zip(_FULL_KANA, _HALF_KANA, strict=True))
    | dict(zip(_VOICED, [f"{c}ﾞ" for c in "ｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎｳ"] + [f"{c}ﾟ" for c in "ﾊﾋﾌﾍﾎ"], strict=True))
)


def half_width(katakana: str) -> str:
    """Katakana as half-width kana (JIS X 0201), voiced sounds as two characters; other characters stay."""
    return katakana.translate(_TO_HALF)
