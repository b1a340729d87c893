"""ROC curve, confusion table and calibration as pictures that a screen reader can tell: SVG with the figures beside it.

The SVG carries its own title and description, in one language or in both, and styles nothing by ``style``: a page under
a strict content security policy shows it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from kaname.evaluation.scored import Assessment, Calibration, RocPoint

SIDE = 320
"""Length of an axis in user units."""
LEFT, TOP = 64, 24
WIDTH, HEIGHT = LEFT + SIDE + 24, TOP + SIDE + 64
INK, GREY, LINE = "#1f2933", "#52606d", "#0b5394"
DARKEST = 0.6
"""Opacity of a full cell: dark ink on it keeps a contrast of 4.5 : 1 (WCAG 1.4.3)."""
Language = Literal["ja", "en", "both"]
"""Of the words in a picture: a page has its reader's language, a report that goes round has both."""
FONT = "Noto Sans JP, Hiragino Sans, Meiryo, sans-serif"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and its figures."""

    svg: str
    """One ``<svg>`` element with ``role="img"``, a ``<title>`` and a ``<desc>``."""
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def roc_picture(one: Assessment, name: str = "roc", language: Language = "both") -> Picture:
    """The ROC curve with the point of the threshold.

    Args:
        one: What is drawn.
        name: Begins the ids inside the SVG; different for each picture of a page.
        language: Of its words.
    """
    sensitivity, specificity = one.binary.sensitivity, one.binary.specificity
    said = _in("感度", "sensitivity", language), _in("特異度", "specificity", language)
    told = _in(
        f"AUC {one.auc:.3f}。閾値 {one.threshold:.3g} で感度 {_share(sensitivity)}、特異度 {_share(specificity)}。",
        f"AUC {one.auc:.3f}. At threshold {one.threshold:.3g}: sensitivity {_share(sensitivity)}, "
        f"specificity {_share(specificity)}.",
        language,
    )
    parts = [
        *_axes(_in("1 - 特異度", "1 - specificity", language), said[0]),
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" fill="none" stroke="{GREY}" stroke-dasharray="4 4"/>',
        f'<path d="{_path(one.roc)}" fill="none" stroke="{LINE}" stroke-width="2.5" stroke-linejoin="round"/>',
    ]
    if sensitivity is not None and specificity is not None:
        parts.append(f'<circle cx="{_x(1 - specificity)}" cy="{_y(sensitivity)}" r="5" fill="{INK}"/>')
    parts.append(_text(_x(0.97), _y(0.05), f"AUC {one.auc:.3f}", anchor="end", size=16))
    rows = tuple(
        (
            "—" if p.threshold is None else f"{p.threshold:.6g}",
            _share(p.true_positive_rate),
            _share(1 - p.false_positive_rate),
        )
        for p in one.roc
    )
    title = _in("ROC曲線", "ROC curve", language)
    return Picture(_svg(name, title, told, parts), (_in("閾値", "threshold", language), *said), rows)


def confusion_picture(one: Assessment, name: str = "confusion", language: Language = "both") -> Picture:
    """The two-by-two table at the threshold; the darker a cell, the greater its share of what is true."""
    binary = one.binary
    truths = _in("正解 陽性", "truth positive", language), _in("正解 陰性", "truth negative", language)
    calls = _in("推定 陽性", "called positive", language), _in("推定 陰性", "called negative", language)
    counts = ((binary.tp, binary.fp), (binary.fn, binary.tn))
    true = (binary.tp + binary.fn, binary.fp + binary.tn)
    told = _in(
        f"真陽性 {binary.tp}、偽陽性 {binary.fp}、偽陰性 {binary.fn}、真陰性 {binary.tn}。",
        f"True positives {binary.tp}, false positives {binary.fp}, "
        f"false negatives {binary.fn}, true negatives {binary.tn}.",
        language,
    )
    parts: list[str] = []
    for row, cells in enumerate(counts):
        parts.append(_text(LEFT - 12, TOP + (row + 0.5) * SIDE / 2, calls[row], anchor="middle", turned=True))
        for column, count in enumerate(cells):
            parts += _cell(row, column, count, count / true[column])
    parts += [_text(LEFT + (c + 0.5) * SIDE / 2, TOP + SIDE + 24, truth, size=12) for c, truth in enumerate(truths)]
    rows = tuple((calls[row], f"{cells[0]:,}", f"{cells[1]:,}") for row, cells in enumerate(counts))
    title = _in("混同行列", "confusion table", language)
    return Picture(_svg(name, title, told, parts), ("", *truths), rows)


def calibration_picture(one: Calibration, name: str = "calibration", language: Language = "both") -> Picture:
    """How often the answer was positive among cases of one score: on the diagonal, a score means what it says."""
    score, share = _in("平均スコア", "mean score", language), _in("陽性の割合", "share of positives", language)
    told = _in(
        f"ブライアスコア {one.brier:.3f}、期待校正誤差 {one.ece:.3f}。区間 {len(one.bins)} 個。",
        f"Brier score {one.brier:.3f}, expected calibration error {one.ece:.3f}, in {len(one.bins)} bins.",
        language,
    )
    line = "M" + "L".join(f"{_x(each.mean_score)} {_y(each.share_positive)}" for each in one.bins)
    parts = [
        *_axes(score, share),
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" fill="none" stroke="{GREY}" stroke-dasharray="4 4"/>',
        f'<path d="{line}" fill="none" stroke="{LINE}" stroke-width="2.5" stroke-linejoin="round"/>',
        *(f'<circle cx="{_x(b.mean_score)}" cy="{_y(b.share_positive)}" r="4" fill="{INK}"/>' for b in one.bins),
        _text(_x(0.97), _y(0.05), f"ECE {one.ece:.3f}", anchor="end", size=16),
    ]
    rows = tuple(
        (f"{b.low:.1f}–{b.high:.1f}", f"{b.n:,}", _share(b.mean_score), _share(b.share_positive)) for b in one.bins
    )
    headings = (_in("スコアの区間", "score", language), _in("症例", "cases", language), score, share)
    return Picture(_svg(name, _in("校正", "calibration", language), told, parts), headings, rows)


def _in(ja: str, en: str, language: Language) -> str:
    return {"ja": ja, "en": en, "both": f"{ja} / {en}"}[language]


def _cell(row: int, column: int, count: int, share: float) -> list[str]:
    x, y = LEFT + column * SIDE / 2, TOP + row * SIDE / 2
    frame = f'x="{x:g}" y="{y:g}" width="{SIDE / 2:g}" height="{SIDE / 2:g}"'
    return [
        f'<rect {frame} fill="#ffffff" stroke="{GREY}"/>',
        f'<rect {frame} fill="{LINE}" fill-opacity="{DARKEST * share:.3f}"/>',
        _text(x + SIDE / 4, y + SIDE / 4, f"{count:,}", size=28),
        _text(x + SIDE / 4, y + SIDE / 4 + 28, f"{share:.1%}", size=14),
    ]


def _axes(below: str, beside: str) -> list[str]:
    parts = [f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="#ffffff" stroke="{GREY}"/>']
    for step in range(6):
        share = step / 5
        parts.append(f'<path d="M{_x(share)} {TOP + SIDE}v6M{LEFT} {_y(share)}h-6" stroke="{GREY}"/>')
        parts.append(_text(_x(share), TOP + SIDE + 20, f"{share:.1f}", size=12))
        parts.append(_text(LEFT - 10, _y(share) + 4, f"{share:.1f}", size=12, anchor="end"))
    return [
        *parts,
        _text(LEFT + SIDE / 2, TOP + SIDE + 46, below),
        _text(18, TOP + SIDE / 2, beside, turned=True),
    ]


def _path(points: Sequence[RocPoint]) -> str:
    """The curve in tenths of a unit: points that fall on one another are drawn once."""
    drawn = dict.fromkeys((_x(p.false_positive_rate), _y(p.true_positive_rate)) for p in points)
    return "M" + "L".join(f"{x} {y}" for x, y in drawn)


def _x(share: float) -> float:
    return round(LEFT + share * SIDE, 1)


def _y(share: float) -> float:
    return round(TOP + (1 - share) * SIDE, 1)


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _text(x: float, y: float, text: str, *, size: int = 13, anchor: str = "middle", turned: bool = False) -> str:
    turn = f' transform="rotate(-90 {x:g} {y:g})"' if turned else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{INK}"{turn}>{escape(text)}</text>'
    )


def _svg(name: str, title: str, told: str, parts: Sequence[str]) -> str:
    name = escape(name, quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-labelledby="{name}-title {name}-told" font-family="{FONT}">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-told">{escape(told)}</desc>'
        f"{''.join(parts)}</svg>"
    )
