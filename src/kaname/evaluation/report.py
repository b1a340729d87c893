"""An evaluation as JSON, and as a table that people read: Japanese first, then English."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict

from kaname.evaluation.interval import likelihood_ratio
from kaname.evaluation.model import BinaryFigures, Evaluation, Figures, Flag, Interval
from kaname.evaluation.names import WORDS
from kaname.ledger.canonical import Json

_NAME_WIDTH = 44


def as_json(evaluation: Evaluation) -> dict[str, Json]:
    """The keys of ``docs/reference/evaluate.md``; an undefined figure is ``None``, an interval a list of two."""
    parts: dict[str, Json] = {}
    if evaluation.figures:
        parts |= _plain(evaluation.figures)
    if evaluation.binary:
        parts["binary"] = _plain(evaluation.binary)
    parts["flags"] = [_plain(flag) for flag in evaluation.flags]
    return parts


def as_text(evaluation: Evaluation) -> str:
    """Lines of at most about 110 columns, full-width characters counted as two."""
    lines: list[str] = []
    if evaluation.figures:
        lines += [*_whole(evaluation.figures), "", *_classes(evaluation.figures)]
    if evaluation.binary:
        lines += ["", *_binary(evaluation.binary)]
    lines += ["", f"指摘 / flags: {len(evaluation.flags)}"] if lines else [f"指摘 / flags: {len(evaluation.flags)}"]
    for flag in evaluation.flags:
        lines += _flag(flag)
    return "\n".join(lines)


def _plain(part: Figures | BinaryFigures | Flag) -> dict[str, Json]:
    """The fields as JSON has them: tuples become lists."""
    fields: dict[str, Json] = json.loads(json.dumps(asdict(part)))
    return fields


def _whole(figures: Figures) -> list[str]:
    rows = [("症例数 / n", f"{figures.n:,}")]
    for name in ("accuracy", "kappa", "mcc", "macro_recall", "macro_precision", "macro_f1", "weighted_f1"):
        interval = figures.accuracy_ci95 if name == "accuracy" else None
        rows.append((" / ".join(WORDS[name]), _figure(getattr(figures, name), interval)))
    return [_padded(name, _NAME_WIDTH) + value for name, value in rows]


def _classes(figures: Figures) -> list[str]:
    heads = ["感度/再現率", "適合率", "F値", "特異度"], ["recall", "precision", "F1", "specificity"]
    width = max(16, *(columns_of(one.name) + 2 for one in figures.per_class))
    lines = [
        _padded(name, width) + "".join(_right(head, 13) for head in ("n", *words))
        for name, words in zip(("クラス", "class"), heads, strict=True)
    ]
    for one in figures.per_class:
        values = [f"{one.n:,}", *map(_figure, (one.recall, one.precision, one.f1, one.specificity))]
        lines.append(_padded(one.name, width) + "".join(_right(value, 13) for value in values))
    return [*lines, "適合率 = 陽性的中率 / precision = PPV"]


def _binary(binary: BinaryFigures) -> list[str]:
    lines = [
        "陽性と陰性 / positive against negative",
        f"TP {binary.tp:,}  FP {binary.fp:,}  FN {binary.fn:,}  TN {binary.tn:,}",
    ]
    positives, negatives = binary.tp + binary.fn, binary.fp + binary.tn
    intervals: dict[str, Interval | None] = {
        "sensitivity": binary.sensitivity_ci95,
        "specificity": binary.specificity_ci95,
        "ppv": binary.ppv_ci95,
        "npv": binary.npv_ci95,
        "accuracy": binary.accuracy_ci95,
        "f1": None,
        "kappa": None,
        "mcc": None,
        "lr_plus": likelihood_ratio(binary.tp, positives, binary.fp, negatives),
        "lr_minus": likelihood_ratio(binary.fn, positives, binary.tn, negatives),
    }
    for name, interval in intervals.items():
        lines.append(_padded(" / ".join(WORDS[name]), _NAME_WIDTH) + _figure(getattr(binary, name), interval))
    return lines


def _flag(flag: Flag) -> list[str]:
    repair = f"    修正案 / repair: {flag.repair}"
    found = f"    期待 / expected: {flag.expected}   実際 / found: {flag.found}"
    return [f"- {flag.check}", f"    {flag.message_ja}", f"    {flag.message_en}", found, repair]


def _figure(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return "— (a/0)"
    return f"{value:.4f}" + (f"  (95%CI {interval[0]:.4f}–{interval[1]:.4f})" if interval else "")


def columns_of(text: str) -> int:
    """Columns of a terminal that a text takes: full-width characters count as two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int) -> str:
    return text + " " * max(1, width - columns_of(text))


def _right(text: str, width: int) -> str:
    return " " * max(1, width - columns_of(text)) + text
