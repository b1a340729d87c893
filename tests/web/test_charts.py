"""Pictures of counts."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from kaname.web.charts import LENGTH, bars, paired_days

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
COUNTS = st.integers(0, 10**12)


@given(st.lists(st.tuples(NAMES, COUNTS), max_size=8))
def test_bars_are_sound_for_any_values(counts: list[tuple[str, int]]) -> None:
    """Whatever the values are, the SVG is well-formed, no bar is longer than its room, and the table has them whole."""
    picture = bars("x", "t<>&", ("a", "b"), counts)
    drawn = ET.fromstring(picture.svg)  # noqa: S314 -- our own
    lengths = [float(one.attrib["width"]) for one in drawn if one.tag.endswith("rect")]
    assert len(lengths) == len(counts)
    assert all(0 <= length <= LENGTH for length in lengths)
    assert [row[0] for row in picture.rows] == [value for value, _ in counts]


@given(st.lists(st.tuples(st.dates().map(str), COUNTS, COUNTS), max_size=31))
def test_days_are_sound_for_any_numbers(days: list[tuple[str, int, int]]) -> None:
    """Two bars a day, each within the picture."""
    picture = paired_days("x", "t", ("d", "a", "b"), days)
    drawn = ET.fromstring(picture.svg)  # noqa: S314 -- our own
    assert sum(one.tag.endswith("rect") for one in drawn) == 2 + 2 * len(days)
    assert all(float(one.attrib["y"]) >= 0 for one in drawn if one.tag.endswith("rect"))


def test_a_picture_tells_itself() -> None:
    """Title and description for who does not see it; nothing inline that the pages' policy would stop."""
    svg = bars("sex", "性別", ("性別", "人"), [("男", 2), ("とても長い名前の装置がここにありますから切れます", 1)]).svg
    assert '<title id="sex-title">性別</title>' in svg
    assert "男: 2" in svg
    assert "…" in svg
    assert "style=" not in svg
