"""Readings, calendars and encodings behind the search."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaname.residual.escapes import fold
from kaname.residual.kana import is_kana, to_half_width, to_hiragana, to_katakana, to_readings, to_romaji
from kaname.residual.wareki import day_spellings, kanji_number, read_day


@pytest.mark.parametrize(
    ("kana", "romaji"),
    [
        ("しんじ", {"shinji", "sinzi"}),
        ("いとう", {"itou", "ito", "itoh"}),
        ("おおの", {"oono", "ono", "ohno"}),
        ("ユウキ", {"yuuki", "yuki"}),
        ("ほんま", {"honma", "homma"}),
        ("ほった", {"hotta"}),
        ("はっちょう", {"hatchou", "hacchou", "hatcho"}),
        ("きょうこ", {"kyouko", "kyoko"}),
        ("ジュリー", {"juri"}),
        ("けいた", {"keita", "keta"}),
        ("つづき", {"tsuzuki", "tuduki"}),
    ],
)
def test_readings_are_romanised_in_the_usual_ways(kana: str, romaji: set[str]) -> None:
    """Hepburn, Kunrei, long vowels dropped or with h, m before labials."""
    assert romaji <= set(to_romaji(kana))


@pytest.mark.parametrize(
    ("romaji", "kana"),
    [
        ("Sato", {"さと", "さとう"}),
        ("Ohno", {"おうの"}),
        ("Shinji", {"しんじ"}),
        ("Homma", {"ほんま"}),
        ("Hotta", {"ほった"}),
        ("Matchan", {"まっちゃん"}),
        ("Kyoko", {"きょこ", "きょうこ"}),
        ("Yuki", {"ゆき", "ゆうき"}),
    ],
)
def test_romaji_is_read_back(romaji: str, kana: set[str]) -> None:
    """Romanised names are read with long vowels wherever they may hide."""
    assert kana <= set(to_readings(romaji))


@pytest.mark.parametrize("word", ["Smith", "Xlq", "Schmidt"])
def test_what_is_no_reading_gives_none(word: str) -> None:
    """Foreign words have no reading."""
    assert to_readings(word) == ()


def test_scripts_convert() -> None:
    """Hiragana, katakana and half-width katakana are one reading."""
    assert to_hiragana("ヤマダ") == "やまだ"
    assert to_katakana("やまだ") == "ヤマダ"
    assert to_half_width("やまだー") == "ﾔﾏﾀﾞｰ"
    assert is_kana("やまダー")
    assert not is_kana("山")
    assert not is_kana("")
    assert to_romaji("やゝ") == ()


def test_eras_begin_and_end_on_their_days() -> None:
    """The last day of an era is not in the next one."""
    assert "令和元年5月1日" in day_spellings(date(2019, 5, 1))
    assert "平成31年4月30日" in day_spellings(date(2019, 4, 30))
    assert not any("平成" in s for s in day_spellings(date(2019, 5, 1)))
    assert "昭和64年1月7日" in day_spellings(date(1989, 1, 7))
    assert "明治45年7月29日" in day_spellings(date(1912, 7, 29))
    assert not any("治" in s for s in day_spellings(date(1867, 1, 1)))


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_spellings_of_a_day_are_its_own(day: date) -> None:
    """Every spelling is long enough to be telling, and the plainest ones are there."""
    spelled = day_spellings(day)
    assert {
        day.strftime("%Y%m%d"),
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
    } <= set(spelled)
    assert all(len(s) >= 6 for s in spelled)
    assert len(spelled) == len(set(spelled))
    assert read_day(day.strftime("%Y%m%d")) == day


def test_numbers_in_kanji() -> None:
    """One to ninety-nine."""
    assert [kanji_number(n) for n in (1, 10, 11, 20, 35)] == ["一", "十", "十一", "二十", "三十五"]


@given(st.binary(max_size=200))
def test_folding_never_crashes_and_knows_where_bytes_came_from(data: bytes) -> None:
    """Every offset in folded bytes has a place in the original."""
    folded = fold(b"abc\x1b$B" + data + b"\x1b(I12\x1b(Bend")
    assert folded is not None
    assert all(0 <= folded.origin(n) <= len(data) + 22 for n in range(len(folded.data)))
    assert folded.data.startswith(b"abc")


def test_supplementary_characters_fold_to_three_bytes() -> None:
    """JIS X 0212 in ISO-2022-JP becomes EUC-JP's three-byte code."""
    folded = fold("鷗".encode("iso2022_jp_2"))
    assert folded is not None
    assert folded.data == "鷗".encode("euc_jp")
