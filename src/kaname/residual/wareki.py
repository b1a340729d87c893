"""One calendar day in the spellings of Japanese and Western records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_DA = re.compile(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})")
_KANJI = "〇一二三四五六七八九"
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


@dataclass(frozen=True, slots=True)
class Era:
    """A Japanese era; ``first`` is its first day."""

    name: str
    letter: str
    square: str
    first: date


ERAS = (
    Era("令和", "r", "㋿", date(2019, 5, 1)),
    Era("平成", "h", "㍻", date(1989, 1, 8)),
    Era("昭和", "s", "㍼", date(1926, 12, 25)),
    Era("大正", "t", "㍽", date(1912, 7, 30)),
    Era("明治", "m", "㍾", date(1868, 1, 25)),
)


def read_day(text: str) -> date | None:
    """The day of a DA value or of the first eight digits of a DT value; ``None`` where it is no day."""
    match = _DA.match(text.strip())
    if match is None:
        return None
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def kanji_number(number: int) -> str:
    """1 to 99 in kanji, e.g. 二十三."""
    tens, ones = divmod(number, 10)
    return ("" if tens == 0 else "十" if tens == 1 else _KANJI[tens] + "十") + (_KANJI[ones] if ones else "")


def day_spellings(day: date) -> tuple[str, ...]:
    """Spellings of a day, lower case, half width; none is shorter than six characters."""
    year, month, number = day.year, day.month, day.day
    found = [f"{year}{month:02}{number:02}"]
    digits = "".join(_KANJI[int(c)] for c in str(year))
    in_kanji = f"{kanji_number(month)}月{kanji_number(number)}日"
    found += [f"{digits}年{in_kanji}", f"{digits}年{_by_digit(month)}月{_by_digit(number)}日"]
    for m, d in _paddings(month, number):
        found += [f"{year}{s}{m}{s}{d}" for s in "/-."]
        found += [f"{year}年{m}月{d}日", f"{year} 年 {m} 月 {d} 日"]
        found += [f"{m}/{d}/{year}", f"{d}/{m}/{year}", f"{d}.{m}.{year}", f"{m}-{d}-{year}", f"{d}-{m}-{year}"]
        found += [f"{year % 100:02}/{m}/{d}"]
    for name in (_MONTHS[month - 1], _MONTHS[month - 1][:3]):
        for d in dict.fromkeys((str(number), f"{number:02}")):
            found += [f"{name} {d} {year}", f"{name} {d}, {year}", f"{name}. {d}, {year}", f"{d} {name} {year}"]
            found += [f"{d}-{name}-{year}", f"{d}{name}{year}", f"{year} {name} {d}", f"{year}-{name}-{d}"]
    found += [s for era in ERAS for s in _in_era(day, era, in_kanji)]
    return tuple(dict.fromkeys(found))


def _in_era(day: date, era: Era, in_kanji: str) -> list[str]:
    """Wareki spellings; none before the era, none after the next one began."""
    following = next((e for e in reversed(ERAS) if e.first > era.first), None)
    if day < era.first or (following is not None and day >= following.first):
        return []
    year = day.year - era.first.year + 1
    years = [str(year), f"{year:02}", *(["元"] if year == 1 else [])]
    found = [f"{prefix}{y}年{in_kanji}" for prefix in (era.name, era.square) for y in (kanji_number(year), *years)]
    for y in dict.fromkeys(years):
        for m, d in _paddings(day.month, day.day):
            found += [f"{prefix}{y}年{m}月{d}日" for prefix in (era.name, era.name[0], era.square, era.letter)]
            found += [f"{era.name} {y} 年 {m} 月 {d} 日"]
            found += [f"{p}{y}{s}{m}{s}{d}" for p in (era.name, era.name[0], era.square, era.letter) for s in "./-"]
            found += [f"{era.letter}.{y}.{m}.{d}"]
    return [*found, f"{era.letter}{year:02}{day.month:02}{day.day:02}"]


def _paddings(month: int, number: int) -> list[tuple[str, str]]:
    return list(dict.fromkeys(((str(month), str(number)), (f"{month:02}", f"{number:02}"))))


def _by_digit(number: int) -> str:
    return "".join(_KANJI[int(c)] for c in str(number))
