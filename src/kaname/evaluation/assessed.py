"""An assessment and a comparison as JSON, and as lines that people read: Japanese first, then English."""

from __future__ import annotations

import json
from dataclasses import asdict

from kaname.evaluation.model import BinaryFigures, Interval
from kaname.evaluation.names import WORDS
from kaname.evaluation.report import columns_of
from kaname.evaluation.scored import Assessment, Comparison
from kaname.ledger.canonical import Json

_WIDTH = 44


def assessment_json(part: Assessment | Comparison) -> dict[str, Json]:
    """The fields by name: an interval is a list of two, what is undefined is ``None``."""
    fields: dict[str, Json] = json.loads(json.dumps(asdict(part)))
    return fields


def assessment_text(one: Assessment) -> str:
    """Figures of one score."""
    return "\n".join(f"{_padded(name)}{value}" for name, value in figure_rows(one))


def comparison_text(one: Comparison) -> str:
    """Figures of two scores on one set."""
    rows = [
        ("症例数 / n", f"{one.n:,}  (陽性 / positive {one.positives:,})"),
        ("対象者 / subjects", f"{one.groups:,}"),
        ("AUC 1", _figure(one.first_auc)),
        ("AUC 2", _figure(one.second_auc)),
        ("差 / difference (DeLong)", _figure(one.difference, one.difference_ci95)),
        ("差 / difference (対象者単位 / by subject)", _figure(one.difference, one.difference_ci95_by_group)),
        ("P", _figure(one.p_value)),
    ]
    return "\n".join(f"{_padded(name)}{value}" for name, value in rows)


def figure_rows(one: Assessment) -> list[tuple[str, str]]:
    """Name and figure, as a table on a page or in a terminal shows them."""
    binary = one.binary
    by_group = "対象者単位 / by subject"
    rows = [
        ("症例数 / n", f"{one.n:,}  (陽性 / positive {one.positives:,})"),
        ("対象者 / subjects", f"{one.groups:,}"),
        ("AUC (DeLong)", _figure(one.auc, one.auc_ci95)),
        (f"AUC ({by_group})", _figure(one.auc, one.auc_ci95_by_group)),
        ("閾値 / threshold", f"{one.threshold:.4g}"),
        ("TP / FP / FN / TN", f"{binary.tp:,} / {binary.fp:,} / {binary.fn:,} / {binary.tn:,}"),
    ]
    for name, interval in _intervals(binary).items():
        rows.append((f"{' / '.join(WORDS[name])} (Wilson)", _figure(getattr(binary, name), interval)))
    grouped = {"sensitivity": one.sensitivity_ci95_by_group, "specificity": one.specificity_ci95_by_group}
    for name, interval in grouped.items():
        rows.append((f"{WORDS[name][0]} ({by_group})", _figure(getattr(binary, name), interval)))
    if one.calibration:
        rows += [("Brier", _figure(one.calibration.brier)), ("ECE", _figure(one.calibration.ece))]
    return rows


def _intervals(binary: BinaryFigures) -> dict[str, Interval | None]:
    return {
        "sensitivity": binary.sensitivity_ci95,
        "specificity": binary.specificity_ci95,
        "ppv": binary.ppv_ci95,
        "npv": binary.npv_ci95,
        "accuracy": binary.accuracy_ci95,
    }


def _figure(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return "—"
    return f"{value:.4f}" + (f"  (95%CI {interval[0]:.4f}–{interval[1]:.4f})" if interval else "")


def _padded(text: str) -> str:
    return text + " " * max(1, _WIDTH - columns_of(text))
