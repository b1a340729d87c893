"""Names of metrics as papers print them, Japanese and English, and which of them say nothing alone."""

from __future__ import annotations

from collections.abc import Mapping

from kaname.evaluation.printed import plain

TABLE_METRICS = (
    "accuracy",
    "kappa",
    "mcc",
    "macro_recall",
    "macro_precision",
    "macro_f1",
    "weighted_f1",
)
"""What can be said of a whole confusion table."""

BINARY_METRICS = (
    "accuracy",
    "sensitivity",
    "recall",
    "specificity",
    "ppv",
    "precision",
    "npv",
    "f1",
    "kappa",
    "mcc",
    "lr_plus",
    "lr_minus",
)
"""What can be said of positive against negative, or of one class against all others."""

WORDS: Mapping[str, tuple[str, str]] = {
    "accuracy": ("正診率", "accuracy"),
    "kappa": ("κ係数", "Cohen's kappa"),
    "mcc": ("MCC", "MCC (R_K)"),
    "macro_recall": ("感度/再現率の平均", "macro recall"),
    "macro_precision": ("適合率の平均", "macro precision"),
    "macro_f1": ("F値の平均", "macro F1"),
    "weighted_f1": ("F値の加重平均", "weighted F1"),
    "sensitivity": ("感度", "sensitivity"),
    "recall": ("感度/再現率", "recall"),
    "specificity": ("特異度", "specificity"),
    "ppv": ("陽性的中率(適合率)", "PPV"),
    "precision": ("適合率(陽性的中率)", "precision"),
    "npv": ("陰性的中率", "NPV"),
    "f1": ("F値", "F1"),
    "lr_plus": ("陽性尤度比", "LR+"),
    "lr_minus": ("陰性尤度比", "LR−"),
}
"""How we print each metric: Japanese, English."""

_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "accuracy": ("正診率", "正解率", "正答率", "accuracy"),
    "kappa": ("κ", "κ係数", "カッパ係数", "kappa", "cohen's kappa"),
    "mcc": ("マシューズ相関係数", "mcc", "r_k"),
    "macro_recall": ("macro_recall", "macro recall", "balanced accuracy", "balanced_accuracy"),
    "macro_precision": ("macro_precision", "macro precision"),
    "macro_f1": ("macro_f1", "macro f1"),
    "weighted_f1": ("weighted_f1", "weighted f1"),
    "sensitivity": ("感度", "sensitivity"),
    "recall": ("再現率", "recall"),
    "specificity": ("特異度", "specificity"),
    "ppv": ("陽性的中率", "陽性適中率", "ppv"),
    "precision": ("適合率", "precision"),
    "npv": ("陰性的中率", "陰性適中率", "npv"),
    "f1": ("f値", "f1", "f1値", "f-measure", "f1-score"),
    "lr_plus": ("陽性尤度比", "lr+", "lr_plus"),
    "lr_minus": ("陰性尤度比", "lr-", "lr−", "lr_minus"),
}
_METRIC_OF = {spelling: metric for metric, spellings in _SPELLINGS.items() for spelling in spellings}


def is_ambiguous(name: str) -> bool:
    """Whether a name says nothing alone: 精度 (判別精度 …) is accuracy to one reader, recall to another."""
    return "精度" in plain(name)


def metric_of(name: str) -> str | None:
    """Our name of a printed metric; empty for an ambiguous name; ``None`` for an unknown one."""
    return "" if is_ambiguous(name) else _METRIC_OF.get(plain(name).casefold())
