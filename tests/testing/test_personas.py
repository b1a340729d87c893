from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaname.testing import spelling
from kaname.testing.needles import SHORTEST_BYTES, needles
from kaname.testing.pen import Pen, folded
from kaname.testing.personas import FAMILIES, personas, site
from kaname.testing.write import CHARSETS


@given(st.integers(0, 10**6), st.integers(1, 24))
def test_the_same_seed_gives_the_same_people(seed: int, count: int) -> None:
    """A seed always gives the same people and hospital, and fewer of them are the first of more."""
    assert personas(seed, count) == personas(seed, count + 3)[:count]
    assert site(seed) == site(seed)


def test_people_cover_the_shapes_that_break_tools() -> None:
    """Twelve people have every family name, eight shapes of number and one of them is over ninety."""
    people = personas(1, 12)
    assert {p.name.kanji[0] for p in people} == {kanji for _, kanji, _ in FAMILIES}
    assert {"髙橋", "山﨑", "林", "東", "佐々木", "Whitfield", "Nguyễn"} <= {p.name.kanji[0] for p in people}
    assert len({p.patient_id for p in people}) == 12
    assert max(p.age_on(date(2024, 5, 1)) for p in people) > "090Y"


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_every_spelling_is_long_enough_to_be_searched_for(seed: int) -> None:
    """No spelling is so short that it could turn up by chance."""
    for text in (*personas(seed, 3)[2].spellings(), *site(seed).spellings()):
        assert min(len(needle.form) for needle in needles([text])) >= SHORTEST_BYTES


def test_dates_are_spelt_as_records_spell_them() -> None:
    """A date is spelt in DICOM's way, with slashes, in kanji, in the Japanese calendar and in English."""
    forms = spelling.dates(date(2024, 5, 1))
    assert {"20240501", "2024/05/01", "2024年5月1日", "令和6年5月1日", "R6.5.1", "二〇二四年五月一日"} <= set(
        forms.values()
    )
    assert {"May 1, 2024", "２０２４年５月１日", "令和六年五月一日", "01 May 2024"} <= set(forms.values())


@pytest.mark.parametrize(
    ("day", "wareki", "kanji"),
    [
        (date(2019, 5, 1), "令和元年5月1日", "令和元年五月一日"),
        (date(2019, 4, 30), "平成31年4月30日", "平成三十一年四月三十日"),
        (date(1989, 1, 7), "昭和64年1月7日", "昭和六十四年一月七日"),
        (date(1926, 12, 24), "大正15年12月24日", "大正十五年十二月二十四日"),
    ],
)
def test_eras_begin_on_their_day(day: date, wareki: str, kanji: str) -> None:
    """An era's first year is 元年 and begins on the day of the change."""
    assert spelling.dates(day)["wareki"] == wareki
    assert spelling.dates(day)["wareki kanji"] == kanji


def test_kana_and_width() -> None:
    """Katakana become hiragana or half-width kana, ASCII becomes full width."""
    assert spelling.hiragana("タカハシ・ヴ") == "たかはし・ゔ"
    assert spelling.half_width("アズマ パーティー") == "ｱｽﾞﾏ ﾊﾟｰﾃｨｰ"
    assert spelling.full_width("A-12 x") == "Ａ－１２　ｘ"


def test_a_name_has_three_groups() -> None:
    """A PN value holds romaji, kanji and kana, in this order."""
    name = personas(0, 1)[0].name
    assert name.pn() == "TAKAHASHI^" + name.romaji[1] + "=髙橋^" + name.kanji[1] + "=たかはし^" + spelling.hiragana(
        name.kana[1]
    )


def test_a_pen_writes_what_its_charset_can_hold() -> None:
    """A text that the character set cannot hold is replaced by its standard form, or by the next choice."""
    jis, utf8, kana, plain, cp932 = (Pen(charset) for charset in CHARSETS)
    assert utf8.say("髙橋") == "髙橋"
    assert jis.say("髙橋") == "高橋"
    assert cp932.say("髙橋") == "髙橋"
    assert kana.say("髙橋", "ﾀｶﾊｼ") == "ﾀｶﾊｼ"
    assert plain.say("髙橋", "ﾀｶﾊｼ", "TAKAHASHI") == "TAKAHASHI"
    assert jis.known({"髙橋", "林"}) == ("高橋",)
    assert folded("山﨑鷗外") == "山崎鴎外"
    with pytest.raises(ValueError, match="none"):
        plain.say("髙橋")
