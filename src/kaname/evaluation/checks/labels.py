"""Do the names say what they name? Classes that are called alike, and metrics whose name says nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kaname.evaluation.checks.stated import fits, readings, value_of
from kaname.evaluation.model import NOT_RESOLVABLE, CountTable, Facts, Finding, Flag, Scores
from kaname.evaluation.names import WORDS, is_ambiguous
from kaname.evaluation.repair import flag


def duplicates(table: CountTable) -> Iterator[Finding]:
    """A finding for each class name that stands more than once, letters compared without their case."""
    for name, times in Counter(column.casefold() for column in table.columns).items():
        if times > 1:
            alike = [column for column in table.columns if column.casefold() == name]
            yield Finding(
                "duplicate-labels",
                name,
                1,
                times,
                f"クラス名が重複しています: {'、'.join(alike)}。",
                f"Class names repeat: {', '.join(alike)}.",
            )


def ambiguous(facts: Facts) -> Iterator[Flag]:
    """A flag for each ambiguous metric name; the repair names the metric when only one fits all its figures."""
    for name in dict.fromkeys(stated.name for stated in facts.stated if not stated.metric):
        yield flag(_ambiguous(name), _only_reading(facts, name))


def unnamed(scores: Sequence[Scores]) -> Iterator[Finding]:
    """A finding for each table of scores whose metric is missing or says nothing alone."""
    for number, table in enumerate(scores, 1):
        if not table.metric:
            yield Finding(
                "metric-name",
                f"scores.{number}",
                "metric",
                "",
                f"スコア表「{table.name}」に指標の名前がありません。出典で確認してください。",
                f"The table of scores “{table.name}” names no metric. Confirm it at the source.",
            )
        elif is_ambiguous(table.metric):
            yield _ambiguous(table.metric)


def _ambiguous(name: str) -> Finding:
    return Finding(
        "metric-name",
        name,
        "正診率/accuracy | 感度/recall | 適合率/precision",
        name,
        f"「{name}」だけでは、正診率か、クラスごとの感度か、適合率か分かりません。指標の名前を書いてください。",
        f"“{name}” alone may mean accuracy, recall per class or precision. Name the metric.",
    )


def _only_reading(facts: Facts, name: str) -> str:
    """The metric that gives every figure printed under this name, when there is only one."""
    shared: set[str] | None = None
    for stated in facts.stated:
        if stated.name == name and not stated.metric:
            found = {r.metric for r in readings(facts, stated) if fits(stated.value, value_of(facts, r))}
            shared = found if shared is None else shared & found
    if shared is None or len(shared) != 1:
        return NOT_RESOLVABLE
    return "/".join(WORDS[shared.pop()])
