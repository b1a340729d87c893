"""Does the table hold the cases that are declared, in all and class by class?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import gcd

from kaname.evaluation.model import Facts, Finding
from kaname.evaluation.repair import Change
from kaname.evaluation.solve import Span, point

Key = tuple[str, str]
_LARGEST_DIVISOR = 10
_TELLING = 20
"""A part of every class means something only when one class has this many cases."""


def findings(facts: Facts) -> Iterator[Finding]:
    """A finding for the whole, one for the classes, one when the declared numbers contradict each other."""
    table, part = facts.table, _part(facts)
    if facts.n is not None and facts.n != table.n:
        yield Finding(
            "declared-n",
            "",
            facts.n,
            table.n,
            f"申告された {facts.n:,} 例のうち、表にあるのは {table.n:,} 例です{part[0]}。",
            f"{table.n:,} evaluated of {facts.n:,} declared{part[1]}.",
        )
    wrong = [i for i, count in enumerate(facts.class_counts) if count is not None and count != table.column_sums[i]]
    if wrong:
        names = [table.columns[index] for index in wrong]
        yield Finding(
            "class-counts",
            "",
            _list(facts.class_counts),
            _list(table.column_sums),
            f"列の合計が申告されたクラス別の数と一致しません: {'、'.join(names)}{part[0]}。",
            f"Column sums differ from the declared class counts: {', '.join(names)}{part[1]}.",
        )
    declared = _sum(facts)
    if facts.n is not None and declared is not None and declared != facts.n:
        yield Finding(
            "class-counts-sum",
            "",
            facts.n,
            declared,
            f"申告されたクラス別の数の合計 {declared:,} が、申告された総数 {facts.n:,} と一致しません。",
            f"The declared class counts sum to {declared:,}, not to the declared {facts.n:,}.",
        )


def changes(facts: Facts) -> Iterator[Change[Facts]]:
    """The declared number, or one class count, as the table or the other declared numbers have it."""
    declared = _sum(facts)
    for n in {facts.table.n, declared} - {facts.n, None}:
        if facts.n is not None and n is not None:
            yield Change(f"総数/declared n: {facts.n} → {n}", replace(facts, n=n))
    for index, count in enumerate(facts.class_counts):
        if count is None:
            continue
        meant = {facts.table.column_sums[index]}
        if facts.n is not None and declared is not None:
            meant.add(count + facts.n - declared)
        for other in {max(0, number) for number in meant} - {count}:
            counts = (*facts.class_counts[:index], other, *facts.class_counts[index + 1 :])
            text = f"クラス別の数/class count {facts.table.columns[index]}: {count} → {other}"
            yield Change(text, replace(facts, class_counts=counts))


def spans(facts: Facts, row: int, column: int) -> Iterator[tuple[Key, Span]]:
    """What the declared numbers ask of one count."""
    count = facts.table.counts[row][column]
    if facts.n is not None:
        yield ("declared-n", ""), point(count + facts.n - facts.table.n)
    declared = facts.class_counts[column] if facts.class_counts else None
    if declared is not None:
        yield ("class-counts", ""), point(count + declared - facts.table.column_sums[column])


def share_of_each(sums: Sequence[int], counts: Sequence[int]) -> tuple[int, int] | None:
    """The simplest p/q (q ≤ 10) that every sum is of its class count, within one case of rounding up; else ``None``."""
    if not counts or max(counts) < _TELLING:
        return None
    for q in range(2, _LARGEST_DIVISOR + 1):
        for p in range(1, q):
            near = (abs(found + (-count * p // q)) <= 1 for found, count in zip(sums, counts, strict=True))
            if gcd(p, q) == 1 and all(near):
                return p, q
    return None


def _part(facts: Facts) -> tuple[str, str]:
    """How much of each class was evaluated, in both languages; empty when there is no such rule."""
    counts = [count for count in facts.class_counts if count is not None]
    if len(counts) != len(facts.table.columns):
        return "", ""
    share = share_of_each(facts.table.column_sums, counts)
    if share is None:
        return "", ""
    p, q = share
    ja, en = ("半分", "half") if share == (1, 2) else (f" {p}/{q}", f"{p}/{q}")
    return f"(各クラスの{ja}、誤差1例以内)", f" ({en} of each class, within one case)"


def _sum(facts: Facts) -> int | None:
    """Sum of the declared class counts, when all are declared."""
    known = [count for count in facts.class_counts if count is not None]
    return sum(known) if known and len(known) == len(facts.class_counts) else None


def _list(counts: Sequence[int | None]) -> str:
    return " / ".join("?" if count is None else f"{count:,}" for count in counts)
