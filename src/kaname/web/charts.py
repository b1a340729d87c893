"""Counts as pictures: inline SVG that a screen reader can tell, with the same figures as a table beside it.

Nothing in them is styled by ``style``, so the pages' policy shows them as they are. No value is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from unicodedata import east_asian_width

from kaname.evaluation.pictures import FONT, GREY, INK, LINE, Picture

BAR, GAP, LABEL, LENGTH, NUMBER = 22, 8, 200, 300, 70
"""Of horizontal bars, in user units: height, space between, room for names, longest bar, room for numbers."""
LETTERS_MOST = 26
"""Of a name beside a bar, full-width ones counted twice; the table has it whole."""
DAY, HEIGHT, AXIS = 44, 180, 34
"""Of vertical bars: room of one day, longest bar, room for the days."""


def bars(name: str, title: str, headings: tuple[str, str], counts: Sequence[tuple[str, int]]) -> Picture:
    """One horizontal bar for each value.

    Args:
        name: Begins the ids inside the SVG; different for each picture of a page.
        title: What is counted.
        headings: Of the table: what the values are, what the numbers are.
        counts: Values as they are shown, with their numbers.
    """
    most = max((number for _, number in counts), default=0) or 1
    parts: list[str] = []
    for row, (value, number) in enumerate(counts):
        top, length = GAP + row * (BAR + GAP), LENGTH * number / most
        parts += [
            _text(LABEL - 8, top + BAR * 0.7, _short(value), "end"),
            f'<rect x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" fill="{LINE}"/>',
            _text(LABEL + length + 6, top + BAR * 0.7, f"{number:,}", "start"),
        ]
    told = "; ".join(f"{value}: {number:,}" for value, number in counts)
    size = (LABEL + LENGTH + NUMBER, GAP + max(len(counts), 1) * (BAR + GAP))
    rows = tuple((value, f"{number:,}") for value, number in counts)
    return Picture(_svg(name, title, told, size, parts), headings, rows)


def paired_days(name: str, title: str, headings: tuple[str, str, str], days: Sequence[tuple[str, int, int]]) -> Picture:
    """Two vertical bars for each day: the first one is an outline, the second one is filled.

    Args:
        name: Begins the ids inside the SVG.
        title: What is counted.
        headings: Of the table: the day, the first number, the second one.
        days: ``2026-11-21`` with both numbers.
    """
    most = max((max(first, second) for _, first, second in days), default=0) or 1
    parts = [
        f'<rect x="8" y="8" width="14" height="14" fill="#ffffff" stroke="{GREY}" stroke-width="2"/>',
        _text(28, 20, headings[1], "start"),
        f'<rect x="208" y="8" width="14" height="14" fill="{LINE}"/>',
        _text(228, 20, headings[2], "start"),
        f'<path d="M0 {AXIS + HEIGHT}h{max(len(days), 9) * DAY + 8}" stroke="{GREY}"/>',
    ]
    for place, (day, first, second) in enumerate(days):
        left = 8 + place * DAY
        high, low = (HEIGHT * number / most for number in (first, second))
        outline = f'fill="#ffffff" stroke="{GREY}" stroke-width="2"'
        parts += [
            f'<rect x="{left}" y="{AXIS + HEIGHT - high:.1f}" width="15" height="{high:.1f}" {outline}/>',
            f'<rect x="{left + 18}" y="{AXIS + HEIGHT - low:.1f}" width="15" height="{low:.1f}" fill="{LINE}"/>',
            _text(left + 16, AXIS + HEIGHT + 18, f"{int(day[5:7])}/{int(day[8:10])}", "middle"),
        ]
    told = "; ".join(f"{day}: {headings[1]} {first:,}, {headings[2]} {second:,}" for day, first, second in days)
    rows = tuple((day, f"{first:,}", f"{second:,}") for day, first, second in days)
    size = (max(len(days), 9) * DAY + 16, AXIS + HEIGHT + 28)
    return Picture(_svg(name, title, told, size, parts), headings, rows)


def _short(value: str) -> str:
    """As much of a name as there is room for."""
    room = LETTERS_MOST
    for place, letter in enumerate(value):
        room -= 2 if east_asian_width(letter) in "WF" else 1
        if room < 0:
            return value[: place - 1] + "…"
    return value


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="13" text-anchor="{anchor}" fill="{INK}">{escape(text)}</text>'


def _svg(name: str, title: str, told: str, size: tuple[int, int], parts: Sequence[str]) -> str:
    name = escape(name, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" '
        f'height="{size[1]}" role="img" aria-labelledby="{name}-title {name}-told" font-family="{FONT}">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-told">{escape(told)}</desc>'
        f"{''.join(parts)}</svg>"
    )
