"""Is the two-by-two table the collapse of the larger one?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from kaname.evaluation.metrics import collapse
from kaname.evaluation.model import CountTable, Facts, Finding, TwoByTwo
from kaname.evaluation.repair import Change
from kaname.evaluation.solve import Span, point
from kaname.evaluation.subsets import SEARCHABLE_CLASSES, matching, nearest, subsets

Key = tuple[str, str]


def findings(facts: Facts) -> Iterator[Finding]:
    """A finding when the classes that are positive, or any choice of classes, do not give the declared table."""
    table, binary = facts.table, facts.binary
    if binary is None or _agrees(facts, binary):
        return
    if not facts.positive and len(table.columns) > SEARCHABLE_CLASSES:
        yield Finding(
            "collapse",
            "",
            _shown(binary),
            "?",
            f"{SEARCHABLE_CLASSES} クラスを超えるため組み合わせを探していません。--positive で指定してください。",
            f"More than {SEARCHABLE_CLASSES} classes: no choice of positives was searched. Name them by --positive.",
        )
        return
    closest = facts.positive or (nearest(table, binary) if len(table.columns) > 1 else (0,))
    found = collapse(table, closest)
    names = _names(table, closest)
    whole = "" if facts.positive else "どのクラスの組み合わせでも一致しません。最も近いのは "
    whole_en = "" if facts.positive else "No choice of classes gives it; nearest: "
    yield Finding(
        "collapse",
        "",
        _shown(binary),
        _shown(found),
        f"2×2 表は多クラス表の集約と一致しません。{whole}陽性={names}: {_shown(found)}。",
        f"The two-by-two table is not the collapse of the larger one. {whole_en}positive = {names}: {_shown(found)}.",
    )


def changes(facts: Facts) -> Iterator[Change[Facts]]:
    """One of the four counts as the larger table has it, or other positive classes."""
    table, binary = facts.table, facts.binary
    if binary is None:
        return
    searched = subsets(len(table.columns)) if len(table.columns) <= SEARCHABLE_CLASSES else ()
    for positive in (facts.positive,) if facts.positive else searched:
        found = asdict(collapse(table, positive))
        wrong = [name for name, count in asdict(binary).items() if count != found[name]]
        if len(wrong) == 1:
            (name,) = wrong
            was, meant = asdict(binary)[name], found[name]
            yield Change(f"{name.upper()}: {was} → {meant}", replace(facts, binary=replace(binary, **{name: meant})))
    for positive in matching(table, binary) if facts.positive else ():
        yield Change(f"陽性/positive: {_names(table, positive)}", replace(facts, positive=positive))


def spans(facts: Facts, row: int, column: int) -> Iterator[tuple[Key, Span]]:
    """Both tables hold the same cases: that fixes one count when the others are right."""
    if facts.binary is not None:
        yield ("collapse", ""), point(facts.table.counts[row][column] + facts.binary.n - facts.table.n)


def _agrees(facts: Facts, binary: TwoByTwo) -> bool:
    if facts.positive:
        return collapse(facts.table, facts.positive) == binary
    return next(matching(facts.table, binary), None) is not None


def _names(table: CountTable, positive: Sequence[int]) -> str:
    return "+".join(table.columns[index] for index in positive)


def _shown(t: TwoByTwo) -> str:
    return f"TP {t.tp:,} / FP {t.fp:,} / FN {t.fn:,} / TN {t.tn:,}"
